"""What `data_prep.verify` tells of a source before work begins."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import cut_short, noise_frames, write_video
from source_trees import ROW, SIZE, write_frame, write_lines

from data_prep.checks import verification
from data_prep.checks.curation import CURATIONS
from data_prep.checks.filters import at_least
from data_prep.checks.track_tally import PERCENTS, TrackTally
from data_prep.checks.verification import estimate_crops, format_verification, verify
from data_prep.sources import SourceSpec
from data_prep.tracks import Report, SourceError, Track

ROOT = Path(__file__).parents[1]
FRAMES = 7


@pytest.fixture
def clips(tmp_path):
    """Two videos of 7 frames; the second shows two objects."""
    for video, objects in (("cat", [""]), ("dog", [".1", ".2"])):
        for number in range(1, FRAMES + 1):
            write_frame(tmp_path / video / f"{number:06d}.jpg")
        for name in objects:
            write_lines(tmp_path / video / f"groundtruth{name}.txt", *[ROW] * FRAMES)
    return SourceSpec("clips", "box_folders", tmp_path)


def test_counts_of_what_there_is(clips):
    result = verify(clips, (), decode="ends")
    assert (result.videos, result.tracks, result.frames, result.boxes) == (2, 3, 14, 21)
    assert result.lengths == (7, 7, 7)
    np.testing.assert_allclose(result.box_sizes, np.sqrt(20 * 16), rtol=0.02)
    assert not result.report.counts


def test_counts_of_what_curation_leaves_and_drops(clips):
    write_lines(clips.root / "cat/groundtruth.txt", *["1,2,3,4"] * FRAMES)
    write_lines(clips.root / "dog/groundtruth.1.txt", *["1,2,3,4"] * 2, *[ROW] * (FRAMES - 2))
    rule = at_least(10)
    result = verify(clips, (rule,), decode="ends")
    assert (result.videos, result.tracks, result.boxes) == (1, 2, 12)
    assert result.lengths == (5, 5, 7)
    assert (result.dropped.boxes[rule.name], result.dropped.tracks[rule.name]) == (9, 1)
    assert f"dropped by '{rule.name}': 9 boxes, 1 whole tracks" in format_verification(result, 1)


def problems(spec, decode, filters=()):
    return dict(verify(spec, filters, decode=decode).report.counts)


@pytest.mark.parametrize("frame", ["000001", "000004", "000007"])
def test_broken_images_are_found_at_the_ends_and_in_the_middle_of_tracks(clips, frame):
    (clips.root / f"cat/{frame}.jpg").write_bytes(b"broken")
    assert problems(clips, "ends") == {"unreadable frame": 1}


def test_every_broken_image_is_found_when_all_are_decoded(clips):
    cut_short(clips.root / "cat/000002.jpg")
    cut_short(clips.root / "dog/000005.jpg")
    assert problems(clips, "ends") == {}
    assert problems(clips, "all") == {"unreadable frame": 2}


def test_a_box_outside_of_its_own_smaller_frame_is_found(clips):
    write_frame(clips.root / "cat/000003.jpg", (9, 48))
    assert problems(clips, "ends") == {}
    result = verify(clips, (), decode="all")
    assert dict(result.report.counts) == {"box outside the frame": 1}
    assert "cat/000003.jpg" in result.report.examples["box outside the frame"][0]


def test_a_size_that_is_not_the_annotated_one_is_found(tmp_path):
    write_frame(tmp_path / "img1/000001.jpg", (128, 48))
    write_lines(tmp_path / "gt/gt.txt", "1,1,11,6,20,16")
    write_lines(tmp_path / "seqinfo.ini", "[Sequence]", "imWidth=64", "imHeight=48")
    spec = SourceSpec("mot", "mot", tmp_path)
    assert problems(spec, "ends") == problems(spec, "all") == {"other size than annotated": 1}


def test_a_video_file_whose_data_is_damaged_is_found_when_decoded(tmp_path):
    file = write_video(tmp_path / "a.mp4", noise_frames(9, *SIZE), movflags="faststart")
    write_lines(tmp_path / "a.txt", *[ROW] * 9)
    spec = SourceSpec("videos", "videos", tmp_path)
    assert problems(spec, "ends") == problems(spec, "all") == {}
    content = bytearray(file.read_bytes())
    middle = content.index(b"mdat") + 700
    content[middle : middle + 400] = bytes(400)
    file.write_bytes(content)
    assert problems(spec, "all")["unreadable frame"] > 0


def test_a_frame_whose_size_curation_needs_and_cannot_read_is_a_problem(clips):
    (clips.root / "cat/000002.jpg").write_bytes(b"broken")
    result = verify(clips, CURATIONS["clean"], decode="ends")
    assert dict(result.report.counts) == {"unreadable frame": 1}
    assert (result.boxes, result.dropped.boxes["unreadable frame"]) == (20, 1)


def test_nothing_left_to_train_on_is_a_problem(clips):
    assert problems(clips, "ends", [at_least(1000)]) == {"nothing to train on": 1}


def test_tracks_of_a_video_that_lie_apart_are_a_problem(clips, monkeypatch):
    frame = clips.root / "cat/000001.jpg"
    box = np.float32([[10, 5, 20, 16]])
    tracks = [
        Track(video, f"{video}{index}", (frame,), np.zeros(1, np.int32), box)
        for index, video in enumerate(["a", "b", "a"])
    ]
    monkeypatch.setattr(verification, "read_source", lambda spec, report: iter(tracks))
    assert problems(clips, "ends") == {"video in several places": 1}


def test_a_root_of_another_layout_is_an_error_not_a_problem(tmp_path):
    with pytest.raises(SourceError, match="no .*groundtruth.txt"):
        verify(SourceSpec("own", "box_folders", tmp_path), (), decode="ends")


@given(st.lists(st.floats(1, 2000), min_size=1, max_size=60))
def test_percentiles_of_box_sizes_are_right_to_one_per_cent(sides):
    tally = TrackTally()
    boxes = np.float32([[0, 0, side, side] for side in sides])
    frames = tuple(Path(f"{index}.jpg") for index in range(len(sides)))
    track = Track("v", "v", frames, np.arange(len(sides), dtype=np.int32), boxes)
    assert list(tally.counting([track], Report())) == [track]
    expected = np.percentile(boxes[:, 2], PERCENTS, method="inverted_cdf")
    np.testing.assert_allclose(tally.box_sizes(), expected, rtol=0.011)


def test_crops_are_estimated_from_numbers():
    assert estimate_crops(6000, 2) == (6000 * 36_000, 50.0)
    assert estimate_crops(100, 1, bytes_per_pair=10, boxes_per_second=50) == (1000, 2.0)


def run(*arguments):
    command = [sys.executable, "-m", "data_prep.verify", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_tells_by_its_exit_code_whether_there_are_problems(clips):
    source = f"--source=box_folders:{clips.root}"
    sane = run(source)
    assert (sane.returncode, sane.stdout.count("no problems")) == (0, 1)
    (clips.root / "cat/000002.jpg").unlink()
    faulty = run(source, "--decode=all", "--curation=clean")
    assert faulty.returncode == 3
    assert "PROBLEM missing frame: 1" in faulty.stdout


def test_wrong_use_is_answered_in_one_line():
    answer = run("--source=cocoa:data")
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: 'cocoa:data' is no source")
    assert answer.stderr.count("\n") == 1


def test_real_data_has_no_faults(shared_data):
    train = shared_data / "train"
    for spec in (
        SourceSpec("uav", "box_folders", train / "uav"),
        SourceSpec("mot15", "box_folders", train / "mot15_adl_rundle_6"),
        SourceSpec("stills", "coco", train / "stills"),
    ):
        assert problems(spec, "ends") == {}
