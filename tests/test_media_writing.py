import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from media_samples import noise_frames, video_frames

from siamfc_jax.media import video_writer
from siamfc_jax.media.box_text import parse_box, read_boxes_file
from siamfc_jax.media.box_writer import (
    BoxWriter,
    TrackingRecord,
    read_boxes_csv,
    read_boxes_json,
)
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.video_writer import VideoWriter

RECORD = TrackingRecord("clip.mp4", "siamfc-3s", 25.0, 64, 48)


def write(path, frames, fps=25.0):
    with VideoWriter(path, fps) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def plain(colour, width=64, height=48):
    return np.full((height, width, 3), colour, np.uint8)


@pytest.mark.parametrize("codecs", [av.codecs_available, {"mpeg4"}], ids=["x264", "mpeg4"])
def test_colours_and_number_of_frames_survive(tmp_path, monkeypatch, codecs):
    monkeypatch.setattr(video_writer.av, "codecs_available", codecs)
    colours = [(200, 30, 60), (30, 180, 90), (20, 60, 220)]
    frames = video_frames(write(tmp_path / "a.mp4", [plain(colour) for colour in colours * 10]))
    assert len(frames) == 30
    middles = np.array([frame[24, 32] for frame in frames[:3]], int)
    assert np.abs(middles - colours).max() <= 6


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(25.0, 25), (30000 / 1001, Fraction(30000, 1001)), (None, 30), (0.0, 30), (12.5, 12.5)],
)
def test_the_frame_rate_is_the_sources(tmp_path, fps, rate):
    path = write(tmp_path / "a.mp4", noise_frames(12), fps)
    with av.open(path) as container:
        assert container.streams.video[0].average_rate == rate
        assert container.duration / av.time_base == pytest.approx(12 / rate, rel=0.01)


def test_odd_sizes_are_padded_by_repeating_the_edge(tmp_path):
    frame = plain((90, 90, 90), width=63, height=47)
    frame[-1] = frame[:, -1] = 255
    read = video_frames(write(tmp_path / "a.mp4", [frame]))[0]
    assert read.shape == (48, 64, 3)
    assert read[-2:].min() > 200
    assert read[:, -2:].min() > 200


def test_the_file_has_its_name_only_when_it_is_complete(tmp_path):
    writer = VideoWriter(tmp_path / "a.mp4")
    writer.write(plain(0))
    assert [path.name for path in tmp_path.iterdir()] == ["a.partial.mp4"]
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_after_an_error_the_frames_so_far_are_a_whole_video(tmp_path):
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "a.mp4") as writer:
        for frame in noise_frames(9):
            writer.write(frame)
        raise RuntimeError
    assert len(video_frames(tmp_path / "a.mp4")) == 9


def test_without_frames_no_file_is_left(tmp_path):
    VideoWriter(tmp_path / "a.mp4").close()
    assert not list(tmp_path.iterdir())


def test_a_frame_of_another_size_is_refused(tmp_path):
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(plain(0))
        with pytest.raises(MediaError, match=r"a\.mp4: a frame of 32x48 does not fit .* 64x48"):
            writer.write(plain(0, width=32))


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
import numpy as np
from siamfc_jax.media.video_writer import VideoWriter
writer = VideoWriter(Path(sys.argv[1]))
for frame in np.random.default_rng(0).integers(0, 256, (200, 48, 64, 3), np.uint8):
    writer.write(frame)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_the_partial_file_of_a_killed_process_still_plays(tmp_path):
    path = tmp_path / "a.mp4"
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", KILLED_WRITER, path], cwd=root, check=False)
    assert not path.exists()
    count = 0
    with av.open(tmp_path / "a.partial.mp4") as container:
        try:
            for _ in container.decode(video=0):
                count += 1
        except av.FFmpegError:
            pass
    assert count >= 100


def test_a_full_disk_is_one_line_and_keeps_the_partial_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = VideoWriter(tmp_path / "a.mp4")
    writer.write(plain(0))
    monkeypatch.setattr(video_writer, "_mux", full)
    with pytest.raises(MediaError, match=r"a\.partial\.mp4: cannot be written \(No space left"):
        writer.write(plain(0))
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.partial.mp4"]


def test_a_place_that_cannot_be_written_is_found_out_at_once(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    for path in (tmp_path / "file" / "a.mp4", tmp_path / "folder.mp4"):
        with pytest.raises(MediaError, match="cannot be written"):
            VideoWriter(path)


float32s = npst.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 3), st.just(6)))


@given(table=float32s)
def test_boxes_read_back_from_csv_bit_for_bit(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("boxes")
    with BoxWriter(folder / "a.csv", folder / "a.json", RECORD) as writer:
        for rows in table:
            writer.write(rows[:, :4], rows[:, 4], rows[:, 5], rows[:, 5] < 0)
    tracked = read_boxes_csv(folder / "a.csv")
    np.testing.assert_array_equal(tracked.boxes, table[..., :4])
    np.testing.assert_array_equal(tracked.scores, table[..., 4])
    np.testing.assert_array_equal(tracked.confidences, table[..., 5])
    np.testing.assert_array_equal(tracked.lost, table[..., 5] < 0)


def test_boxes_read_back_from_json(tmp_path):
    boxes = np.float32([[[1, 2, 3, 4], [0.1, 1e-7, 1e9, 5]], [[np.nan] * 4, [6, 7, 8, 9]]])
    scores, lost = np.float32([[0.5, 0.25], [np.nan, 1]]), np.bool_([[False, True], [True, False]])
    with BoxWriter(tmp_path / "a.csv", tmp_path / "a.json", RECORD) as writer:
        for frame in range(2):
            writer.write(boxes[frame], scores[frame], scores[frame] / 2, lost[frame])
    record, tracked = read_boxes_json(tmp_path / "a.json")
    assert record == RECORD
    np.testing.assert_array_equal(tracked.boxes, boxes)
    np.testing.assert_array_equal(tracked.scores, scores)
    np.testing.assert_array_equal(tracked.confidences, scores / 2)
    np.testing.assert_array_equal(tracked.lost, lost)
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["n_frames"] == 2
    assert "upper-left corner" in content["convention"]


def test_every_frames_rows_are_on_disk_before_the_next_frame(tmp_path):
    with BoxWriter(tmp_path / "a.csv", tmp_path / "a.json", RECORD) as writer:
        boxes = np.float32([[1.5, 2, 3, 4], [5, 6, 7, 8]])
        writer.write(boxes, np.float32([0.5, 1]), np.float32([0.25, 0.75]), np.bool_([True, False]))
        assert (tmp_path / "a.partial.csv").read_text() == (
            "frame,target,x,y,w,h,score,confidence,lost\n"
            "0,0,1.5,2.0,3.0,4.0,0.5,0.25,1\n"
            "0,1,5.0,6.0,7.0,8.0,1.0,0.75,0\n"
        )


def test_files_from_before_there_was_a_confidence_can_still_be_read(tmp_path):
    (tmp_path / "a.csv").write_text("frame,target,x,y,w,h,score\n0,0,1,2,3,4,.5\n")
    targets = [{"target": 0, "boxes": [[1, 2, 3, 4]], "scores": [0.5]}]
    content = {**asdict(RECORD), "targets": targets}
    (tmp_path / "a.json").write_text(json.dumps(content))
    for tracked in (read_boxes_csv(tmp_path / "a.csv"), read_boxes_json(tmp_path / "a.json")[1]):
        np.testing.assert_array_equal(tracked.boxes, [[[1, 2, 3, 4]]])
        np.testing.assert_array_equal(tracked.confidences, [[0.5]])
        np.testing.assert_array_equal(tracked.lost, [[False]])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x,y\n", "line 1: expected the header"),
        ("frame,target,x,y,w,h,score\n0,0,1,2,3,4,.5\n1,0,1,2\n", "line 3: expected"),
        ("frame,target,x,y,w,h,score\n0,0,1,2,3,4,.5\n0,2,1,2,3,4,.5\n", "rows are missing"),
    ],
)
def test_a_damaged_csv_is_named_with_its_line(tmp_path, text, complaint):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(MediaError, match=complaint) as caught:
        read_boxes_csv(tmp_path / "a.csv")
    assert "a.csv" in str(caught.value)


@pytest.mark.parametrize("text", ["1,2.5,30,40", " 1, 2.5, 30, 40 ", "1 2.5 30 40"])
def test_a_box_is_four_numbers(text):
    np.testing.assert_array_equal(parse_box(text), np.float32([1, 2.5, 30, 40]))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1,2,3", "3 numbers"),
        ("1,2,3,4,5", "5 numbers"),
        ("a,2,3,4", "not a box"),
        ("1,nan,3,4", "finite"),
        ("1,2,inf,4", "finite"),
        ("1,2,0,4", "without area"),
        ("1,2,3,-4", "without area"),
        ("", "0 numbers"),
    ],
)
def test_what_is_no_box_is_refused(text, complaint):
    with pytest.raises(MediaError, match=complaint):
        parse_box(text)


def test_a_boxes_file_has_a_target_per_line(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("# x,y,w,h\n1,2,3,4\n\n5 6 7 8  # the dog\n")
    np.testing.assert_array_equal(read_boxes_file(path), np.float32([[1, 2, 3, 4], [5, 6, 7, 8]]))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"# x\n1,2,3,4\n1,2,3\n", "boxes.txt, line 3: '1,2,3' has 3 numbers"),
        (b"# nothing\n", "boxes.txt: holds no boxes"),
        (b"\xff\xfe\x00", "boxes.txt: is no text file"),
        (None, "boxes.txt: cannot be read"),
    ],
)
def test_a_bad_boxes_file_is_named_with_its_line(tmp_path, content, complaint):
    path = tmp_path / "boxes.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=complaint):
        read_boxes_file(path)
