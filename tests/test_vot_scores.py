import math

import numpy as np
import pytest
from vot_worlds import (
    HALF,
    SIZE,
    TRUTH,
    code,
    random_run,
    results_of,
    supervised_run,
    vot_sequence,
)

from siamfc_jax.evaluation.metrics.vot_overlap import overlap
from siamfc_jax.evaluation.metrics.vot_profiles import VOT_PROFILES, vot_profile
from siamfc_jax.evaluation.metrics.vot_scores import score_vot, scores_of
from siamfc_jax.evaluation.metrics.vot_sums import vot_sums
from siamfc_jax.evaluation.runs import FAILED, INITIALISED, Results, VotRun
from siamfc_jax.evaluation.statistics import interval


def score(sequences, results, profile="vot-classic", eao_range=(2, 20)):
    return score_vot(
        "ours", sequences, results, benchmark="toy", profile=profile, eao_range=eao_range
    )


def overlap_of(region, profile="vot-classic"):
    return vot_profile(profile).overlap_in(SIZE, region, TRUTH)


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


def test_frames_without_a_region_count_as_0_for_expected_overlap_where_the_run_failed():
    failed = supervised_run(40, [36])
    gap = list(failed.regions)
    gap[20] = code(0)
    curve = score([vot_sequence(40)], results_of(car=[VotRun(tuple(gap))])).curve
    assert curve[20] == pytest.approx(19 / 20)


def test_burn_in_of_a_tag_counts_tagged_frames_only():
    # Tagged: every second frame, so that ten tagged frames from the start on reach to frame 19.
    tags = {"motion_change": np.arange(40) % 2 == 0}
    regions = [code(INITIALISED), *[HALF] * 19, *[TRUTH] * 20]
    scores = score([vot_sequence(40, tags=tags)], results_of(car=[VotRun(tuple(regions))]))
    assert scores.accuracy == pytest.approx((10 * overlap_of(HALF) + 20) / 30)
    assert scores.tags["motion_change"][0] == 1


def test_a_start_burns_in_frames_of_a_tag_only_if_it_carries_the_tag():
    results = results_of(car=[supervised_run(40, [15], region=HALF)])  # starts again in frame 20
    for first_tagged, accuracy in ((20, np.nan), (21, overlap_of(HALF))):
        tags = {"occlusion": np.isin(np.arange(40), range(first_tagged, 30))}
        scores = score([vot_sequence(40, tags=tags)], results)
        np.testing.assert_allclose(scores.tags["occlusion"][0], accuracy)


def test_failures_count_for_the_tags_of_their_frame():
    tags = {"occlusion": np.arange(60) < 30, "size_change": np.zeros(60)}
    scores = score([vot_sequence(60, tags=tags)], results_of(car=[supervised_run(60, [12, 45])]))
    assert {tag: values[1] for tag, values in scores.tags.items()} == {"occlusion": 1, "empty": 1}


def test_frames_without_any_tag_are_empty_and_a_benchmark_without_tags_has_none():
    tagged = vot_sequence(30, "a", {"occlusion": np.arange(30) < 3})
    bare = vot_sequence(30, "b")
    results = results_of(a=[supervised_run(30)], b=[supervised_run(30)])
    assert list(score([tagged, bare], results).tags) == ["occlusion", "empty"]
    assert score([bare], results).tags == {}


def test_sequences_without_a_usable_result_are_named_and_count_nowhere():
    sequences = [vot_sequence(30, name) for name in ("good", "gone", "short", "broken", "odd")]
    infinite = supervised_run(30, region=np.array([1.0, 2, np.inf, 4]))
    odd = supervised_run(30, region=np.zeros(5))
    results = Results(
        {
            "good": (supervised_run(30, [9]),),
            "short": (supervised_run(30), supervised_run(12)),
            "broken": (infinite,),
            "odd": (odd,),
        },
        {"gone": "gone_001.txt: no such file; run the tracker"},
    )
    scores = score(sequences, results)
    assert scores.names == ("good",)
    assert (scores.failures, scores.frames.tolist()) == (1, [30])
    assert scores.problems["gone"] == "gone_001.txt: no such file; run the tracker"
    assert "short, repetition 2: 12 of 30 frames" in scores.problems["short"]
    assert "broken, repetition 1, frame 2: no region" in scores.problems["broken"]
    assert "odd, repetition 1, frame 2: no region" in scores.problems["odd"]


def test_a_sequence_that_nobody_ran_is_named():
    scores = score([vot_sequence(30)], results_of())
    assert scores.problems == {"car": "car: no result; run the tracker on it"}
    assert np.isnan([scores.accuracy, scores.robustness, scores.expected_overlap]).all()
    assert np.isnan(scores.failures)


def test_a_run_longer_than_its_sequence_is_cut():
    scores = score([vot_sequence(30)], results_of(car=[supervised_run(50, [40])]))
    assert scores.failures == 0 and scores.problems == {}


def test_expected_overlap_is_averaged_as_far_as_sequences_are_long():
    scores = score([vot_sequence(30)], results_of(car=[supervised_run(30)]), eao_range=(20, 90))
    assert scores.expected_overlap == 1 and len(scores.curve) == 30
    nothing = score([vot_sequence(30)], results_of(car=[supervised_run(30)]), eao_range=(50, 90))
    assert np.isnan(nothing.expected_overlap)


def test_a_year_of_vot_has_its_range_and_other_benchmarks_derive_theirs():
    sequences = [vot_sequence(n, str(n)) for n in (30, 40, 50, 45)]
    results = Results({one.name: (supervised_run(len(one.truth)),) for one in sequences})
    assert score_vot("t", sequences, results, benchmark="VOT2019").range == (46, 291)
    low, high = score_vot("t", sequences, results, benchmark="ours").range
    assert 1 <= low < high <= 50


def test_an_unknown_profile_names_those_there_are():
    with pytest.raises(ValueError, match="no profile 'vot'; there are vot-classic, "):
        score([vot_sequence(30)], results_of(), "vot")


def world(seed, count=8):
    random = np.random.default_rng(seed)
    sequences = [vot_sequence(int(random.integers(20, 70)), f"s{k}") for k in range(count)]
    runs = {one.name: (random_run(random, len(one.truth)),) for one in sequences}
    return sequences, Results(runs)


@pytest.mark.parametrize("profile", ["vot-classic", "vot-python"])
def test_a_resample_scores_as_if_its_sequences_were_copied(profile):
    sequences, results = world(0, 4)
    times = [2, 0, 1, 3]
    copies = [
        one._replace(name=f"{one.name} {k}")
        for one, often in zip(sequences, times, strict=True)
        for k in range(often)
    ]
    copied = Results({one.name: results.runs[one.name.split()[0]] for one in copies})
    sums = vot_sums(sequences, results, profile=profile, eao_range=(2, 20))
    scores = score(copies, copied, profile)
    assert sums.accuracy(times) == pytest.approx(scores.accuracy)
    assert sums.robustness(times) == pytest.approx(scores.robustness)
    assert sums.reliability(times) == pytest.approx(scores.reliability)
    assert sums.expected_overlap(times) == pytest.approx(scores.expected_overlap)


def test_expected_overlap_bootstraps_over_sequences():
    sums = vot_sums(*world(1), profile="vot-classic", eao_range=(2, 20))
    low, high = interval(len(sums.names), sums.expected_overlap, resamples=500)
    assert low < scores_of(sums, "ours", "toy", "baseline").expected_overlap < high


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
