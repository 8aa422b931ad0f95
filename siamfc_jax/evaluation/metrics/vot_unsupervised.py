"""VOT's unsupervised experiment: one start, no help; average overlap and its curve.

Source: analyze_overlap.m of the VOT toolkit 7, the experiments "unsupervised" of VOT2016 on.
"""

from collections.abc import Sequence

import numpy as np

from siamfc_jax.evaluation.metrics.vot_profiles import vot_profile
from siamfc_jax.evaluation.metrics.vot_runs import (
    frames_per_second,
    mean_over_runs,
    measured_runs,
    unknown_frames,
    usable_runs,
)
from siamfc_jax.evaluation.runs import Results, VotRun
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import VotSequence

_THRESHOLDS = np.linspace(0, 1, 100)


def score_vot_unsupervised(
    tracker: str,
    sequences: Sequence[VotSequence],
    results: Results[VotRun],
    *,
    benchmark: str,
    profile: str = "vot-classic",
) -> CurveScores:
    """Average overlap over all frames of all sequences, and the share of frames above thresholds.

    Frames without an overlap count as 0, the first one, where the tracker starts, included. Of the
    profile only the overlap rule matters. `CurveScores.attributes` are the tags that a sequence
    carries somewhere; sequences weigh as many as their frames.

    Raises:
      ValueError: no profile of that name.
    """
    chosen = vot_profile(profile)
    runs, problems = usable_runs(sequences, results, chosen)
    scored = [sequence for sequence in sequences if sequence.name in runs]
    overlaps = []
    for sequence in scored:
        measured = measured_runs(sequence, runs[sequence.name], chosen)
        known = mean_over_runs(np.stack([run.accuracy for run in measured]))
        overlaps.append(np.nan_to_num(known, nan=0.0))
    frames = np.asarray([len(overlap) for overlap in overlaps], np.int64)
    success = [(overlap[None] > _THRESHOLDS[:, None]).mean(1) for overlap in overlaps]
    return CurveScores(
        tracker=tracker,
        benchmark=benchmark,
        protocol="unsupervised",
        profile=chosen.name,
        names=tuple(sequence.name for sequence in scored),
        weights=frames.astype(np.float64),
        success_thresholds=_THRESHOLDS,
        success=np.reshape(success, (-1, len(_THRESHOLDS))),
        precision=None,
        normalised_precision=None,
        overlap=np.asarray([overlap.mean() for overlap in overlaps], np.float64),
        frames=frames,
        carried=np.asarray(
            [sum(int(run.unknown.sum()) for run in runs[one.name]) for one in scored], np.int64
        ),
        invalid=np.asarray([unknown_frames(one) for one in scored], np.int64),
        attributes=tuple(
            frozenset(tag for tag, marked in one.tags.items() if marked.any()) for one in scored
        ),
        problems=problems,
        frames_per_second=frames_per_second(runs),
    )
