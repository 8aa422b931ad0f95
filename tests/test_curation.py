"""Filters of boxes, their presets, and subsets of videos."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_trees import write_frame

from data_prep.checks.curation import CURATIONS, UNREADABLE, Dropped, curate, subset_of_videos
from data_prep.checks.filters import (
    VID_CLASSES,
    area_within,
    aspect_within,
    at_least,
    clear_of_border,
    drop_categories,
    inside_frame,
)
from data_prep.tracks import Report, Track

FRAME = (200, 100)


def make_track(*boxes, category="", sizes=FRAME, frames=None):
    return Track(
        video="v",
        name="v#1",
        frames=tuple(frames or (Path(f"{index}.jpg") for index in range(len(boxes)))),
        numbers=np.arange(len(boxes), dtype=np.int32) * 2,
        boxes=np.asarray(boxes, np.float32),
        category=category,
        sizes=None if sizes is None else np.asarray([sizes] * len(boxes), np.int32),
    )


def kept(rule, *boxes, **more):
    """Which of the boxes stay."""
    tracks = list(curate([make_track(*boxes, **more)], [rule], Dropped()))
    return [int(number) // 2 for track in tracks for number in track.numbers]


def test_a_category_is_dropped_as_a_whole():
    rule = drop_categories(["n01726692"])
    assert kept(rule, (1, 1, 9, 9), category="n01726692") == []
    assert kept(rule, (1, 1, 9, 9), (2, 2, 9, 9), category="n02084071") == [0, 1]


def test_area_is_a_share_of_the_image_and_the_limits_are_excluded():
    boxes = [(0, 0, 20, 10), (0, 0, 20.1, 10), (0, 0, 149, 75), (0, 0, 150, 75)]
    assert kept(area_within(0.1**2, 0.75**2), *boxes) == [1, 2]


@pytest.mark.parametrize("edge", ["left", "top", "right", "bottom"])
def test_the_distance_from_every_border_is_measured_by_the_mean_side(edge):
    # The mean side of 30 x 10 is 20, and .05 of it 1 pixel.
    near, far = {
        "left": [(1, 40, 30, 10), (1.1, 40, 30, 10)],
        "top": [(40, 1, 30, 10), (40, 1.1, 30, 10)],
        "right": [(169, 40, 30, 10), (168.9, 40, 30, 10)],
        "bottom": [(40, 89, 30, 10), (40, 88.9, 30, 10)],
    }[edge]
    assert kept(clear_of_border(0.05), near, far) == [1]


def test_a_box_is_inside_where_its_centre_is():
    inside = [(-9, 0, 20, 9), (189, 0, 20, 9), (50, -4, 9, 9), (50, 95, 9, 9)]
    outside = [(-11, 0, 20, 9), (191, 0, 20, 9), (50, -5, 9, 9), (50, 96, 9, 9)]
    assert kept(inside_frame(), *inside, *outside) == [0, 1, 2, 3]


def test_both_sides_and_their_ratio_are_limited():
    boxes = [(0, 0, 8, 80), (0, 0, 7.9, 20), (0, 0, 90, 8), (0, 0, 20, 8)]
    assert kept(at_least(8), *boxes) == [0, 2, 3]
    assert kept(aspect_within(10), *boxes) == [0, 1, 3]


def test_frames_and_all_that_belongs_to_them_are_dropped_together():
    (track,) = curate(
        [make_track((1, 1, 9, 9), (1, 1, 2, 2), (2, 2, 9, 9))], [at_least(5)], Dropped()
    )
    assert [frame.stem for frame in track.frames] == ["0", "2"]
    assert track.numbers.tolist() == [0, 4]
    assert track.boxes.tolist() == [[1, 1, 9, 9], [2, 2, 9, 9]]
    assert track.sizes.tolist() == [list(FRAME)] * 2


def test_a_box_counts_for_the_first_filter_that_drops_it():
    dropped = Dropped()
    filters = [at_least(5), aspect_within(2)]
    tracks = [make_track((0, 0, 2, 9), (0, 0, 9, 9)), make_track((0, 0, 6, 90), (0, 0, 2, 9))]
    assert len(list(curate(tracks, filters, dropped))) == 1
    assert dropped.boxes == Counter({filters[0].name: 2, filters[1].name: 1})
    assert dropped.tracks == Counter({filters[0].name: 0, filters[1].name: 1})


def test_tracks_are_taken_one_at_a_time():
    def tracks():
        yield make_track((1, 1, 9, 9))
        raise AssertionError("read ahead")

    next(curate(tracks(), [at_least(5)], Dropped()))


def test_sizes_are_read_from_the_images_where_the_source_tells_none(tmp_path):
    frames = [tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c.jpg"]
    write_frame(frames[0], (20, 20))
    write_frame(frames[1], (200, 200))
    frames[2].write_bytes(b"broken")
    dropped, report = Dropped(), Report()
    track = make_track(*[(5, 5, 10, 10)] * 3, sizes=None, frames=frames)
    (left,) = curate([track], [area_within(0.1, 1)], dropped, report)
    assert left.frames == (frames[0],)
    assert dropped.boxes[UNREADABLE] == 1
    assert "c.jpg" in report.examples[UNREADABLE][0]


def test_a_track_that_cannot_be_read_at_all_counts_once(tmp_path):
    dropped = Dropped()
    track = make_track((5, 5, 10, 10), sizes=None, frames=[tmp_path / "gone.jpg"])
    assert not list(curate([track], CURATIONS["v1"], dropped))
    assert dropped.tracks.total() == dropped.boxes.total() == 1


def test_version_2_keeps_everything():
    tracks = [make_track((-50, -50, 51, 51), (0, 0, 200, 100), category="n01726692")]
    assert list(curate(tracks, CURATIONS["v2"], Dropped())) == tracks


BOXES = st.tuples(
    st.integers(-20, 220), st.integers(-20, 120), st.integers(1, 200), st.integers(1, 100)
)


@given(st.lists(BOXES, min_size=1, max_size=8), st.sampled_from(sorted(VID_CLASSES)))
def test_version_1_is_the_papers_rules(boxes, category):
    expected = [
        index
        for index, (x, y, w, h) in enumerate(boxes)
        if VID_CLASSES[category] not in ("snake", "train", "whale", "lizard")
        and 0.1 < np.sqrt(w * h / (200 * 100)) < 0.75
        and min(x, y, 200 - x - w, 100 - y - h) > 0.05 * (w + h) / 2
    ]
    tracks = curate([make_track(*boxes, category=category)], CURATIONS["v1"], Dropped())
    assert [int(number) // 2 for track in tracks for number in track.numbers] == expected


def test_there_are_thirty_classes():
    assert len(VID_CLASSES) == len(set(VID_CLASSES.values())) == 30


# Subsets

NAMES = [f"video {number}" for number in range(300)]


@given(st.floats(0.1, 100), st.floats(0.1, 100), st.integers(0, 9), st.randoms())
def test_a_smaller_subset_is_part_of_a_larger_one_in_whatever_order_names_come(
    percent, other, seed, random
):
    low, high = sorted((percent, other))
    shuffled = random.sample(NAMES, len(NAMES))
    assert set(subset_of_videos(shuffled, low, seed)) <= set(subset_of_videos(NAMES, high, seed))
    assert subset_of_videos(shuffled, low, seed) == subset_of_videos(NAMES, low, seed)


@pytest.mark.parametrize(
    ("videos", "percent", "count"),
    [(4417, 2, 88), (4417, 4, 177), (4417, 8, 353), (4417, 16, 707), (4417, 32, 1413)]
    + [(2820, 5, 141), (2820, 10, 282), (2820, 50, 1410), (2820, 100, 2820), (3, 1, 1)],
)
def test_subsets_have_the_papers_numbers_of_videos(videos, percent, count):
    names = [str(number) for number in range(videos)]
    assert len(set(subset_of_videos(names, percent))) == count


def test_another_seed_gives_another_subset():
    assert subset_of_videos(NAMES, 50, seed=1) != subset_of_videos(NAMES, 50, seed=2)


@pytest.mark.parametrize("percent", [0, -5, 100.5, float("nan")])
def test_no_subset_is_larger_than_everything_or_empty(percent):
    with pytest.raises(ValueError, match="percentage"):
        subset_of_videos(NAMES, percent)
