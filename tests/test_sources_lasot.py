import pytest
from source_trees import ROW, read, write_lasot_video, write_lines

from data_prep.sources.lasot import read_lasot
from data_prep.tracks import SourceError


def write(root, name="airplane-1", *rows, split=True, **labels):
    folder = root / name.rpartition("-")[0] / name
    write_lasot_video(folder, *(rows or [ROW]), **labels)
    if split:
        write_lines(root / "testing_set.txt", "zebra-1")
    return folder


def test_pixels_count_from_one_and_the_class_is_the_folder(tmp_path):
    write(tmp_path, "racing-car-3", "1,1,64,48")
    ((track,), report) = read(read_lasot, tmp_path)
    assert track.boxes.tolist() == [[0, 0, 64, 48]]
    assert (track.video, track.category, track.sizes) == ("racing-car-3", "racing-car", None)
    assert track.frames == (tmp_path / "racing-car/racing-car-3/img/00000001.jpg",)
    assert not report.counts


def test_occluded_and_invisible_targets_are_left_out_without_a_word(tmp_path):
    rows = [ROW, ROW, "0,0,0,0", ROW]
    write(tmp_path, "bird-1", *rows, occluded=[0, 1, 0, 0], out_of_view=[0, 0, 1, 0])
    ((track,), report) = read(read_lasot, tmp_path)
    assert track.numbers.tolist() == [0, 3]
    assert not report.counts


def test_videos_of_the_test_set_are_never_read(tmp_path):
    for name in ("airplane-1", "airplane-10", "bird-2"):
        write(tmp_path, name)
    write_lines(tmp_path / "testing_set.txt", "airplane-1", "bird-2")
    write_lines(tmp_path / "training_set.txt", "airplane-1")
    tracks, report = read(read_lasot, tmp_path)
    assert [track.video for track in tracks] == ["airplane-10"]
    assert not report.counts


def test_a_training_list_alone_will_do(tmp_path):
    for name in ("airplane-1", "airplane-10"):
        write(tmp_path, name, split=False)
    write_lines(tmp_path / "training_set.txt", "airplane-10")
    tracks, report = read(read_lasot, tmp_path)
    assert [track.video for track in tracks] == ["airplane-10"]
    assert not report.counts


def test_without_a_split_file_all_videos_are_read_and_that_is_reported(tmp_path):
    write(tmp_path, split=False)
    tracks, report = read(read_lasot, tmp_path)
    assert len(tracks) == 1
    (line,) = report.examples["no split file"]
    assert "testing_set.txt: all videos are read" in line


@pytest.mark.parametrize("content", [b"", b"\xff\xff"])
def test_a_broken_split_file_is_an_error(tmp_path, content):
    write(tmp_path)
    (tmp_path / "testing_set.txt").write_bytes(content)
    with pytest.raises(SourceError, match=r"testing_set.txt: "):
        read(read_lasot, tmp_path)


def test_videos_may_lie_directly_in_the_root(tmp_path):
    write_lasot_video(tmp_path / "bird-2", ROW)
    write(tmp_path, "airplane-1")
    tracks, _ = read(read_lasot, tmp_path)
    assert [track.video for track in tracks] == ["airplane-1", "bird-2"]


@pytest.mark.parametrize("label", ["full_occlusion.txt", "out_of_view.txt"])
def test_a_video_without_its_visibility_labels_is_left_out(tmp_path, label):
    (write(tmp_path) / label).unlink()
    tracks, report = read(read_lasot, tmp_path)
    assert (tracks, dict(report.counts)) == ([], {"missing annotation": 1})


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("nan,1,2,3", "box not finite"),
        ("0,0,0,0", "box without area"),
        ("1,2,3", "garbled row"),
        ("1,2,3,four", "garbled row"),
    ],
)
def test_a_useless_row_is_left_out_and_named(tmp_path, row, problem):
    write(tmp_path, "bird-1", ROW, row, ROW)
    ((track,), report) = read(read_lasot, tmp_path)
    assert track.numbers.tolist() == [0, 2]
    assert dict(report.counts) == {problem: 1}


def test_a_video_without_its_images_is_reported(tmp_path):
    folder = write(tmp_path)
    for file in (folder / "img").iterdir():
        file.unlink()
    tracks, report = read(read_lasot, tmp_path)
    assert not tracks
    assert report.examples == {"missing frames": [f"{folder}/img: is the dataset complete?"]}


def test_a_video_whose_target_is_never_visible_is_reported(tmp_path):
    write(tmp_path, "bird-1", ROW, ROW, occluded=[1, 1])
    tracks, report = read(read_lasot, tmp_path)
    assert (tracks, dict(report.counts)) == ([], {"video without usable boxes": 1})
