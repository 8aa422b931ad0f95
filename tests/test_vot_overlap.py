import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from vot_bitmaps import bitmap_overlap

from siamfc_jax.evaluation.metrics.vot_overlap import overlap, overlaps

SIZE = (24, 20)
BOUNDS = {"classic": SIZE, "2019": SIZE, "legacy": None, "python": SIZE}
RULES = list(BOUNDS)

# Halves are where roundings differ, thirds where divisions do.
coordinate = st.one_of(
    st.integers(-20, 70).map(lambda value: value / 2),
    st.integers(-20, 70).map(lambda value: value / 3),
    st.floats(-10, 35, width=32),
)
side = st.one_of(st.integers(-3, 50).map(lambda value: value / 2), st.floats(-1, 25, width=32))
rectangles = st.tuples(coordinate, coordinate, side, side).map(list)
polygons = st.integers(3, 7).flatmap(lambda k: st.lists(coordinate, min_size=2 * k, max_size=2 * k))


def rotated(centre_x, centre_y, width, height, angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    return (corners @ turn.T + [centre_x, centre_y]).ravel().tolist()


# What VOT annotates since 2014.
rotated_rectangles = st.builds(
    rotated, coordinate, coordinate, st.floats(0.1, 20), st.floats(0.1, 20), st.floats(0, 6.3)
)
regions = st.one_of(rectangles, polygons, rotated_rectangles).map(np.asarray)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=200)
@given(regions, regions)
@example(np.array([3.0, 3, 0, 0]), np.array([3.0, 3, 0, 0]))
@example(np.array([-9.0, -9, 5, 5]), np.array([30.0, 30, 5, 5]))
@example(np.array([2.0, 2, 12, 2, 2, 12, 12, 12]), np.array([0.0, 0, 9, 9]))
def test_overlap_is_that_of_bitmaps_filled_pixel_by_pixel(rule, a, b):
    expected = bitmap_overlap(a, b, BOUNDS[rule], rule)
    assert overlap(a, b, BOUNDS[rule], rule) == pytest.approx(expected, abs=0, nan_ok=True)


@settings(max_examples=50)
@given(st.lists(st.tuples(regions, regions), min_size=1, max_size=12))
def test_frames_are_independent_of_what_stands_beside_them(pairs):
    a, b = zip(*pairs, strict=True)
    bounds = [SIZE, (SIZE[0] - 1, SIZE[1] - 1)]
    together = overlaps(a, b, bounds, "classic")
    alone = [[overlap(x, y, one, "classic") for x, y in pairs] for one in bounds]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("rule", ["classic", "2019", "legacy"])
@given(a=regions, b=regions)
@settings(max_examples=50)
def test_overlap_is_symmetric_and_a_share(rule, a, b):
    value = overlap(a, b, BOUNDS[rule], rule)
    swapped = overlap(b, a, BOUNDS[rule], rule)
    assert np.isnan([value, swapped]).all() or 0 <= value == swapped <= 1


@pytest.mark.parametrize(("rule", "published"), [("classic", 0.152786), ("2019", 0.149491)])
def test_the_example_of_the_toolkits_issue_202(rule, published):
    a, b = np.array([1.0, 1, 100, 100]), np.array([50.0, 50, 100, 100])
    assert overlap(a, b, (1000, 1000), rule) == pytest.approx(published, abs=5e-7)


def test_codes_and_nan_are_unknown():
    box, code, nan = np.array([1.0, 1, 9, 9]), np.array([2.0]), np.full(4, np.nan)
    found = overlaps([code, nan, box, box, box], [box, box, nan, code, box], [SIZE], "classic")
    np.testing.assert_array_equal(found, [[np.nan, np.nan, np.nan, np.nan, 1]])


def test_a_region_outside_the_frame_has_no_overlap_with_one_inside():
    inside = np.array([2.0, 2, 10, 10])
    for outside in ([-30.0, 2, 10, 10], [40.0, 2, 10, 10], [2.0, 60, 10, 10], [-90.0, -90, 9, 9]):
        for rule in RULES:
            assert overlap(np.array(outside), inside, BOUNDS[rule], rule) == 0


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([40, 40, 10, 10], [-30, -30, 10, 10], 0),  # no pixel in the frame, which their box covers
        ([40, 40, 10, 10], [40, 40, 10, 10], 0),
        ([3, 3, 1, 1], [3, 3, 1, 1], 1),
        ([40, 40, 1, 1], [40, 40, 1, 1], 1),
        ([3, 3, 0, 5], [3, 3, 1, 5], 1),
        ([3, 3, 0, 5], [3, 3, 2, 5], 0),
    ],
)
def test_where_there_is_nothing_to_compare_the_python_toolkit_says_1_of_one_place_else_0(
    a, b, expected
):
    assert overlap(np.asarray(a, float), np.asarray(b, float), SIZE, "python") == expected


def test_what_lies_beyond_the_frame_does_not_count():
    truth = np.array([14.0, 2, 10, 10])
    beyond = np.array([14.0, 2, 30, 10])
    assert overlap(beyond, truth, SIZE, "classic") == 1
    assert overlap(beyond, truth, None, "legacy") == pytest.approx(1 / 3, abs=0.01)


def test_a_runaway_region_costs_neither_memory_nor_an_answer():
    truth = np.array([2.0, 2, 10, 10])
    for far in (1e3, 1e9, 1e30):
        tall = np.array([2.0, -far, 10, 2 * far])
        for rule in RULES:
            assert 0 <= overlap(tall, truth, BOUNDS[rule], rule) <= 1


def test_numbers_of_regions_must_agree():
    with pytest.raises(ValueError, match="2 regions for 1 true ones"):
        overlaps([np.zeros(4)] * 2, [np.zeros(4)], [SIZE], "classic")
