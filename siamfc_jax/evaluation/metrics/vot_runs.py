"""Runs of a tracker on VOT sequences, as overlaps and codes."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.metrics.vot_overlap import overlaps
from siamfc_jax.evaluation.metrics.vot_profiles import VotProfile
from siamfc_jax.evaluation.runs import INITIALISED, Results, VotRun
from siamfc_jax.evaluation.sequences import VotSequence

BURN_IN = 10
"""Frames from a start on, that one included, that say nothing about accuracy."""

_REPETITIONS = 15


class MeasuredRun(NamedTuple):
    """One run, n frames.

    Attributes:
      codes: [n] int64, -1 where there is a region.
      accuracy: [n] overlap as accuracy bounds it, NaN where unknown.
      expected: [n] overlap as expected overlap bounds it.
    """

    codes: NDArray[np.int64]
    accuracy: NDArray[np.float64]
    expected: NDArray[np.float64]


def usable_runs(
    sequences: Iterable[VotSequence], results: Results[VotRun], profile: VotProfile
) -> tuple[dict[str, tuple[VotRun, ...]], dict[str, str]]:
    """Runs of every sequence that has usable ones, and why the others have none.

    Runs that are longer than their sequence are cut.
    """
    runs: dict[str, tuple[VotRun, ...]] = {}
    problems: dict[str, str] = {}
    for sequence in sequences:
        found = results.runs.get(sequence.name, ())
        problem = results.problems.get(sequence.name) or _problem(sequence, found)
        if problem:
            problems[sequence.name] = problem
            continue
        if profile.all_or_first and len(found) != _REPETITIONS:
            found = found[:1]
        n_frames = len(sequence.truth)
        runs[sequence.name] = tuple(run._replace(regions=run.regions[:n_frames]) for run in found)
    return runs, problems


def _problem(sequence: VotSequence, runs: tuple[VotRun, ...]) -> str:
    if not runs:
        return f"{sequence.name}: no result; run the tracker on it"
    n_frames = len(sequence.truth)
    for number, run in enumerate(runs, 1):
        where = f"{sequence.name}, repetition {number}"
        if len(run.regions) < n_frames:
            return f"{where}: {len(run.regions)} of {n_frames} frames; run it again"
        frame = _malformed(run)
        if frame is not None:
            return f"{where}, frame {frame + 1}: no region of VOT; run it again"
    return ""


def _malformed(run: VotRun) -> int | None:
    """The first frame whose numbers are no region."""
    lengths = np.asarray([len(region) for region in run.regions])
    infinite = np.isinf(np.concatenate(run.regions))
    bad = ~np.isin(lengths, (1, 4)) & ((lengths < 6) | (lengths % 2 == 1))
    bad |= np.logical_or.reduceat(infinite, np.cumsum(lengths) - lengths)
    return int(bad.argmax()) if bad.any() else None


def measured_runs(
    sequence: VotSequence, runs: tuple[VotRun, ...], profile: VotProfile
) -> list[MeasuredRun]:
    """Overlaps of the runs of a sequence; those of equal runs, which are common, once."""
    known: dict[bytes, MeasuredRun] = {}
    found = []
    for run in runs:
        lengths = np.asarray([len(region) for region in run.regions])
        flat = np.concatenate(run.regions)
        key = lengths.tobytes() + flat.tobytes()
        if key not in known:
            firsts = flat[np.cumsum(lengths) - lengths]
            codes = np.where(lengths == 1, firsts, -1).astype(np.int64)
            known[key] = MeasuredRun(codes, *_overlaps(sequence, run, profile))
        found.append(known[key])
    return found


def _overlaps(
    sequence: VotSequence, run: VotRun, profile: VotProfile
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    bounds = [profile.accuracy_bounds(sequence.size), profile.expected_bounds(sequence.size)]
    accuracy, expected = overlaps(run.regions, sequence.truth, bounds, profile.rule)
    return accuracy, expected


def after_burn_in(run: MeasuredRun, frames: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Overlaps that count for accuracy, NaN elsewhere, of all frames or of those that a tag marks:
    [n] or [frames.sum()]. As in the VOT toolkit, the burn-in counts marked frames only."""
    codes, overlap = run.codes, run.accuracy
    if frames is not None:
        codes, overlap = codes[frames], overlap[frames]
    started = np.cumsum(codes == INITIALISED)
    before = np.concatenate([np.zeros(BURN_IN, np.int64), started])[: len(started)]
    return np.where(started > before, np.nan, overlap)


def unknown_frames(sequence: VotSequence) -> int:
    """Number of frames whose annotation is unknown."""
    frames = np.repeat(np.arange(len(sequence.truth)), [len(region) for region in sequence.truth])
    return len(set(frames[np.isnan(np.concatenate(sequence.truth))]))


def mean_over_runs(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of [R, n] over the runs that know a frame, [n]; NaN where none does."""
    known = ~np.isnan(values)
    count = known.sum(0)
    total = np.where(known, values, 0).sum(0)
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)


def frames_per_second(runs: Mapping[str, tuple[VotRun, ...]]) -> float | None:
    """Frames over the time inside the tracker, where it was recorded; None: nowhere."""
    times = [run.seconds for group in runs.values() for run in group if run.seconds is not None]
    seconds = np.concatenate([np.zeros(0), *times])
    total = np.nansum(seconds)
    return float(np.isfinite(seconds).sum() / total) if total > 0 else None
