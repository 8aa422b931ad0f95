import numpy as np
import pytest

from siamfc_jax.evaluation.metrics.lasot import score_lasot
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.sequences import Sequence

TRUTH = np.tile(np.asarray([20.0, 30, 20, 10]), (10, 1))


def score(boxes, truth=TRUTH, visible=None, **settings):
    sequence = Sequence("dog-1", (), truth, visible=visible)
    return score_lasot("T", [sequence], Results({"dog-1": (Run(boxes),)}), **settings)


def test_frames_without_the_target_lower_the_score_of_a_perfect_tracker():
    visible = np.arange(10) < 6
    scores = score(TRUTH, visible=visible)
    assert scores.auc == pytest.approx(20 / 21 * 0.6)
    assert scores.precision_at_20 == pytest.approx(0.6)
    assert scores.frames.tolist() == [10]


def test_normalised_precision_is_in_units_of_width_and_height():
    # 3 px are .15 of the width, but .3 of the height.
    assert score(TRUTH + [3, 0, 0, 0]).normalised_precision_at_02 == 1
    assert score(TRUTH + [0, 3, 0, 0]).normalised_precision_at_02 == pytest.approx(0.1)


def test_a_box_with_one_nan_repeats_the_one_before():
    boxes = TRUTH.copy()
    boxes[4, 0] = np.nan
    scores = score(boxes)
    assert scores.precision_at_20 == 1 and scores.carried.tolist() == [1]


def test_results_longer_than_the_annotation_are_cut():
    assert score(np.vstack([TRUTH, TRUTH + 99])).precision_at_20 == 1


def test_absent_frames_are_not_counted_as_unusable_annotation():
    truth = TRUTH.copy()
    truth[[3, 7]] = 0
    visible = np.arange(10) != 3
    assert score(TRUTH, truth, visible).invalid.tolist() == [1]


def test_pysots_profile_takes_the_first_box_as_it_is():
    boxes = TRUTH.copy()
    boxes[0] += 99
    assert score(boxes).precision_at_20 == 1
    assert score(boxes, profile="pysot").precision_at_20 == pytest.approx(0.9)
