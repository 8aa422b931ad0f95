import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.boxes import BoxError, check_boxes, from_corners, from_one_based, iou, to_one_based

side = st.integers(1, 12)
place = st.integers(0, 12)


def pixels(box):
    canvas = np.zeros((30, 30), bool)
    x, y, w, h = box
    canvas[y : y + h, x : x + w] = True
    return canvas


@given(place, place, side, side, place, place, side, side)
def test_iou_counts_pixels(x1, y1, w1, h1, x2, y2, w2, h2):
    a, b = (x1, y1, w1, h1), (x2, y2, w2, h2)
    both, either = pixels(a) & pixels(b), pixels(a) | pixels(b)
    assert iou(a, b) == pytest.approx(both.sum() / either.sum())


def test_iou_of_boxes_without_area_is_zero():
    assert iou((3, 3, 0, 0), (3, 3, 0, 0)) == 0


def test_the_first_pixel_counted_from_one_starts_at_the_origin():
    np.testing.assert_array_equal(from_one_based([1, 1, 5, 6]), [0, 0, 5, 6])
    np.testing.assert_array_equal(to_one_based(from_one_based([3, 4, 5, 6])), [3, 4, 5, 6])


def test_corners_become_sizes():
    np.testing.assert_array_equal(from_corners([[2, 3, 7, 5]]), [[2, 3, 5, 2]])


def test_a_single_box_becomes_a_row():
    assert check_boxes((1, 2, 3, 4), 10, 10).shape == (1, 4)


def test_a_box_partly_outside_the_frame_is_accepted():
    check_boxes((-2, 0, 6, 5), 10, 10)


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((np.nan, 1, 2, 3), "not finite"),
        ((1, 1, np.inf, 3), "not finite"),
        ((1, 1, 0, 3), "no area"),
        ((1, 1, 3, -2), "no area"),
        ((0, 0, 11, 5), "larger than the frame"),
        ((20, 2, 3, 3), "outside the frame"),
        ((-8, 2, 3, 3), "outside the frame"),
        (("a", 2, 3, 3), "must be numbers"),
        ((1, 2, 3), "shape"),
        (np.zeros((0, 4)), "shape"),
    ],
)
def test_a_box_that_cannot_start_a_tracker_is_refused_in_one_line(box, problem):
    with pytest.raises(BoxError, match=problem) as error:
        check_boxes(box, 10, 10)
    assert "\n" not in str(error.value)
