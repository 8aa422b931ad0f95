import io
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from media_samples import noise_frames, write_exact_video
from pair_worlds import (
    SMALL,
    crops_of,
    file_bytes,
    kill_once,
    moving_box,
    picture,
    quiet,
    run,
    source,
    write_video,
)
from PIL import Image

from data_prep import frame_images
from data_prep.crops import stage as crop_stage
from data_prep.crops.index import CropsError, open_index
from data_prep.crops.packs import group_tracks
from data_prep.crops.reader import CropReader
from data_prep.crops.settings import CropSettings
from data_prep.crops.stage import CropRequest, UnreadableError, make_crops
from data_prep.frame_images import decoded
from data_prep.tracks import SourceError, Track, VideoFrame
from siamfc_jax import durable
from siamfc_jax.data.context_crops import box_in_crop, context_crop
from siamfc_jax.durable import StorageError, sole_user


@pytest.mark.parametrize("sides", [(143, 288), (120, 287), (287, 143)])
def test_sides_that_cannot_be_cut_together_are_refused(sides):
    with pytest.raises(ValueError, match="must"):
        CropSettings(*sides)


@given(lengths=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 700)), max_size=30))
def test_packs_hold_whole_videos_and_at_least_512_boxes(lengths):
    nothing = np.zeros(0, np.int32), np.zeros((0, 4), np.float32)
    tracks = [
        Track(f"video {video}", str(index), (Path("x"),) * length, *nothing)
        for index, (video, length) in enumerate(sorted(lengths))
    ]
    packs = list(group_tracks(tracks))
    assert [track for pack in packs for track in pack] == tracks
    videos = [{track.video for track in pack} for pack in packs]
    assert sum(map(len, videos)) == len(set().union(*videos))
    sizes = [sum(len(track.frames) for track in pack) for pack in packs]
    alone = [len(names) == 1 for names in videos]
    assert all(size >= 512 or longer for size, longer in zip(sizes[:-1], alone[1:], strict=True))
    assert all(size < 1023 + 511 or one for size, one in zip(sizes, alone, strict=True))


def test_stored_crops_are_those_of_the_track(tmp_path):
    write_video(tmp_path / "a/dog", [moving_box(3), [None, (1, 2, 9, 9), (5, 5, 5, 5)]])
    index = crops_of([source(tmp_path / "a", "own")], tmp_path / "crops")
    assert index.tracks["count"].tolist() == [3, 2]
    assert index.crops["frame"].tolist() == [0, 1, 2, 1, 2]
    assert list(index.videos()) == ["own/dog"]
    crop = CropReader(index).read(4)
    assert (crop.video, crop.track, crop.source) == (b"own/dog", b"own/dog/groundtruth.1", b"own")
    assert crop.frame == 2
    image = np.asarray(Image.open(tmp_path / "a/dog/000002.jpg"))
    for stored, box, room in (
        (crop.exemplar, crop.exemplar_box, SMALL.exemplar_room),
        (crop.search, crop.search_box, SMALL.search_room),
    ):
        expected = context_crop(image, (5, 5, 5, 5), out_size=room)
        pixels = np.asarray(Image.open(io.BytesIO(stored)))
        assert pixels.shape == (room, room, 3)
        assert np.abs(pixels.astype(int) - expected).mean() < 4
        np.testing.assert_array_equal(box, box_in_crop(5, 5, out_size=room))


def test_an_image_is_decoded_once_for_all_its_tracks(tmp_path, monkeypatch):
    write_video(tmp_path / "a/street", [moving_box(4), moving_box(4), moving_box(4)])
    seen = Counter()

    def counting(path, read=frame_images.read_pixels):
        seen[path.name] += 1
        return read(path)

    monkeypatch.setattr(frame_images, "read_pixels", counting)
    crops_of([source(tmp_path / "a")], tmp_path / "crops")
    assert list(seen.values()) == [1] * 4


def test_frames_of_a_video_file_are_read_in_one_pass(tmp_path):
    frames = noise_frames(6)
    file = write_exact_video(tmp_path / "clip.mkv", frames)
    found = list(decoded([VideoFrame(file, number) for number in (1, 4, 9)]))
    assert [frame.number for frame, _ in found] == [1, 4, 9]
    np.testing.assert_array_equal(found[0][1], frames[1])
    np.testing.assert_array_equal(found[1][1], frames[4])
    assert "has no frame 9" in str(found[2][1])


def test_images_other_than_jpeg_are_read(tmp_path):
    Image.fromarray(picture(1)).save(tmp_path / "a.png")
    ((_, pixels),) = decoded([tmp_path / "a.png"])
    np.testing.assert_array_equal(pixels, picture(1))


def broken_video(folder):
    """Of ten boxes, one is in an image that is cut short, and one lies outside of its image."""
    write_video(folder / "dog", [[*moving_box(9), (63, 47, 20, 20)]], size=(160, 120))
    file = folder / "dog/000003.jpg"
    file.write_bytes(file.read_bytes()[:500])
    small = simplejpeg.encode_jpeg(picture(9), quality=90)
    (folder / "dog/000009.jpg").write_bytes(small)
    (folder / "dog/groundtruth.0.txt").write_text(
        "".join(f"{x},{y},{w},{h}\n" for x, y, w, h in [*moving_box(9), (100, 80, 20, 20)])
    )


def test_boxes_without_a_readable_image_are_left_out_and_named(tmp_path):
    broken_video(tmp_path / "a")
    index = crops_of([source(tmp_path / "a")], tmp_path / "crops", max_unreadable=0.2)
    assert index.crops["frame"].tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
    problems = (tmp_path / "crops/problems.txt").read_text().splitlines()
    assert len(problems) == 2
    assert "000003.jpg: not a readable image" in problems[0]
    assert "000009.jpg: box (100, 80, 20, 20) lies wholly outside the frame, 64" in problems[1]
    assert json.loads((tmp_path / "crops/crops.json").read_text())["left_out"] == 2


def test_too_many_unreadable_images_stop_the_work(tmp_path):
    broken_video(tmp_path / "a")
    with pytest.raises(UnreadableError, match=r"2 of 10 boxes .* more than 1.00%"):
        crops_of([source(tmp_path / "a")], tmp_path / "crops")
    assert "000003.jpg" in (tmp_path / "crops/problems.txt").read_text()
    with pytest.raises(CropsError, match="unfinished"):
        open_index(tmp_path / "crops")


def test_finished_packs_are_kept_and_changed_images_cut_anew(tmp_path):
    sources = [source(tmp_path / name, name) for name in ("a", "b")]
    for seed, spec in enumerate(sources):
        write_video(spec.root / "dog", [moving_box(3)], seed=10 * seed)
    first = crops_of(sources, tmp_path / "crops")
    times = [first.pack(number).stat().st_mtime_ns for number in (0, 1)]
    (tmp_path / "b/dog/000001.jpg").write_bytes(simplejpeg.encode_jpeg(picture(77), quality=95))
    second = crops_of(sources, tmp_path / "crops")
    assert second.packs[0] == first.packs[0] and second.packs[1] != first.packs[1]
    assert second.pack(0).stat().st_mtime_ns == times[0]
    assert second.content_hash != first.content_hash


def test_the_crops_do_not_depend_on_workers_or_place(tmp_path):
    write_video(tmp_path / "a/dog", [moving_box(3)])
    crops_of([source(tmp_path / "a")], tmp_path / "crops")
    shutil.copytree(tmp_path / "a", tmp_path / "elsewhere/a")
    crops_of([source(tmp_path / "elsewhere/a")], tmp_path / "others", workers=1)
    assert file_bytes(tmp_path / "crops") == file_bytes(tmp_path / "others")


def test_a_killed_run_is_resumed_to_the_same_bytes(tmp_path):
    sources = []
    for name in "abcdef":
        write_video(tmp_path / name / "dog", [moving_box(40)], size=(640, 480))
        sources.append(f"--source={name}=box_folders:{tmp_path / name}")
    out = tmp_path / "crops"
    flags = [*sources, f"--out={out}", "--workers=1", "--search_room=287"]

    def one_is_finished():
        return any((out / "packs").glob("*.tfrecord"))

    assert kill_once(one_is_finished, "data_prep.make_crops", *flags) == -9
    assert not (out / "crops.json").exists()
    (out / "packs/left.unfinished").write_bytes(b"by a killed worker")
    kept = next((out / "packs").glob("*.tfrecord"))
    written = kept.stat().st_mtime_ns
    result = run("data_prep.make_crops", *flags)
    assert (result.returncode, "240 crops of 6 tracks" in result.stdout) == (0, True)
    assert kept.stat().st_mtime_ns == written
    specs = [source(tmp_path / name, name) for name in "abcdef"]
    crops_of(specs, tmp_path / "again", settings=CropSettings())
    assert file_bytes(out) == file_bytes(tmp_path / "again")


def test_a_full_disk_stops_the_work_and_keeps_what_is_finished(tmp_path, monkeypatch):
    sources = [source(tmp_path / name, name) for name in ("a", "b")]
    for spec in sources:
        write_video(spec.root / "dog", [moving_box(3)])
    calls = []

    def failing(descriptor, sync=durable.os.fsync):
        calls.append(descriptor)
        if len(calls) > 6:
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(durable.os, "fsync", failing)
    with pytest.raises(StorageError, match="No space left on device.*; free space there"):
        crops_of(sources, tmp_path / "crops")
    monkeypatch.undo()
    left = [path.suffix for path in (tmp_path / "crops/packs").iterdir()]
    assert left.count(".tfrecord") == 1 and ".unfinished" not in left
    assert len(crops_of(sources, tmp_path / "crops").crops) == 6


def test_estimates_come_first_and_a_disk_too_small_is_refused(tmp_path, monkeypatch):
    write_video(tmp_path / "a/dog", [moving_box(5)])
    lines = []
    request = CropRequest([source(tmp_path / "a")], tmp_path / "crops", settings=SMALL, workers=0)
    free = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(StorageError, match="are needed and 1e-05 MB are free"):
        make_crops(request, show=lines.append)
    assert lines[0] == "5 boxes of 1 tracks in 1 videos"
    assert lines[-1].startswith("crops will take about 0.0416 MB (0 MB are there), and about 0 s")
    make_crops(CropRequest(**{**request.__dict__, "force": True}), show=quiet)


def test_two_processes_do_not_write_into_one_folder(tmp_path):
    write_video(tmp_path / "a/dog", [moving_box(2)])
    with sole_user(tmp_path / "crops"), pytest.raises(StorageError, match="another process"):
        crops_of([source(tmp_path / "a")], tmp_path / "crops")
    crops_of([source(tmp_path / "a")], tmp_path / "crops")


def test_tracks_of_a_video_must_follow_each_other(tmp_path, monkeypatch):
    write_video(tmp_path / "a/dog", [moving_box(2)])
    write_video(tmp_path / "a/hen", [moving_box(2)])

    def scattered(spec, report, read=crop_stage.read_source):
        tracks = list(read(spec, report))
        yield from [*tracks, tracks[0]]

    monkeypatch.setattr(crop_stage, "read_source", scattered)
    with pytest.raises(SourceError, match="tracks of video dog do not follow each other"):
        crops_of([source(tmp_path / "a")], tmp_path / "crops")


def test_an_index_is_opened_without_reading_it(tmp_path):
    write_video(tmp_path / "a/dog", [moving_box(2)])
    index = crops_of([source(tmp_path / "a")], tmp_path / "crops")
    assert isinstance(index.crops.base, np.memmap) and isinstance(index.tracks.base, np.memmap)


def test_damaged_crops_are_named(tmp_path):
    write_video(tmp_path / "a/dog", [moving_box(2)])
    index = crops_of([source(tmp_path / "a")], tmp_path / "crops")
    content = bytearray(index.pack(0).read_bytes())
    content[-1000] ^= 1
    index.pack(0).write_bytes(content)
    offset = index.crops["offset"][1]
    reader = CropReader(index)
    with pytest.raises(CropsError, match=rf"{index.packs[0]}.*byte {offset} is corrupt"):
        reader.read(1)
    reader.close()
    index.pack(0).unlink()
    with pytest.raises(CropsError, match=rf"{index.packs[0]}.*cannot be read"):
        reader.read(1)
    (index.folder / "crops.json").write_text("{")
    with pytest.raises(CropsError, match="its index is damaged"):
        open_index(index.folder)


def test_the_command_tells_mistakes_in_one_line(tmp_path):
    for flags, problem in (
        (["--out=x"], "no source to read"),
        (["--source=coco:x"], "Give --out"),
        (["--source=box_folders:gone", f"--out={tmp_path}"], "gone"),
    ):
        result = run("data_prep.make_crops", *flags)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
        assert problem in result.stderr


def test_verifying_writes_nothing(tmp_path):
    write_video(tmp_path / "a/dog", [moving_box(3)])
    out = tmp_path / "crops"
    result = run(
        "data_prep.make_crops", f"--source=box_folders:{tmp_path / 'a'}", f"--out={out}", "--verify"
    )
    assert (result.returncode, out.exists()) == (0, False)
    assert "frames: 3; boxes: 3" in result.stdout
