"""Video files with a text file beside them."""

from own_trees import ABSENT, write_clip
from source_trees import ROW, SIZE, read, write_lines

from data_prep.sources.video_files import read_videos
from data_prep.tracks import VideoFrame


def test_a_video_with_a_row_for_each_frame(tmp_path):
    file = tmp_path / "run/dog.mp4"
    write_clip(file, ROW, ABSENT, ROW)
    (track,), report = read(read_videos, tmp_path)
    assert track.video == "run/dog.mp4"
    assert track.frames == (VideoFrame(file, 0), VideoFrame(file, 2))
    assert track.numbers.tolist() == [0, 2]
    assert track.sizes.tolist() == [list(SIZE)] * 2
    assert not report.counts


def test_faults_of_videos_are_noted(tmp_path):
    write_clip(tmp_path / "good.mkv", ROW, "1,2,0,4")
    write_clip(tmp_path / "long.mp4", ROW, frames=2)
    write_clip(tmp_path / "lonely.avi", ROW)
    (tmp_path / "lonely.txt").unlink()
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    write_lines(tmp_path / "broken.txt", ROW)
    (track,), report = read(read_videos, tmp_path)
    assert track.video == "good.mkv"
    assert dict(report.counts) == {
        "box without area": 1,
        "rows do not fit the frames": 1,
        "missing annotation": 1,
        "unreadable video": 1,
    }
