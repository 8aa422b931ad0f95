"""The bootstrap over sequences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamfc_jax.evaluation.statistics import interval, mean_interval, paired_comparison

scores = st.lists(st.integers(0, 20).map(lambda k: k / 20), min_size=1, max_size=30)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    for level, least, most in ((0.95, 0.9, 0.98), (0.5, 0.42, 0.57)):
        drawn = rng.beta(3, 2, (400, 60))
        covered = [
            low <= 3 / 5 <= high
            for low, high in (mean_interval(row, level=level, resamples=400) for row in drawn)
        ]
        assert least < np.mean(covered) < most


@given(scores)
def test_the_interval_lies_within_the_values_and_repeats(values):
    low, high = mean_interval(values, resamples=100)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert mean_interval(values, resamples=100) == (low, high)


def test_another_seed_draws_other_sequences():
    values = np.arange(20.0)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_any_score_that_counts_sequences_can_be_resampled():
    values, weights = np.arange(10.0), np.arange(1.0, 11)
    seen = []

    def weighted_mean(multiplicities):
        seen.append(multiplicities.sum())
        return np.average(values, weights=weights * multiplicities)

    found = interval(10, weighted_mean, resamples=200, seed=3)
    assert found == pytest.approx(mean_interval(values, weights, resamples=200, seed=3))
    assert seen == [10] * 200


def test_more_sequences_and_a_lower_level_give_narrower_intervals():
    values = np.random.default_rng(0).random(50)

    def width(*arguments, **settings):
        low, high = mean_interval(*arguments, **settings)
        return high - low

    assert width(np.tile(values, 9)) < 0.5 * width(values)
    assert width(values, level=0.5) < 0.5 * width(values)


def test_a_small_but_steady_difference_shows_only_in_the_paired_comparison():
    rng = np.random.default_rng(0)
    hard = rng.random(60)
    better = hard + 0.02 + rng.normal(0, 0.01, 60)
    assert mean_interval(hard)[1] > mean_interval(better)[0]
    compared = paired_comparison(better, hard)
    assert 0 < compared.low < compared.difference < compared.high
    assert compared.share_better == 1 and compared.p_value < 1e-6


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8))
@settings(max_examples=30)
def test_swapping_the_trackers_mirrors_the_comparison(pairs):
    a, b = (np.asarray(column) / 9 for column in zip(*pairs, strict=True))
    one, other = (paired_comparison(*pair, resamples=50) for pair in ((a, b), (b, a)))
    assert one.difference == -other.difference
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)
    assert one.share_better == pytest.approx(1 - other.share_better)
    assert (one.wins, one.ties, one.losses) == (other.losses, other.ties, other.wins)
    assert one.p_value == pytest.approx(other.p_value)


def test_wins_ties_and_losses_are_counted_and_the_difference_is_weighted():
    compared = paired_comparison([1, 0.5, 0], [0, 0.5, 0.5], weights=[1, 1, 2])
    assert (compared.wins, compared.ties, compared.losses) == (1, 1, 1)
    assert compared.difference == pytest.approx((1 - 2 * 0.5) / 4)


def test_a_tracker_equals_itself():
    values = np.random.default_rng(0).random(10)
    compared = paired_comparison(values, values)
    assert compared == (0, 0, 0, 0.5, 0, 10, 0, 1)


def test_pure_chance_is_rarely_significant():
    rng = np.random.default_rng(5)
    draws = [paired_comparison(*rng.random((2, 30)), resamples=10).p_value for _ in range(200)]
    assert 0.01 < np.mean(np.asarray(draws) < 0.05) < 0.1


def test_without_sequences_there_is_no_interval():
    assert np.isnan(mean_interval([])).all()
    assert np.isnan(interval(0, lambda multiplicities: 1.0)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([1, 2], level=1.5), "level 1.5"),
        (lambda: mean_interval([1, 2], resamples=0), "0 resamples"),
        (lambda: mean_interval([1, 2], [1]), "2 values for 1 sequences"),
        (lambda: mean_interval([1, 2], [1, 0]), "weights must be positive"),
        (lambda: paired_comparison([1, 2], [1]), "1 values for 2 sequences"),
        (lambda: paired_comparison([], []), "sequences that both have a score for"),
        (lambda: paired_comparison([np.nan], [1]), "sequences that both have a score for"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_resamples_without_a_score_are_left_out():
    def score(multiplicities):
        return 1.0 if multiplicities[0] else float("nan")

    assert interval(5, score, resamples=50) == (1, 1)
    assert np.isnan(interval(5, lambda _: float("nan"), resamples=50)).all()
