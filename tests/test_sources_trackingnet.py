import pytest
from source_trees import ROW, read, write_clip, write_lines

from data_prep.sources.trackingnet import read_trackingnet
from data_prep.tracks import SourceError

CLIP = "z_CWMOiNpzY_1"


def test_rows_belong_to_frames_by_number_not_by_sorted_name(tmp_path):
    rows = [f"{number}.5,5,20,16" for number in range(12)]
    write_clip(tmp_path / "TRAIN_0", CLIP, *rows)
    ((track,), report) = read(read_trackingnet, tmp_path)
    assert [frame.stem for frame in track.frames] == [str(number) for number in range(12)]
    assert track.boxes[:, 0].tolist() == [number + 0.5 for number in range(12)]
    assert not report.counts


def test_clips_of_one_youtube_video_are_one_video_wherever_they_lie(tmp_path):
    write_clip(tmp_path / "TRAIN_0", "z_CWMOiNpzY_1", ROW)
    write_clip(tmp_path / "TRAIN_0", "zZMZCzV930Y_0", ROW)
    write_clip(tmp_path / "TRAIN_10", "z_CWMOiNpzY_0", ROW)
    tracks, _ = read(read_trackingnet, tmp_path)
    assert [track.name for track in tracks] == ["zZMZCzV930Y_0", "z_CWMOiNpzY_0", "z_CWMOiNpzY_1"]
    assert [track.video for track in tracks] == ["zZMZCzV930Y", "z_CWMOiNpzY", "z_CWMOiNpzY"]


def test_the_test_set_is_not_read(tmp_path):
    write_clip(tmp_path / "TRAIN_0", CLIP, ROW)
    write_clip(tmp_path / "TEST", "aaaaaaaaaaa_0", ROW)
    tracks, _ = read(read_trackingnet, tmp_path)
    assert [track.name for track in tracks] == [CLIP]


def test_archives_that_were_not_unpacked_are_named(tmp_path):
    write_lines(tmp_path / f"TRAIN_3/anno/{CLIP}.txt", ROW)
    write_lines(tmp_path / f"TRAIN_3/zips/{CLIP}.zip")
    with pytest.raises(SourceError, match=r"TRAIN_3/frames: no such folder; unzip each zips/"):
        read(read_trackingnet, tmp_path)


def test_a_folder_that_was_not_unpacked_is_reported_beside_one_that_was(tmp_path):
    write_clip(tmp_path / "TRAIN_0", CLIP, ROW)
    for name in ("zZMZCzV930Y_0", "zxuleRJc5Pw_1"):
        write_lines(tmp_path / f"TRAIN_3/anno/{name}.txt", ROW)
    tracks, report = read(read_trackingnet, tmp_path)
    assert [track.name for track in tracks] == [CLIP]
    assert dict(report.counts) == {"frames not unzipped": 2}


def test_a_clip_that_was_not_unpacked_is_reported(tmp_path):
    write_clip(tmp_path / "TRAIN_0", CLIP, ROW)
    write_lines(tmp_path / "TRAIN_0/anno/zZMZCzV930Y_0.txt", ROW)
    tracks, report = read(read_trackingnet, tmp_path)
    assert [track.name for track in tracks] == [CLIP]
    assert "unzip zips/zZMZCzV930Y_0.zip" in report.examples["missing frames"][0]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("nan,nan,nan,nan", "box not finite"),
        ("10,5,0,0", "box without area"),
        ("10 5 20", "garbled row"),
        ("ten,5,20,16", "garbled row"),
    ],
)
def test_a_useless_row_is_left_out_and_named(tmp_path, row, problem):
    write_clip(tmp_path / "TRAIN_0", CLIP, ROW, row, ROW)
    ((track,), report) = read(read_trackingnet, tmp_path)
    assert track.numbers.tolist() == [0, 2]
    assert dict(report.counts) == {problem: 1}


def test_missing_frames_and_missing_rows_are_reported(tmp_path):
    write_clip(tmp_path / "TRAIN_0", CLIP, *[ROW] * 12)
    (tmp_path / f"TRAIN_0/frames/{CLIP}/2.jpg").unlink()
    write_lines(tmp_path / f"TRAIN_0/anno/{CLIP}.txt", *[ROW] * 5)
    ((track,), report) = read(read_trackingnet, tmp_path)
    assert track.numbers.tolist() == [0, 1, 3, 4]
    assert dict(report.counts) == {"missing frame": 1, "frame without a box row": 7}
