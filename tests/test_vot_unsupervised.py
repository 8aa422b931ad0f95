import numpy as np
import pytest
from vot_worlds import HALF, SIZE, TRUTH, code, results_of, vot_sequence

from siamfc_jax.evaluation.metrics.vot_overlap import overlap
from siamfc_jax.evaluation.metrics.vot_unsupervised import score_vot_unsupervised
from siamfc_jax.evaluation.runs import INITIALISED, VotRun


def run_of(*regions, seconds=None):
    return VotRun((code(INITIALISED), *regions), seconds)


def score(sequences, results):
    return score_vot_unsupervised("ours", sequences, results, benchmark="toy")


def test_average_overlap_is_over_all_frames_and_the_first_counts_as_0():
    sequences = [vot_sequence(4, "a"), vot_sequence(2, "b")]
    results = results_of(a=[run_of(TRUTH, TRUTH, HALF)], b=[run_of(TRUTH)])
    scores = score(sequences, results)
    half = overlap(HALF, TRUTH, SIZE, "classic")
    assert scores.average_overlap == pytest.approx((2 + half + 1) / 6)
    np.testing.assert_allclose(scores.overlap, [(2 + half) / 4, 1 / 2])


def test_the_curve_has_100_thresholds_which_overlap_must_exceed():
    scores = score([vot_sequence(4)], results_of(car=[run_of(TRUTH, TRUTH, HALF)]))
    half = overlap(HALF, TRUTH, SIZE, "classic")
    thresholds = scores.success_thresholds
    assert len(thresholds) == 100 and thresholds[[0, -1]].tolist() == [0, 1]
    expected = np.where(thresholds < half, 3 / 4, np.where(thresholds < 1, 2 / 4, 0))
    np.testing.assert_array_equal(scores.success[0], expected)


def test_frames_without_a_region_count_as_0():
    lost = run_of(np.full(4, np.nan), code(0), TRUTH)
    scores = score([vot_sequence(4)], results_of(car=[lost]))
    assert (scores.average_overlap, scores.carried.tolist()) == (1 / 4, [2])


def test_speed_is_frames_over_the_time_inside_the_tracker():
    timed = run_of(TRUTH, TRUTH, seconds=np.array([np.nan, 0.1, 0.3]))
    scores = score([vot_sequence(3)], results_of(car=[timed]))
    assert scores.frames_per_second == pytest.approx(2 / 0.4)
    untimed = score([vot_sequence(2)], results_of(car=[run_of(TRUTH)]))
    assert untimed.frames_per_second is None


def test_tags_and_problems_are_kept():
    sequences = [
        vot_sequence(2, "a", {"occlusion": [0, 1], "size_change": [0, 0]}),
        vot_sequence(9),
    ]
    scores = score(sequences, results_of(a=[run_of(TRUTH)]))
    assert scores.attributes == (frozenset({"occlusion"}),)
    assert list(scores.problems) == ["car"]


def test_without_any_result_there_is_no_score():
    scores = score([vot_sequence(2)], results_of())
    assert scores.names == () and np.isnan(scores.average_overlap)
