import numpy as np
import pytest

from siamfc_jax.evaluation.runs import FAILED, INITIALISED, UNKNOWN, VotRun
from siamfc_jax.evaluation.speed_units import (
    equivalent_filter_operations,
    maximum_filter,
    reference_seconds,
)


def run(codes, seconds):
    return VotRun(tuple(np.asarray([code], float) for code in codes), seconds)


def test_the_filter_takes_the_greatest_of_every_square_inside():
    image = np.random.default_rng(0).random((9, 12))
    expected = [[image[y : y + 5, x : x + 5].max() for x in range(8)] for y in range(5)]
    np.testing.assert_array_equal(maximum_filter(image, 2), expected)


def test_the_reference_takes_a_measurable_time():
    assert 0.005 < reference_seconds(times=1) < 10


def test_a_frame_that_takes_half_the_filters_time_is_worth_two():
    frames = run([INITIALISED] + [3] * 9, np.full(10, 0.05))
    assert equivalent_filter_operations([frames], reference=0.1) == pytest.approx(2)


def test_frames_unseen_after_a_failure_are_not_counted():
    codes = [INITIALISED, FAILED, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, INITIALISED, 3]
    seconds = np.asarray([0.1, 0.1, np.nan, np.nan, np.nan, np.nan, 0.1, 0.1])
    # t n / (n - 4 F) = .1 x 8 / 4
    assert equivalent_filter_operations([run(codes, seconds)], 0.1) == pytest.approx(0.5)


def test_repetitions_are_averaged_before_they_are_divided():
    runs = [run([INITIALISED, 3], np.full(2, seconds)) for seconds in (0.1, 0.3)]
    assert equivalent_filter_operations(runs, 0.1) == pytest.approx(0.5)


def test_without_times_there_is_no_speed():
    assert np.isnan(equivalent_filter_operations([run([INITIALISED], None)], 0.1))
    assert np.isnan(equivalent_filter_operations([run([INITIALISED], np.asarray([np.nan]))], 0.1))
