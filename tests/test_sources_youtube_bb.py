import numpy as np
import pytest
from source_trees import SIZE, read, write_frame, write_lines, youtube_row

from data_prep.sources.youtube_bb import read_youtube_bb
from data_prep.tracks import SourceError

VIDEO = "AAB6lO-XiKE"
TABLE = "yt_bb_detection_train.csv"


def write(root, *rows, frames=(238, 239, 240), video=VIDEO, size=SIZE):
    with (root / TABLE).open("a") as file:
        file.writelines(f"{row}\n" for row in rows)
    for second in frames:
        write_frame(root / f"frames/{video}/{second * 1000}.jpg", size)


def test_shares_of_the_frame_become_pixels_and_milliseconds_frames_of_30_per_second(tmp_path):
    published = f"{VIDEO},238000,0,person,0,present,0.482,0.54,0.37166667,0.6166667"
    write(tmp_path, published, size=(1280, 720))
    ((track,), report) = read(read_youtube_bb, tmp_path)
    expected = [[0.482 * 1280, 0.37166667 * 720, 0.058 * 1280, 0.24500003 * 720]]
    np.testing.assert_allclose(track.boxes, expected, rtol=1e-5)
    assert track.numbers.tolist() == [238 * 30]
    assert (track.video, track.category) == (VIDEO, "person")
    assert track.sizes.tolist() == [[1280, 720]]
    assert not report.counts


def test_frames_where_the_object_is_absent_are_left_out_without_a_word(tmp_path):
    absent = youtube_row(second=239, presence="absent", corners="-1,-1,-1,-1")
    write(tmp_path, youtube_row(), absent, youtube_row(second=240))
    ((track,), report) = read(read_youtube_bb, tmp_path)
    assert track.numbers.tolist() == [238 * 30, 240 * 30]
    assert not report.counts


def test_each_object_of_a_video_is_a_track_whatever_the_order_of_rows(tmp_path):
    other = "AACM71csS-Q"
    write(
        tmp_path,
        youtube_row(class_id=7),
        youtube_row(second=240),
        youtube_row(object_id=1),
        youtube_row(second=238),
    )
    write(tmp_path, youtube_row(other), video=other)
    write(tmp_path, youtube_row(object_id=1, second=239))
    tracks, report = read(read_youtube_bb, tmp_path)
    assert [track.name for track in tracks] == [
        f"{VIDEO}/0/0",
        f"{VIDEO}/0/1",
        f"{VIDEO}/7/0",
        f"{other}/0/0",
    ]
    assert tracks[0].numbers.tolist() == [238 * 30, 240 * 30]
    assert tracks[1].numbers.tolist() == [238 * 30, 239 * 30]
    assert not report.counts


def test_the_layout_of_youtube_bb_utility_is_read(tmp_path):
    write_lines(tmp_path / TABLE, youtube_row(class_id=3, object_id=2))
    path = tmp_path / f"yt_bb_detection_train/3/{VIDEO}_238000_3_2.jpg"
    write_frame(path)
    ((track,), report) = read(read_youtube_bb, tmp_path)
    assert track.frames == (path,)
    assert not report.counts


def test_a_video_that_is_gone_is_reported_once(tmp_path):
    write(tmp_path, youtube_row())
    write(tmp_path, *(youtube_row("gone", second) for second in (1, 2)), frames=())
    tracks, report = read(read_youtube_bb, tmp_path)
    assert [track.video for track in tracks] == [VIDEO]
    assert dict(report.counts) == {"missing video": 1}


def test_a_missing_frame_is_left_out_and_named(tmp_path):
    write(tmp_path, youtube_row(), youtube_row(second=239), frames=(239,))
    ((track,), report) = read(read_youtube_bb, tmp_path)
    assert track.numbers.tolist() == [239 * 30]
    assert report.examples == {"missing frame": [f"{VIDEO} at 238000 ms"]}


def test_a_video_whose_frame_size_changes_is_left_out(tmp_path):
    write(tmp_path, youtube_row(), youtube_row(second=239), frames=(238,))
    write_frame(tmp_path / f"frames/{VIDEO}/239000.jpg", (32, 24))
    tracks, report = read(read_youtube_bb, tmp_path)
    assert not tracks
    assert dict(report.counts) == {"frame size changes": 1}


def test_an_unreadable_frame_costs_its_video(tmp_path):
    write(tmp_path, youtube_row())
    (tmp_path / f"frames/{VIDEO}/238000.jpg").write_bytes(b"no image")
    tracks, report = read(read_youtube_bb, tmp_path)
    assert not tracks
    assert "238000.jpg" in report.examples["unreadable frame"][0]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (youtube_row(second=239, corners="0.5,0.5,0.1,0.2"), "box without area"),
        (youtube_row(second=239, corners="0.5,0.4,0.1,0.2"), "box without area"),
        (youtube_row(second=239, corners="nan,0.4,0.1,0.2"), "box not finite"),
        (youtube_row(second=239, corners="1,1.5,0.1,0.2"), "box outside the frame"),
        (youtube_row(second=239, corners="0.1,0.2,0.1"), "garbled row"),
        (youtube_row(second=239, corners="left,0.2,0.1,0.3"), "garbled row"),
        (youtube_row(second=-1), "garbled row"),
        (youtube_row(second=10**12), "garbled row"),
        (VIDEO, "garbled row"),
        (youtube_row(corners="0.1,0.2,0.1,0.2"), "second box of an object in a frame"),
    ],
)
def test_a_useless_row_is_left_out_and_named(tmp_path, row, problem):
    write(tmp_path, youtube_row(), row)
    ((track,), report) = read(read_youtube_bb, tmp_path)
    assert track.boxes.tolist() == [[16, 6, 16, 24]]
    assert dict(report.counts) == {problem: 1}
    assert VIDEO in report.examples[problem][0]


def test_a_table_that_is_still_packed_or_empty_is_named(tmp_path):
    write_frame(tmp_path / f"frames/{VIDEO}/238000.jpg")
    (tmp_path / f"{TABLE}.gz").write_bytes(b"")
    with pytest.raises(SourceError, match="gunzip it"):
        read(read_youtube_bb, tmp_path)
    (tmp_path / TABLE).write_text("")
    with pytest.raises(SourceError, match="has no rows"):
        read(read_youtube_bb, tmp_path)
