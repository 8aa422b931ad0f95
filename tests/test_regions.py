import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.evaluation.regions import (
    RegionError,
    axis_aligned,
    check_region,
    corners,
    is_known,
    same_area,
)

SQUARE_ON_ITS_TIP = np.array([10.0, 0, 20, 10, 10, 20, 0, 10])
number = st.floats(-100, 100)


def test_a_rectangle_stays_itself_for_trackers():
    rectangle = np.array([3.5, 4, 10, 20])
    for convert in (axis_aligned, same_area):
        assert convert(rectangle).tolist() == rectangle.tolist()


def test_the_smallest_rectangle_around_a_polygon():
    assert axis_aligned(SQUARE_ON_ITS_TIP).tolist() == [0, 0, 20, 20]


@given(st.lists(number, min_size=6, max_size=16).filter(lambda values: len(values) % 2 == 0))
def test_no_corner_lies_outside_of_it_and_every_side_has_one(values):
    x, y, w, h = axis_aligned(np.array(values))
    xs, ys = values[::2], values[1::2]
    assert (x, y) == (min(xs), min(ys))
    np.testing.assert_allclose([x + w, y + h], [max(xs), max(ys)], atol=1e-9)


def test_the_rectangle_of_the_same_area_has_the_polygons_centre_and_inclusive_ends():
    x, y, w, h = same_area(SQUARE_ON_ITS_TIP)
    assert w - 1 == pytest.approx(np.sqrt(200)) and h == w
    assert (x + (w - 1) / 2, y + (h - 1) / 2) == pytest.approx((10, 10))


def test_an_upright_polygon_of_inclusive_corners_is_its_rectangle():
    polygon = np.array([5.0, 6, 14, 6, 14, 25, 5, 25])
    np.testing.assert_allclose(same_area(polygon), [5, 6, 10, 20])


def test_the_area_of_more_than_four_corners_is_the_polygons():
    hexagon = np.array([0.0, 0, 5, 0, 10, 0, 10, 20, 5, 20, 0, 20])
    np.testing.assert_allclose(same_area(hexagon)[2:], [11, 21])


def test_a_polygon_without_area_gives_a_rectangle_without_much():
    assert same_area(np.array([3.0, 3, 3, 3, 3, 3, 3, 3])).tolist() == [3, 3, 1, 1]


def test_corners_of_a_rectangle_run_clockwise_from_the_upper_left():
    assert corners(np.array([1.0, 2, 3, 4])).tolist() == [[1, 2], [4, 2], [4, 6], [1, 6]]


@pytest.mark.parametrize("region", [[0.0], [2.0], [np.nan] * 4, [1.0, 2, np.nan, 4]])
def test_no_tracker_starts_from_an_unknown_region(region):
    assert not is_known(np.array(region))
    for convert in (axis_aligned, same_area):
        with pytest.raises(RegionError, match="unknown; take a frame"):
            convert(np.array(region))


@pytest.mark.parametrize("count", [0, 2, 3, 5, 7, 9])
def test_other_numbers_of_values_are_no_region(count):
    with pytest.raises(RegionError, match=f"not {count}"):
        check_region([1.0] * count)


def test_infinity_is_no_region_but_nan_is_an_unknown_one():
    with pytest.raises(RegionError, match="infinite number; write nan"):
        check_region([1.0, 2, np.inf, 4])
    assert len(check_region([np.nan] * 4)) == 4
