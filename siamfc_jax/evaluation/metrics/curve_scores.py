"""From curves of sequences to the scores of a tracker."""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as ListOf

import numpy as np

from siamfc_jax.evaluation.metrics.rectangles import Floats
from siamfc_jax.evaluation.metrics.sequence_curves import SequenceCurves
from siamfc_jax.evaluation.runs import ResultError, Results, Run
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence

# The columns of OTB's attribute table; other codes come after them, by name.
_ATTRIBUTE_ORDER = ("IV", "OPR", "SV", "OCC", "DEF", "MB", "FM", "IPR", "OV", "BC", "LR")


def score_sequences(
    labels: Mapping[str, str],
    sequences: ListOf[Sequence],
    results: Results[Run],
    score: Callable[[Sequence, tuple[Run, ...]], SequenceCurves],
    *,
    success_thresholds: Floats,
    expected_runs: int | None = None,
    from_first: bool = True,
    weigh_by_frames: bool = False,
    with_precision: bool = True,
) -> CurveScores:
    """Score every sequence that has a usable result; the others go into `problems`.

    Args:
      labels: tracker, benchmark, protocol, profile.
      score: scores the runs over one sequence; raises ResultError if they are unusable.
      expected_runs: how many runs a sequence must have; None: at least one.
      from_first: whether every run must begin on the first frame.
      with_precision: whether the benchmark defines it.
    """
    scored: list[tuple[Sequence, SequenceCurves]] = []
    problems: dict[str, str] = {}
    for sequence in sequences:
        try:
            runs = _runs(results, sequence.name, expected_runs)
            if from_first and any(run.start > 0 for run in runs):
                raise ResultError("a run begins on a later frame than the first; run it whole")
            scored.append((sequence, score(sequence, runs)))
        except ResultError as error:
            problems[sequence.name] = str(error)

    curves = [curve for _, curve in scored]
    frames = np.asarray([curve.frames for curve in curves], np.int64)
    precision = _optional_rows([curve.precision for curve in curves])
    return CurveScores(
        tracker=labels["tracker"],
        benchmark=labels["benchmark"],
        protocol=labels["protocol"],
        profile=labels["profile"],
        names=tuple(sequence.name for sequence, _ in scored),
        weights=frames.astype(np.float64) if weigh_by_frames else np.ones(len(scored)),
        success_thresholds=success_thresholds,
        success=_rows([curve.success for curve in curves], len(success_thresholds)),
        precision=np.zeros((0, 51)) if precision is None and with_precision else precision,
        normalised_precision=_optional_rows([curve.normalised_precision for curve in curves]),
        overlap=np.asarray([curve.overlap for curve in curves], np.float64),
        frames=frames,
        carried=np.asarray([curve.carried for curve in curves], np.int64),
        invalid=np.asarray([curve.invalid for curve in curves], np.int64),
        attributes=tuple(sequence.attributes for sequence, _ in scored),
        problems=problems,
    )


def by_attribute(scores: CurveScores) -> dict[str, CurveScores]:
    """The scores of the sequences with each attribute, in the order of OTB's table."""
    codes = frozenset[str]().union(*scores.attributes)
    known = [code for code in _ATTRIBUTE_ORDER if code in codes]
    return {
        code: scores.select(np.asarray([code in has for has in scores.attributes]))
        for code in [*known, *sorted(codes - set(known))]
    }


def seconds_of(scores: CurveScores, results: Results[Run]) -> Floats:
    """Known seconds of all frames in all runs over the scored sequences, one after the other."""
    recorded = [
        np.asarray(run.seconds, np.float64)
        for name in scores.names
        for run in results.runs[name]
        if run.seconds is not None
    ]
    seconds = np.concatenate(recorded) if recorded else np.zeros(0)
    return seconds[np.isfinite(seconds)]


def _runs(results: Results[Run], name: str, expected: int | None) -> tuple[Run, ...]:
    if name in results.problems:
        raise ResultError(results.problems[name])
    runs = results.runs.get(name, ())
    if not runs:
        raise ResultError("no result; run the tracker on it")
    if expected is not None and len(runs) != expected:
        raise ResultError(f"{len(runs)} runs where the protocol has {expected}; run the rest")
    return runs


def _rows(curves: ListOf[Floats], width: int) -> Floats:
    return np.stack(curves) if curves else np.zeros((0, width))


def _optional_rows(curves: ListOf[Floats | None]) -> Floats | None:
    defined = [curve for curve in curves if curve is not None]
    return np.stack(defined) if defined else None
