import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.evaluation.metrics.vot_range import EAO_RANGES, evaluation_range, range_of


@pytest.mark.parametrize("spelling", ["VOT2018", "vot2018", "VOT-2018"])
def test_years_of_vot_have_their_published_range(spelling):
    assert range_of(spelling, [5, 6]) == (100, 356)


def test_other_benchmarks_get_theirs_from_the_lengths():
    lengths = [30, 50, 55, 60, 61, 90, 200]
    assert range_of("ours", lengths) == evaluation_range(lengths)[:2]


@given(st.lists(st.integers(2, 400), min_size=2, max_size=30).filter(lambda n: len(set(n)) > 1))
def test_the_range_holds_the_commonest_length_and_lies_within_the_lengths(lengths):
    low, high, peak = evaluation_range(lengths)
    assert 1 <= low <= peak <= high <= max(lengths)
    assert evaluation_range(lengths[::-1]) == (low, high, peak)


def test_half_of_the_sequences_lie_inside_when_lengths_spread_like_a_bell():
    lengths = np.random.default_rng(0).normal(300, 60, 400).round()
    low, high, peak = evaluation_range(lengths)
    assert np.mean((lengths >= low) & (lengths <= high)) == pytest.approx(0.5, abs=0.08)
    assert abs(peak - 300) < 25


def test_the_range_grows_to_the_side_where_more_sequences_are():
    lengths = 50 + np.random.default_rng(0).exponential(100, 300).round()
    low, high, peak = evaluation_range(lengths)
    assert high - peak > 1.5 * (peak - low)


def test_sequences_of_one_length_are_averaged_at_that_length():
    assert evaluation_range([70, 70, 70]) == (70, 70, 70)
    assert evaluation_range([41]) == (41, 41, 41)


def test_no_sequence_has_no_range():
    with pytest.raises(ValueError, match="no sequence"):
        evaluation_range([])


@pytest.mark.parametrize(("year", "peak"), [(2018, 160), (2019, 128)])
def test_ranges_derived_from_the_published_lengths(shared_golden, year, peak):
    from experiments.published.golden_vot import vot_sequences

    sequences = vot_sequences(shared_golden / f"vot/vot{year}_gt.json.gz")
    derived = evaluation_range([len(sequence.truth) for sequence in sequences])
    assert derived == (*EAO_RANGES[f"VOT{year}"], peak)
