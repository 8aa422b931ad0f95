"""Expected overlap, by the length of a sequence."""

import math

import numpy as np
import pytest
from vot_worlds import (
    SIZE,
    code,
    random_run,
    results_of,
    score,
    supervised_run,
    vot_sequence,
)

from siamfc_jax.evaluation.metrics.vot_overlap import overlap
from siamfc_jax.evaluation.metrics.vot_profiles import vot_profile
from siamfc_jax.evaluation.runs import FAILED, VotRun


def slow_curve(sequences, runs, profile, tag=None):
    """Expected overlap by the reference's text: a row per fragment, NaN where it tells nothing."""
    chosen = vot_profile(profile)
    longest = max(len(sequence.truth) for sequence in sequences)
    rows, weights = [], []
    for sequence in sequences:
        n = len(sequence.truth)
        marked = np.ones(n) if tag is None else sequence.tags[tag]
        for run in runs[sequence.name]:
            overlaps = [
                overlap(region, truth, chosen.expected_bounds(SIZE), chosen.rule)
                for region, truth in zip(run.regions, sequence.truth, strict=True)
            ]
            failures = [
                k for k, region in enumerate(run.regions) if np.array_equal(region, [FAILED])
            ]
            if failures:
                overlaps = [0 if math.isnan(value) else value for value in overlaps]
            last = n if profile == "pysot" else n - 1
            points = [0, *(k + 5 for k in failures if k + 5 <= last)]
            for k, point in enumerate(points):
                lost = k + 1 < len(points)
                end = min(points[k + 1] + 1, n) if lost else n
                if point >= n:
                    continue
                row = [0.0 if lost else math.nan] * longest
                row[: end - point] = overlaps[point:end]
                rows.append(row)
                weights.append(np.mean(marked[point:end]) / len(runs[sequence.name]))
    curve = [1.0]
    for length in range(2, longest + 1):
        usable = [k for k, row in enumerate(rows) if not math.isnan(row[length - 1])]
        total = sum(weights[k] * np.mean(rows[k][1:length]) for k in usable)
        weight = sum(weights[k] for k in usable)
        curve.append(total / weight if weight else math.nan)
    return curve


@pytest.mark.parametrize("profile", ["vot-classic", "vot-2019", "vot-legacy", "pysot"])
@pytest.mark.parametrize("seed", range(4))
def test_the_curve_is_that_of_the_reference_row_by_row(profile, seed):
    random = np.random.default_rng(seed)
    sequences, runs = [], {}
    for name in "abcd":
        n_frames = int(random.integers(3, 60))
        tags = {"occlusion": random.random(n_frames) < 0.4}
        sequences.append(vot_sequence(n_frames, name, tags))
        runs[name] = [random_run(random, n_frames)]
        if profile != "pysot":
            runs[name] += [random_run(random, n_frames) for _ in range(random.integers(3))]
    scores = score(sequences, results_of(**runs), profile)
    np.testing.assert_allclose(scores.curve, slow_curve(sequences, runs, profile), atol=1e-12)
    assert scores.expected_overlap == pytest.approx(np.nanmean(scores.curve[1:20]))
    tagged = np.array(slow_curve(sequences, runs, profile, "occlusion"))
    assert scores.tags["occlusion"][2] == pytest.approx(np.nanmean(tagged[1:20]))


def curve_of(n_frames, failures, profile="vot-classic"):
    sequences = [vot_sequence(n_frames)]
    return score(sequences, results_of(car=[supervised_run(n_frames, failures)]), profile).curve


def test_a_lost_fragment_has_overlap_0_ever_after():
    # Frames 2..10 and again 17..40 overlap fully; the first fragment ends at the start in frame 16.
    curve = curve_of(40, [10])
    assert curve[9] == 1
    assert curve[24] == pytest.approx((9 / 24 + 1) / 2)
    assert curve[39] == pytest.approx(9 / 39)


@pytest.mark.parametrize("failure", [35, 36, 37, 38, 39])
def test_a_failure_in_the_last_five_frames_leaves_its_fragment_not_lost(failure):
    curve = curve_of(40, [failure])
    assert curve[failure - 1] == 1
    # Beyond the end nothing is known; the frames after the failure count as 0.
    assert curve[39] == pytest.approx((failure - 1) / 39)


def test_pysot_calls_a_fragment_lost_whose_next_start_would_be_just_after_the_end():
    sequences = [vot_sequence(40, "a"), vot_sequence(80, "b")]
    results = results_of(a=[supervised_run(40, [35])], b=[supervised_run(80)])
    assert score(sequences, results).curve[79] == 1
    assert score(sequences, results, "pysot").curve[79] == pytest.approx((34 / 79 + 1) / 2)
    earlier = results_of(a=[supervised_run(40, [36])], b=[supervised_run(80)])
    assert score(sequences, earlier, "pysot").curve[79] == 1


def test_vot_python_calls_every_failed_fragment_lost():
    sequences = [vot_sequence(40, "a"), vot_sequence(80, "b")]
    results = results_of(a=[supervised_run(40, [38])], b=[supervised_run(80)])
    assert score(sequences, results, "vot-python").curve[79] == pytest.approx((37 / 79 + 1) / 2)


def test_vot_python_ends_its_curve_with_the_longest_fragment():
    assert len(curve_of(40, [30], "vot-python")) == 30
    assert len(curve_of(40, [30])) == 40


def test_vot_python_averages_over_lengths_one_greater():
    run = random_run(np.random.default_rng(1), 60)
    scores = score([vot_sequence(60)], results_of(car=[run]), "vot-python", (10, 20))
    assert scores.range == (11, 21)
    assert scores.expected_overlap == pytest.approx(scores.curve[10:21].mean())


def test_frames_without_a_region_count_as_0_for_expected_overlap_where_the_run_failed():
    failed = supervised_run(40, [36])
    gap = list(failed.regions)
    gap[20] = code(0)
    curve = score([vot_sequence(40)], results_of(car=[VotRun(tuple(gap))])).curve
    assert curve[20] == pytest.approx(19 / 20)


def test_expected_overlap_is_averaged_as_far_as_sequences_are_long():
    scores = score([vot_sequence(30)], results_of(car=[supervised_run(30)]), eao_range=(20, 90))
    assert scores.expected_overlap == 1 and len(scores.curve) == 30
    nothing = score([vot_sequence(30)], results_of(car=[supervised_run(30)]), eao_range=(50, 90))
    assert np.isnan(nothing.expected_overlap)


@pytest.mark.parametrize(
    ("profile", "inner"),
    [("vot-classic", 99), ("vot-2019", 99), ("pysot", 99), ("vot-python", 100)],
)
def test_expected_overlap_is_bounded_a_pixel_earlier_than_accuracy(profile, inner):
    corner, truth = np.array([85.0, 85, 30, 30]), np.array([80.0, 88, 30, 30])
    sequence = vot_sequence(20, truth=truth)
    scores = score([sequence], results_of(car=[supervised_run(20, region=corner)]), profile)
    rule = vot_profile(profile).rule
    assert scores.accuracy == pytest.approx(overlap(corner, truth, (100, 100), rule))
    assert scores.curve[9] == pytest.approx(overlap(corner, truth, (inner, inner), rule))
