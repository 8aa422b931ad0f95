import numpy as np
import pytest
from source_trees import ROW, read, write_got10k_sequence, write_lines

from data_prep.sources.got10k import KNOWN_BAD, read_got10k
from data_prep.tracks import SourceError

NAME = "GOT-10k_Train_000001"


def write(root, *rows, name=NAME, **labels):
    write_got10k_sequence(root / name, *rows, **labels)
    names = sorted(folder.name for folder in root.iterdir() if folder.is_dir())
    write_lines(root / "list.txt", *names)
    return root / name


def test_coordinates_count_from_one(tmp_path):
    write(tmp_path, "1.0000,1.0000,64.0000,48.0000")
    ((track,), report) = read(read_got10k, tmp_path)
    assert track.boxes.tolist() == [[0, 0, 64, 48]]
    assert (track.video, track.category) == (NAME, "pika")
    assert track.sizes.tolist() == [[64, 48]]
    assert not report.counts


def test_the_root_may_be_the_dataset_or_its_split(tmp_path):
    write_got10k_sequence(tmp_path / "train" / NAME, ROW)
    write_lines(tmp_path / "train/list.txt", NAME)
    above, _ = read(read_got10k, tmp_path)
    within, _ = read(read_got10k, tmp_path / "train")
    assert above[0].frames == within[0].frames


def test_absent_and_hidden_targets_are_left_out_without_a_word(tmp_path):
    rows = [ROW, "-1,-1,-1,-1", ROW, ROW, ROW]
    write(tmp_path, *rows, absence=[0, 1, 1, 0, 0], cover=[8, 0, 8, 0, 1])
    ((track,), report) = read(read_got10k, tmp_path)
    assert track.numbers.tolist() == [0, 4]
    assert [frame.name for frame in track.frames] == ["00000001.jpg", "00000005.jpg"]
    assert not report.counts


def test_known_bad_sequences_are_left_out_and_named(tmp_path):
    assert len(KNOWN_BAD) == 18
    write(tmp_path, ROW)
    for number in (7947, 8623, 8637, 9058):
        write(tmp_path, ROW, name=f"GOT-10k_Train_{number:06d}")
    tracks, report = read(read_got10k, tmp_path)
    assert [track.video for track in tracks] == [NAME]
    assert dict(report.counts) == {"known bad sequence": 4}
    assert report.examples["known bad sequence"][0].endswith("007947: frame size changes")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("nan,nan,nan,nan", "box not finite"),
        ("10,5,0,16", "box without area"),
        ("10,5,20,-1", "box without area"),
        ("66,5,20,16", "box outside the frame"),
        ("10,-30,20,16", "box outside the frame"),
        ("10,5,20", "garbled row"),
        ("10,5,20,16,0", "garbled row"),
        ("x,y,w,h", "garbled row"),
        ("", "garbled row"),
    ],
)
def test_a_useless_row_is_left_out_and_named(tmp_path, row, problem):
    write(tmp_path, ROW, row, ROW)
    ((track,), report) = read(read_got10k, tmp_path)
    assert track.numbers.tolist() == [0, 2]
    assert dict(report.counts) == {problem: 1}
    assert "groundtruth.txt, row 2" in report.examples[problem][0]


def test_a_missing_frame_is_left_out_and_named(tmp_path):
    folder = write(tmp_path, ROW, ROW, ROW)
    (folder / "00000002.jpg").unlink()
    ((track,), report) = read(read_got10k, tmp_path)
    assert track.numbers.tolist() == [0, 2]
    assert report.examples == {"missing frame": [str(folder / "00000002.jpg")]}


def test_a_short_annotation_leaves_the_later_frames_out(tmp_path):
    write(tmp_path, ROW, ROW, frames=5)
    ((track,), report) = read(read_got10k, tmp_path)
    assert len(track.frames) == 2
    assert dict(report.counts) == {"frame without a box row": 3}


def test_frames_beyond_the_labels_are_left_out(tmp_path):
    write(tmp_path, ROW, ROW, ROW, absence=[0])
    ((track,), report) = read(read_got10k, tmp_path)
    assert len(track.frames) == 1
    assert dict(report.counts) == {"frame without a label": 2}


@pytest.mark.parametrize("file", ["groundtruth.txt", "absence.label", "cover.label"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "missing annotation"),
        (b"", "empty annotation"),
        (b"\n \n", "empty annotation"),
        (b"\xff\xfe\x00", "garbled annotation"),
    ],
)
def test_a_sequence_without_readable_annotation_is_left_out(tmp_path, file, content, problem):
    folder = write(tmp_path, ROW)
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    tracks, report = read(read_got10k, tmp_path)
    assert not tracks
    assert dict(report.counts) == {problem: 1}
    assert file in report.examples[problem][0]


def test_labels_that_are_no_whole_numbers_cost_the_sequence(tmp_path):
    write(tmp_path, ROW, ROW, absence=["0", "maybe"])
    tracks, report = read(read_got10k, tmp_path)
    assert (tracks, dict(report.counts)) == ([], {"garbled annotation": 1})


@pytest.mark.parametrize("content", [None, b"\xff", b"resolution: large\n"])
def test_without_meta_info_category_and_size_stay_unknown(tmp_path, content):
    folder = write(tmp_path, ROW)
    (folder / "meta_info.ini").unlink()
    if content is not None:
        (folder / "meta_info.ini").write_bytes(content)
    ((track,), _) = read(read_got10k, tmp_path)
    assert (track.category, track.sizes) == ("", None)


def test_without_a_list_all_sequences_are_read_and_that_is_reported(tmp_path):
    write(tmp_path, ROW)
    (tmp_path / "list.txt").unlink()
    tracks, report = read(read_got10k, tmp_path)
    assert len(tracks) == 1
    assert dict(report.counts) == {"missing list": 1}


def test_sequences_in_the_list_that_are_not_there_are_reported(tmp_path):
    write(tmp_path, ROW)
    write_lines(tmp_path / "list.txt", NAME, "GOT-10k_Train_000002", "GOT-10k_Train_000003")
    tracks, report = read(read_got10k, tmp_path)
    assert len(tracks) == 1
    assert dict(report.counts) == {"missing video": 2}


def test_an_empty_list_is_an_error(tmp_path):
    write(tmp_path, ROW)
    (tmp_path / "list.txt").write_text("")
    with pytest.raises(SourceError, match=r"list.txt: holds no names"):
        read(read_got10k, tmp_path)


def test_a_sequence_without_any_frame_is_reported(tmp_path):
    folder = write(tmp_path, ROW)
    for file in folder.iterdir():
        if file.suffix == ".jpg":
            file.unlink()
    tracks, report = read(read_got10k, tmp_path)
    assert not tracks
    assert dict(report.counts) == {"missing frames": 1}


def test_the_test_set_is_refused(tmp_path):
    write(tmp_path, ROW, name="GOT-10k_Test_000001")
    with pytest.raises(SourceError, match="the test set is not for training"):
        read(read_got10k, tmp_path)


def test_decimals_survive_as_float32(tmp_path):
    write(tmp_path, "10.5,5.25,20.1,16.3")
    ((track,), _) = read(read_got10k, tmp_path)
    expected = np.asarray([[9.5, 4.25, 20.1, 16.3]], np.float32)
    np.testing.assert_array_equal(track.boxes, expected)
