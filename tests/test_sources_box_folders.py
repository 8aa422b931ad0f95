"""Folders of frames with groundtruth.txt."""

import pytest
from own_trees import ABSENT, write_box_folder
from source_trees import ROW, read, write_frame, write_lines

from data_prep.sources.box_folders import read_box_folders


def test_frames_without_the_object_are_no_problem(tmp_path):
    write_box_folder(tmp_path / "a/dog", ROW, ABSENT, ROW)
    (track,), report = read(read_box_folders, tmp_path)
    assert (track.video, track.name) == ("a/dog", "a/dog/groundtruth")
    assert track.numbers.tolist() == [0, 2]
    assert [frame.name for frame in track.frames] == ["000001.jpg", "000003.jpg"]
    assert not report.counts


def test_a_file_for_each_object_and_frames_in_img(tmp_path):
    write_box_folder(tmp_path / "street", ROW, img="img")
    (tmp_path / "street/groundtruth.txt").rename(tmp_path / "street/groundtruth.02.txt")
    write_lines(tmp_path / "street/groundtruth.01.txt", "5 6 7 8")
    tracks, _ = read(read_box_folders, tmp_path)
    assert [track.name for track in tracks] == ["street/groundtruth.01", "street/groundtruth.02"]
    assert [track.boxes.tolist() for track in tracks] == [[[5, 6, 7, 8]], [[10, 5, 20, 16]]]


def test_the_root_may_be_the_only_video(tmp_path):
    write_box_folder(tmp_path / "dog", ROW)
    (track,), _ = read(read_box_folders, tmp_path / "dog")
    assert track.video == "dog"


def test_unpadded_frame_numbers_are_read_as_numbers(tmp_path):
    for number in range(1, 12):
        write_frame(tmp_path / f"dog/{number}.png")
    write_lines(tmp_path / "dog/groundtruth.txt", *[ROW] * 11)
    (track,), _ = read(read_box_folders, tmp_path)
    assert [frame.stem for frame in track.frames] == [str(number) for number in range(1, 12)]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1,2,0,4", "box without area"),
        ("1,2,-3,4", "box without area"),
        ("nan,2,3,4", "box not finite"),
        ("1e39,2,3,4", "box not finite"),
        ("64,2,3,4", "box outside the frame"),
        ("-3,2,3,4", "box outside the frame"),
        ("1,2,3", "garbled row"),
        ("a,b,c,d", "garbled row"),
        ("", "garbled row"),
    ],
)
def test_a_box_at_fault_is_noted_and_its_neighbours_are_kept(tmp_path, row, problem):
    write_box_folder(tmp_path / "dog", ROW, row, ROW)
    (track,), report = read(read_box_folders, tmp_path)
    assert track.numbers.tolist() == [0, 2]
    assert dict(report.counts) == {problem: 1}
    assert "dog/groundtruth.txt, row 2" in report.examples[problem][0]


def test_frames_of_one_video_may_differ_in_size(tmp_path):
    write_box_folder(tmp_path / "dog", ROW, "90,5,20,16", "90,5,20,16")
    write_frame(tmp_path / "dog/000002.jpg", (128, 48))
    (track,), report = read(read_box_folders, tmp_path)
    assert track.numbers.tolist() == [0, 1]
    assert dict(report.counts) == {"box outside the frame": 1}


def test_a_missing_frame_does_not_shift_the_boxes_of_the_others(tmp_path):
    write_box_folder(tmp_path / "dog", *(f"{left},5,20,16" for left in range(5)))
    (tmp_path / "dog/000002.jpg").unlink()
    (track,), report = read(read_box_folders, tmp_path)
    assert [int(frame.stem) for frame in track.frames] == [1, 3, 4, 5]
    assert track.boxes[:, 0].tolist() == track.numbers.tolist() == [0, 2, 3, 4]
    assert dict(report.counts) == {"missing frame": 1}


@pytest.mark.parametrize(
    ("names", "rows"), [(["1.jpg", "2.jpg"], 1), (["a.jpg"], 2), (["5.jpg"], 2)]
)
def test_rows_that_cannot_be_matched_to_frames_leave_the_video_out(tmp_path, names, rows):
    write_box_folder(tmp_path / "cat", ROW)
    for name in names:
        write_frame(tmp_path / "dog" / name)
    write_lines(tmp_path / "dog/groundtruth.txt", *[ROW] * rows)
    (track,), report = read(read_box_folders, tmp_path)
    assert track.video == "cat"
    assert dict(report.counts) == {"rows do not fit the frames": 1}


def test_a_video_without_frames_is_noted(tmp_path):
    write_box_folder(tmp_path / "cat", ROW)
    write_lines(tmp_path / "dog/groundtruth.txt", ROW)
    tracks, report = read(read_box_folders, tmp_path)
    assert len(tracks) == 1
    assert dict(report.counts) == {"missing frames": 1}
