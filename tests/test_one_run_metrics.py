"""Success and precision of one run in the package's boxes."""

import numpy as np
import pytest

from siamfc_jax.evaluation.metrics.one_run import (
    precision_at_20,
    precision_curve,
    success_auc,
    success_curve,
)


def test_a_perfect_tracker_scores_20_of_21():
    truth = np.asarray([[5, 5, 10, 20]] * 7, float)
    assert success_auc(truth, truth) == pytest.approx(20 / 21)
    assert precision_at_20(truth, truth) == 1


def test_the_first_frame_counts_as_found():
    truth = np.asarray([[5, 5, 10, 20]] * 4, float)
    lost = truth + [100, 0, 0, 0]
    assert success_curve(lost, truth)[:20].tolist() == [0.25] * 20
    assert precision_curve(lost, truth)[20] == 0.25


def test_an_invalid_truth_is_a_success_miss_and_a_precision_hit():
    truth = np.asarray([[5, 5, 10, 20], [-1, -1, 0, 0]], float)
    assert success_curve(truth, truth)[0] == 0.5
    assert precision_curve(truth, truth)[0] == 1.0


def test_a_target_at_the_origin_is_valid():
    truth = np.asarray([[0, 0, 10, 20]] * 2, np.float32)
    assert success_curve(truth, truth)[0] == 1


def test_results_of_another_length_and_none_are_refused():
    with pytest.raises(ValueError, match="2 predicted boxes for 3"):
        success_auc(np.ones((2, 4)), np.ones((3, 4)))
    with pytest.raises(ValueError, match="0 boxes"):
        success_auc(np.ones((0, 4)), np.ones((0, 4)))
