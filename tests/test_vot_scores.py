"""Accuracy, robustness and failures of supervised runs."""

import math

import numpy as np
import pytest
from vot_worlds import (
    HALF,
    TRUTH,
    code,
    overlap_of,
    random_run,
    results_of,
    score,
    supervised_run,
    vot_sequence,
)

from siamfc_jax.evaluation.metrics.vot_profiles import VOT_PROFILES
from siamfc_jax.evaluation.metrics.vot_scores import score_vot
from siamfc_jax.evaluation.runs import INITIALISED, Results, VotRun


def test_a_perfect_run_has_accuracy_and_expected_overlap_1_and_no_failure():
    for profile in VOT_PROFILES:
        scores = score([vot_sequence(30)], results_of(car=[supervised_run(30)]), profile)
        assert (scores.accuracy, scores.expected_overlap, scores.failures) == (1, 1, 0)
        assert (scores.robustness, scores.reliability) == (0, 1)
        assert scores.profile == profile


def test_ten_frames_from_every_start_on_do_not_count_for_accuracy():
    regions = [code(INITIALISED), *[HALF] * 9, *[TRUTH] * 10]
    scores = score([vot_sequence(20)], results_of(car=[VotRun(tuple(regions))]))
    assert scores.accuracy == 1
    regions[10] = HALF
    scores = score([vot_sequence(20)], results_of(car=[VotRun(tuple(regions))]))
    assert scores.accuracy == pytest.approx((9 + overlap_of(HALF)) / 10)


def test_accuracy_is_pooled_over_frames_or_averaged_over_sequences():
    sequences = [vot_sequence(20, "short"), vot_sequence(40, "long")]
    results = results_of(short=[supervised_run(20)], long=[supervised_run(40, region=HALF)])
    half = overlap_of(HALF)
    assert score(sequences, results).accuracy == pytest.approx((10 + 30 * half) / 40)
    half = overlap_of(HALF, "vot-python")
    by_length = (20 + 40 * half) / 60
    assert score(sequences, results, "vot-python").accuracy == pytest.approx(by_length)


def test_robustness_counts_failures_per_hundred_frames_or_per_sequence():
    sequences = [vot_sequence(40, "a"), vot_sequence(60, "b")]
    results = results_of(a=[supervised_run(40, [7, 20])], b=[supervised_run(60)])
    scores = score(sequences, results)
    assert (scores.failures, scores.robustness) == (2, 2)
    assert scores.reliability == pytest.approx(math.exp(-30 * 2 / 100))
    by_length = score(sequences, results, "vot-python")
    assert by_length.robustness == pytest.approx(2 * 40 / 100)
    assert by_length.reliability == pytest.approx(math.exp(-30 * 0.8 / 50))


def test_repetitions_are_counted_as_they_are_scored():
    runs = [supervised_run(40)] * 14
    results = results_of(car=runs, bag=runs[:1])
    sequences = [vot_sequence(40), vot_sequence(40, "bag")]
    scores = score(sequences, results)
    assert (scores.repetitions.tolist(), scores.ignored.tolist()) == ([14, 1], [0, 0])
    scores = score(sequences, results, "pysot")
    assert (scores.repetitions.tolist(), scores.ignored.tolist()) == ([1, 1], [13, 0])


def test_frames_of_which_a_run_says_nothing_are_counted():
    regions = list(supervised_run(40, [10, 37]).regions)  # codes 0 follow in 11..14, 38, 39
    regions[3] = np.full(4, np.nan)
    regions[4] = code(0)
    regions[12] = code(np.nan)
    regions[20] = code(np.nan)
    run = VotRun(tuple(regions))
    scores = score([vot_sequence(40)], results_of(car=[run, run, supervised_run(40)]))
    assert scores.unknown.tolist() == [2 * 4]


def test_codes_before_the_truth_is_known_are_as_they_should_be():
    truth = (np.full(4, np.nan),) * 2 + (TRUTH,) * 38
    late = VotRun((code(0),) * 2 + supervised_run(38).regions)
    scores = score([vot_sequence(40)._replace(truth=truth)], results_of(car=[late]))
    assert (scores.names, scores.unknown.tolist()) == (("car",), [0])


@pytest.mark.parametrize(
    ("first", "others", "said"),
    [
        (TRUTH, TRUTH, "car, repetition 2, frame 1: the tracker is not started there"),
        (code(0), code(0), "car, repetition 2, frame 1: the tracker is not started there"),
        (code(1), code(0), "car, repetition 2: neither a region nor a failure in it"),
        (code(1), np.full(4, np.nan), "car, repetition 2: neither a region nor a failure in it"),
    ],
)
def test_a_run_without_a_start_or_without_any_word_is_named(first, others, said):
    empty = VotRun((first,) + (others,) * 29)
    scores = score([vot_sequence(30)], results_of(car=[supervised_run(30), empty]))
    assert scores.names == () and said in scores.problems["car"]


def test_a_run_that_fails_at_once_whenever_it_starts_is_one():
    run = supervised_run(12, [1, 7])
    assert score([vot_sequence(12)], results_of(car=[run])).failures == 2


def test_failures_are_means_over_the_repetitions_there_are():
    runs = [supervised_run(40, [12]), supervised_run(40), supervised_run(40, [12, 30])]
    assert score([vot_sequence(40)], results_of(car=runs)).failures == 1


def test_accuracy_averages_each_frame_over_the_repetitions_that_know_it():
    runs = [supervised_run(30, region=HALF), supervised_run(30, [10])]
    half = overlap_of(HALF)
    # The second is unknown in frames 10..14 and burns in until 24.
    expected = np.mean([half] * 15 + [(half + 1) / 2] * 5)
    assert score([vot_sequence(30)], results_of(car=runs)).accuracy == pytest.approx(expected)


def test_pysot_takes_repetitions_only_if_there_are_fifteen():
    runs = [supervised_run(40), *[supervised_run(40, [12])] * 14]
    sequences = [vot_sequence(40)]
    assert score(sequences, results_of(car=runs), "pysot").failures == pytest.approx(14 / 15)
    assert score(sequences, results_of(car=runs[:14]), "pysot").failures == 0
    assert score(sequences, results_of(car=runs[:14])).failures == pytest.approx(13 / 14)


@pytest.mark.parametrize("profile", VOT_PROFILES)
def test_identical_repetitions_score_as_one(profile):
    run = random_run(np.random.default_rng(3), 60)
    once = score([vot_sequence(60)], results_of(car=[run]), profile)
    often = score([vot_sequence(60)], results_of(car=[run] * 15), profile)
    np.testing.assert_allclose(often.curve, once.curve)
    assert often.accuracy == pytest.approx(once.accuracy)
    assert often.failures == once.failures


def test_a_sequence_shorter_than_the_burn_in_has_no_accuracy_but_expected_overlap():
    sequences = [vot_sequence(6, "short"), vot_sequence(30, "long")]
    results = results_of(short=[supervised_run(6)], long=[supervised_run(30, region=HALF)])
    scores = score(sequences, results)
    assert np.isnan(scores.sequence_accuracy[0])
    assert scores.accuracy == pytest.approx(overlap_of(HALF))
    assert scores.curve[5] == pytest.approx((1 + overlap_of(HALF)) / 2)


def test_a_sequence_of_one_frame_changes_nothing():
    run = random_run(np.random.default_rng(5), 40)
    alone = score([vot_sequence(40)], results_of(car=[run]))
    both = score(
        [vot_sequence(40), vot_sequence(1, "dot")], results_of(car=[run], dot=[supervised_run(1)])
    )
    np.testing.assert_array_equal(both.curve, alone.curve)
    assert both.accuracy == alone.accuracy


def test_frames_with_an_unknown_truth_are_left_out_and_counted():
    truth = [TRUTH] * 30
    truth[15] = truth[16] = np.full(4, np.nan)
    sequence = vot_sequence(30)._replace(truth=tuple(truth))
    for profile in VOT_PROFILES:
        scores = score([sequence], results_of(car=[supervised_run(30, region=TRUTH)]), profile)
        assert scores.invalid.tolist() == [2]
        assert scores.accuracy == 1
    assert score([sequence], results_of(car=[supervised_run(30)])).expected_overlap == 1


def test_a_year_of_vot_has_its_range_and_other_benchmarks_derive_theirs():
    sequences = [vot_sequence(n, str(n)) for n in (30, 40, 50, 45)]
    results = Results({one.name: (supervised_run(len(one.truth)),) for one in sequences})
    assert score_vot("t", sequences, results, benchmark="VOT2019").range == (46, 291)
    low, high = score_vot("t", sequences, results, benchmark="ours").range
    assert 1 <= low < high <= 50


def test_an_unknown_profile_names_those_there_are():
    with pytest.raises(ValueError, match="no profile 'vot'; there are vot-classic, "):
        score([vot_sequence(30)], results_of(), "vot")
