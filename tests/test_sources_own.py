"""What all layouts for boxes of one's own share, and what command lines say of sources."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_trees import own_trees
from source_trees import read

from data_prep.sources import SOURCES, parse_source, parse_sources, read_source
from data_prep.tracks import Report, SourceError

OWN = ("box_folders", "coco", "voc", "mot", "videos")


def check_tracks(tracks):
    assert len({track.name for track in tracks}) == len(tracks)
    for track in tracks:
        n = len(track.frames)
        assert n and track.boxes.shape == (n, 4) and track.boxes.dtype == np.float32
        assert track.numbers.shape == (n,) and track.numbers.dtype == np.int32
        assert (np.diff(track.numbers) > 0).all()
        assert np.isfinite(track.boxes).all() and (track.boxes[:, 2:] > 0).all()


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("own")
    own_trees(root)
    return root


@pytest.mark.parametrize("kind", OWN)
def test_tracks_come_sorted_by_video_and_the_same_every_time(kind, trees):
    first, again = (read(SOURCES[kind], trees / kind)[0] for _ in range(2))
    check_tracks(first)
    videos = [track.video for track in first]
    assert videos == sorted(videos) and len(set(videos)) == 2
    assert [track.name for track in first] == [track.name for track in again]


GARBAGE = st.binary(max_size=12) | st.text("0123456789.,-naif\n ", max_size=12).map(str.encode)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(["box_folders", "voc", "mot", "videos"]))
def test_whatever_an_annotation_holds_only_valid_tracks_come_out(trees, data, kind):
    folder = trees / kind
    file = next(path for path in sorted(folder.rglob("*")) if path.suffix in (".txt", ".xml"))
    content = file.read_bytes()
    keep = data.draw(st.integers(0, len(content)))
    file.write_bytes(content[:keep] + data.draw(GARBAGE) + content[keep:])
    try:
        tracks, _ = read(SOURCES[kind], folder)
    finally:
        file.write_bytes(content)
    check_tracks(tracks)
    assert tracks


@pytest.mark.parametrize("kind", OWN)
def test_a_root_of_another_layout_is_named(kind, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "gone"):
        with pytest.raises(SourceError, match=name):
            next(read_source(parse_source(f"{kind}:{tmp_path / name}"), Report()))


def test_a_source_is_given_as_kind_and_root_or_with_a_label():
    spec = parse_source("got10k:data/x=y:z")
    assert (spec.label, spec.kind, str(spec.root)) == ("got10k", "got10k", "data/x=y:z")
    spec = parse_source("my-clips=videos:~/clips")
    assert (spec.label, spec.kind, spec.root.is_absolute()) == ("my-clips", "videos", True)


@pytest.mark.parametrize("text", ["", "coco", "coco:", "cocoa:data", "=coco:data", "a,b=coco:data"])
def test_a_wrong_source_is_answered_with_the_kinds_there_are(text):
    with pytest.raises(SourceError, match="imagenet_vid, .*, videos"):
        parse_source(text)


def test_two_sources_need_two_labels():
    assert len(parse_sources(["coco:a", "more=coco:b"])) == 2
    with pytest.raises(SourceError, match="two sources are called coco"):
        parse_sources(["coco:a", "coco:b"])
    with pytest.raises(SourceError, match="no source"):
        parse_sources([])


@pytest.mark.parametrize(
    ("source", "tracks"), [("coco:stills", 1592), ("box_folders:.", 58), ("box_folders:davis", 20)]
)
def test_real_data_has_no_faults(shared_data, source, tracks):
    kind, folder = source.split(":")
    found, report = read(SOURCES[kind], shared_data / "train" / folder)
    assert len(found) == tracks
    assert not report.counts
