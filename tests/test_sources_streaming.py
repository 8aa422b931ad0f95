"""What every reader of a public dataset promises, on a faultless tree of each."""

import numpy as np
import pytest
import source_trees
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from source_trees import SIZE, read

from data_prep.sources.got10k import read_got10k
from data_prep.sources.imagenet_det import read_imagenet_det
from data_prep.sources.imagenet_vid import read_imagenet_vid
from data_prep.sources.lasot import read_lasot
from data_prep.sources.trackingnet import read_trackingnet
from data_prep.sources.youtube_bb import read_youtube_bb
from data_prep.tracks import Report, SourceError

READERS = [
    read_got10k,
    read_imagenet_det,
    read_imagenet_vid,
    read_lasot,
    read_trackingnet,
    read_youtube_bb,
]


@pytest.fixture(params=READERS, ids=lambda reader: reader.__name__)
def reader(request):
    return request.param


@pytest.fixture
def root(reader, tmp_path):
    getattr(source_trees, reader.__name__.removeprefix("read_"))(tmp_path / "data")
    return tmp_path / "data"


def check_tracks(tracks):
    assert len({track.name for track in tracks}) == len(tracks)
    for track in tracks:
        n = len(track.frames)
        assert n and all(frame.is_file() for frame in track.frames)
        assert track.numbers.shape == (n,) and track.numbers.dtype == np.int32
        assert (np.diff(track.numbers) > 0).all()
        assert track.boxes.shape == (n, 4) and track.boxes.dtype == np.float32
        assert np.isfinite(track.boxes).all() and (track.boxes[:, 2:] > 0).all()
        if track.sizes is not None:
            assert track.sizes.dtype == np.int32
            assert track.sizes.tolist() == [list(SIZE)] * n


def test_every_track_is_valid_and_a_faultless_tree_has_no_problem(reader, root):
    tracks, report = read(reader, root)
    assert not report.counts
    assert len(tracks) >= 3
    check_tracks(tracks)


NUMBERS = st.sampled_from(["", "0", "1", "-5", "7.5", "64", "nan", "inf", "1e39", "1e-50", "x"])
ROWS = st.lists(st.lists(NUMBERS, min_size=3, max_size=5).map(",".join), max_size=5)
GARBAGE = st.binary(max_size=40) | ROWS.map(lambda rows: "\n".join(rows).encode())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_an_annotation_holds_only_valid_tracks_come_out(reader, root, data):
    """Any annotation of the first video, whatever is in it: the others are read all the same."""
    patterns = ("*.xml", "groundtruth.txt", "absence.label", "out_of_view.txt", "TRAIN*/*/*.txt")
    files = sorted(file for pattern in patterns for file in root.rglob(pattern))
    file = data.draw(st.sampled_from(files or sorted(root.glob("*.csv"))))
    content = file.read_bytes()
    keep = data.draw(st.integers(0, len(content)))
    file.write_bytes(content[:keep] + data.draw(GARBAGE) + content[keep:])
    tracks, _ = read(reader, root)
    file.write_bytes(content)
    check_tracks(tracks)
    assert tracks


def test_videos_come_sorted_and_tracks_of_a_video_together(reader, root):
    videos = [track.video for track in read(reader, root)[0]]
    assert videos == sorted(videos)
    assert len(set(videos)) > 1


def test_two_readings_are_the_same(reader, root):
    names = [[track.name for track in read(reader, root)[0]] for _ in range(2)]
    assert names[0] == names[1]


def test_a_later_video_is_not_read_before_its_turn(reader, root):
    everything, _ = read(reader, root)
    report = Report()
    tracks = reader(root, report)
    next(tracks)
    for frame in everything[-1].frames:
        frame.unlink()
    assert everything[-1].name not in [track.name for track in tracks]
    assert sum(report.counts.values())


@pytest.mark.parametrize("name", ["empty", "gone"])
def test_a_root_of_another_layout_is_named_with_the_layout_expected(reader, name, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=rf"{name}: not .*(give the|it must hold) "):
        next(reader(tmp_path / name, Report()))
