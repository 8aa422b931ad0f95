from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_worlds import crops_of, moving_box, some_crops, source, write_video

from data_prep.shards.plan import PlanError, SplitSettings, split_tables
from data_prep.shards.sampling import DrawTable, PairSettings, draw_pairs


def table_of(videos, weights=None):
    """From [video][track] lists of frame numbers."""
    tracks = [(video, frames) for video, members in enumerate(videos) for frames in members]
    lengths = np.asarray([len(frames) for _, frames in tracks])
    weight = np.ones(len(tracks)) if weights is None else np.asarray(weights, float)
    return DrawTable(
        start=np.cumsum([0, *lengths[:-1]]),
        length=lengths,
        video=np.asarray([video for video, _ in tracks]),
        cumulative=np.cumsum(weight / weight.sum()),
        source=np.asarray([f"source {video}" for video, _ in tracks]),
        frame=np.concatenate([np.asarray(frames, np.int32) for _, frames in tracks]),
    )


def track_of(table, crop):
    return int(np.searchsorted(table.start, crop, side="right")) - 1


FRAMES = st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True).map(sorted)
VIDEOS = st.lists(st.lists(FRAMES, min_size=1, max_size=3), min_size=2, max_size=5)


@given(
    videos=VIDEOS,
    seed=st.integers(0, 2**64 - 1),
    first=st.integers(0, 2**40),
    cut=st.integers(1, 9),
)
def test_a_pair_is_a_function_of_its_number(videos, seed, first, cut):
    table, settings = table_of(videos), PairSettings(max_gap=20, negatives=0.3, seed=seed)
    whole = list(draw_pairs(table, settings, "train", first, first + 10))
    parts = [(first, first + cut), (first + cut, first + 10)]
    assert whole == [pair for part in parts for pair in draw_pairs(table, settings, "train", *part)]


def test_seed_split_and_number_all_matter():
    table = table_of([[range(1000)], [range(1000)]])
    draws = {
        tuple(draw_pairs(table, PairSettings(seed=seed), split, first, first + 4))
        for seed in (0, 1)
        for split in ("train", "validation")
        for first in (0, 1)
    }
    assert len(draws) == 8


@given(videos=VIDEOS, seed=st.integers(0, 99), max_gap=st.integers(1, 30))
def test_pairs_keep_the_gap_and_negatives_are_of_other_videos(videos, seed, max_gap):
    table, settings = table_of(videos), PairSettings(max_gap, negatives=0.5, seed=seed)
    for exemplar, search, negative in draw_pairs(table, settings, "train", 0, 40):
        one, other = track_of(table, exemplar), track_of(table, search)
        if negative:
            assert table.video[one] != table.video[other]
            continue
        assert one == other
        frames = table.frame[table.start[one] : table.start[one] + table.length[one]]
        gaps = np.abs(frames - table.frame[exemplar])
        if exemplar == search:
            assert np.count_nonzero(gaps <= max_gap) == 1
        else:
            assert abs(table.frame[search] - table.frame[exemplar]) <= max_gap


def test_search_frames_are_drawn_evenly_before_and_after():
    table = table_of([[range(0, 50, 5)], [[0]]], weights=[1, 0])
    settings = PairSettings(max_gap=12)
    gaps = Counter(
        int(table.frame[pair.search]) - 20
        for pair in draw_pairs(table, settings, "train", 0, 20_000)
        if table.frame[pair.exemplar] == 20
    )
    assert sorted(gaps) == [-10, -5, 5, 10]
    assert max(gaps.values()) < 1.3 * min(gaps.values())


def test_a_source_may_have_a_gap_of_its_own():
    table = table_of([[range(0, 60, 5)], [range(0, 60, 5)]])
    settings = PairSettings(max_gap=100, gaps={"source 1": 5})
    widest = [0, 0]
    for exemplar, search, _ in draw_pairs(table, settings, "train", 0, 400):
        source = track_of(table, exemplar)
        widest[source] = max(widest[source], abs(table.frame[search] - table.frame[exemplar]))
    assert widest[0] > 40 and widest[1] == 5


@pytest.mark.parametrize("seed", range(3))
def test_tracks_are_drawn_by_weight_and_negatives_by_that_of_the_others(seed):
    table = table_of([[[0], [0]], [[0]], [[0], [0]]], weights=[1, 2, 3, 0.5, 3.5])
    settings = PairSettings(negatives=0.25, seed=seed)
    pairs = list(draw_pairs(table, settings, "train", 0, 4000))
    shares = np.bincount([pair.exemplar for pair in pairs], minlength=5) / len(pairs)
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.3, 0.05, 0.35], atol=0.04)
    negatives = [pair for pair in pairs if pair.negative]
    assert len(negatives) / len(pairs) == pytest.approx(0.25, abs=0.04)
    others = [pair.search for pair in negatives if pair.exemplar == 2]
    expected = np.asarray([1, 2, 0, 0.5, 3.5]) / 7
    np.testing.assert_allclose(np.bincount(others, minlength=5) / len(others), expected, atol=0.13)


@pytest.mark.parametrize(
    "change", [{"max_gap": 0}, {"negatives": 1.5}, {"seed": -1}, {"gaps": {"a": 0}}]
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match="must be"):
        PairSettings(**change)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Videos one/b, one/d, two/a, two/c of 6 frames, and stills/still."""
    return some_crops(tmp_path_factory.mktemp("crops"))


def names_in(index, table):
    names = list(index.videos())
    return {names[video] for video in table.video}


def test_named_videos_are_held_out_with_all_their_tracks(index):
    split = SplitSettings(validation_videos=("one/b", "two/a"))
    tables = split_tables(index, split, validation=True)
    assert names_in(index, tables["validation"]) == {"one/b", "two/a"}
    assert names_in(index, tables["train"]) == {"one/d", "two/c", "stills/still"}
    with pytest.raises(PlanError, match="no video 'one/x' to hold out; names are LABEL/VIDEO"):
        split_tables(index, SplitSettings(validation_videos=("one/x",)), validation=True)


def test_a_share_of_the_videos_is_held_out_whatever_is_trained_on(index):
    held_out = set()
    trained_on = []
    for percent in (100, 50):
        split = SplitSettings(validation=0.4, percent_of_videos=percent)
        tables = split_tables(index, split, validation=True)
        held_out.add(frozenset(names_in(index, tables["validation"])))
        trained_on.append(names_in(index, tables["train"]))
    assert len(held_out) == 1 and len(next(iter(held_out))) == 2
    assert trained_on[1] < trained_on[0] and not trained_on[0] & next(iter(held_out))


def test_without_validation_every_video_is_trained_on(index):
    (table,) = split_tables(index, SplitSettings(), validation=False).values()
    assert len(names_in(index, table)) == 5


def shares_of_sources(index, table):
    weight = np.diff(table.cumulative, prepend=0)
    names = list(index.videos())
    shares = Counter()
    for video, share in zip(table.video, weight, strict=True):
        shares[names[video].partition("/")[0]] += share
    return shares


def test_a_mix_gives_each_source_its_share(index):
    split = SplitSettings(mix={"one": 3, "two": 1, "stills": 0})
    (table,) = split_tables(index, split, validation=False).values()
    shares = shares_of_sources(index, table)
    assert shares == {"one": pytest.approx(0.75), "two": pytest.approx(0.25)}
    assert names_in(index, table) == {"one/b", "one/d", "two/a", "two/c"}


@pytest.mark.parametrize(
    ("mix", "problem"),
    [
        ({"one": 1}, "name each of one, two, stills"),
        ({"one": 1, "two": -1, "stills": 1}, "not negative"),
        ({"one": 1, "two": 0, "stills": 1}, "asks for stills, of which no video is left"),
    ],
)
def test_a_mix_that_cannot_be_is_refused(index, mix, problem):
    split = SplitSettings(mix=mix, validation_videos=("stills/still",))
    with pytest.raises(PlanError, match=problem):
        split_tables(index, split, validation=True)


@pytest.mark.parametrize(
    ("weight", "shares"),
    [("sqrt", [2 / 3, 1 / 3]), ("uniform", [0.5, 0.5]), ("length", [0.8, 0.2])],
)
def test_tracks_are_weighed_by_their_length(tmp_path, weight, shares):
    write_video(tmp_path / "a/cow", [moving_box(8)])
    write_video(tmp_path / "a/dog", [moving_box(2)])
    crops = crops_of([source(tmp_path / "a")], tmp_path / "crops")
    split = SplitSettings(track_weight=weight)
    (table,) = split_tables(crops, split, validation=False).values()
    np.testing.assert_allclose(np.diff(table.cumulative, prepend=0), shares)
