"""Which results count, and what resampling their sequences gives."""

import numpy as np
import pytest
from vot_worlds import (
    random_run,
    results_of,
    score,
    supervised_run,
    vot_sequence,
)

from siamfc_jax.evaluation.metrics.vot_scores import scores_of
from siamfc_jax.evaluation.metrics.vot_sums import vot_sums
from siamfc_jax.evaluation.runs import Results
from siamfc_jax.evaluation.statistics import interval


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
