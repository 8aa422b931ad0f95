"""Made-up VOT sequences and results for tests."""

import numpy as np

from siamfc_jax.evaluation.metrics.vot_profiles import vot_profile
from siamfc_jax.evaluation.metrics.vot_scores import score_vot
from siamfc_jax.evaluation.runs import FAILED, INITIALISED, UNKNOWN, Results, VotRun
from siamfc_jax.evaluation.sequences import VotSequence

TRUTH = np.array([20.0, 20, 40, 40])
HALF = np.array([20.0, 20, 40, 20])
"""Overlaps TRUTH by about a half."""
SIZE = (100, 100)


def code(value):
    return np.array([float(value)])


def vot_sequence(n_frames, name="car", tags=None, truth=TRUTH):
    marked = {tag: np.asarray(flags) > 0 for tag, flags in (tags or {}).items()}
    return VotSequence(name, (), (truth,) * n_frames, SIZE, marked)


def supervised_run(n_frames, failures=(), region=TRUTH, skip=5):
    """A run that follows the protocol: fails in the given frames, starts again `skip` later."""
    regions = [region] * n_frames
    regions[0] = code(INITIALISED)
    for failure in failures:
        regions[failure : failure + skip] = [code(UNKNOWN)] * (
            min(failure + skip, n_frames) - failure
        )
        regions[failure] = code(FAILED)
        if failure + skip < n_frames:
            regions[failure + skip] = code(INITIALISED)
    return VotRun(tuple(regions))


def results_of(**runs):
    return Results({name: tuple(found) for name, found in runs.items()})


def random_run(random, n_frames):
    """Jittered regions, and failures where a coin says so."""
    failures, frame = [], 1
    while frame < n_frames:
        if random.random() < 0.06:
            failures.append(frame)
            frame += 5
        frame += 1
    run = supervised_run(n_frames, failures)
    regions = [
        region if len(region) == 1 else TRUTH + random.normal(0, 6, 4) for region in run.regions
    ]
    return VotRun(tuple(regions))


def score(sequences, results, profile="vot-classic", eao_range=(2, 20)):
    return score_vot(
        "ours", sequences, results, benchmark="toy", profile=profile, eao_range=eao_range
    )


def overlap_of(region, profile="vot-classic"):
    return vot_profile(profile).overlap_in(SIZE, region, TRUTH)
