"""Runs of a tracker on VOT sequences, as overlaps and codes."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.metrics.vot_overlap import overlaps
from siamfc_jax.evaluation.metrics.vot_profiles import VotProfile
from siamfc_jax.evaluation.regions import is_known
from siamfc_jax.evaluation.runs import (
    FAILED,
    INITIALISED,
    UNKNOWN,
    ResultError,
    Results,
    VotRun,
)
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


class CheckedRun(NamedTuple):
    """A run that can be scored, n frames: as many as its sequence has.

    Attributes:
      regions, seconds: as in `VotRun`.
      codes: [n] int64, what stands in place of a region; -1 where there is one.
      unknown: [n] the run says nothing where it should: NaN, or UNKNOWN elsewhere than before the
        first start and between a failure and the next start.
    """

    regions: tuple[NDArray[np.float64], ...]
    seconds: NDArray[np.float64] | None
    codes: NDArray[np.int64]
    unknown: NDArray[np.bool_]


def usable_runs(
    sequences: Iterable[VotSequence], results: Results[VotRun], profile: VotProfile
) -> tuple[dict[str, tuple[CheckedRun, ...]], dict[str, str]]:
    """Runs of every sequence that has usable ones, and why the others have none.

    Runs that are longer than their sequence are cut.
    """
    runs: dict[str, tuple[CheckedRun, ...]] = {}
    problems: dict[str, str] = {}
    for sequence in sequences:
        name = sequence.name
        found = results.runs.get(name, ())
        try:
            if name in results.problems:
                raise ResultError(results.problems[name])
            if not found:
                raise ResultError(f"{name}: no result; run the tracker on it")
            checked = [
                _checked(run, sequence, f"{name}, repetition {number}")
                for number, run in enumerate(found, 1)
            ]
        except ResultError as error:
            problems[name] = str(error)
            continue
        first_only = profile.all_or_first and len(found) != _REPETITIONS
        runs[name] = tuple(checked[:1] if first_only else checked)
    return runs, problems


def _checked(run: VotRun, sequence: VotSequence, where: str) -> CheckedRun:
    """`run`, cut to its sequence; raises ResultError, which begins with `where`."""
    n_frames = len(sequence.truth)
    if len(run.regions) < n_frames:
        raise ResultError(f"{where}: {len(run.regions)} of {n_frames} frames; run it again")
    regions = run.regions[:n_frames]
    lengths = np.asarray([len(region) for region in regions])
    numbers, begin = np.concatenate(regions), np.cumsum(lengths) - lengths
    malformed = ~np.isin(lengths, (1, 4)) & ((lengths < 6) | (lengths % 2 == 1))
    malformed |= np.logical_or.reduceat(np.isinf(numbers), begin)
    if malformed.any():
        frame = malformed.argmax() + 1
        raise ResultError(f"{where}, frame {frame}: no region of VOT; run it again")
    nan = np.logical_or.reduceat(np.isnan(numbers), begin)
    coded = np.nan_to_num(numbers[begin], nan=UNKNOWN)
    codes = np.where(lengths == 1, coded, -1).astype(np.int64)
    _require_start(codes, nan, sequence, where)
    last_said = np.maximum.accumulate(np.where(codes == UNKNOWN, 0, np.arange(n_frames)))
    waiting = (codes[last_said] == FAILED) | (np.cumsum(codes == INITIALISED) == 0)
    return CheckedRun(regions, run.seconds, codes, nan | ((codes == UNKNOWN) & ~waiting))


def _require_start(
    codes: NDArray[np.int64], nan: NDArray[np.bool_], sequence: VotSequence, where: str
) -> None:
    """The tracker must start where the truth first is known, and then say something at all."""
    first = next((k for k, region in enumerate(sequence.truth) if is_known(region)), None)
    if first is None:
        return
    if codes[first] != INITIALISED:
        raise ResultError(
            f"{where}, frame {first + 1}: the tracker is not started there (code {INITIALISED}); "
            "run it again"
        )
    said = ((codes == -1) & ~nan) | (codes == FAILED)
    if first + 1 < len(codes) and not said[first + 1 :].any():
        raise ResultError(f"{where}: neither a region nor a failure in it; run it again")


def measured_runs(
    sequence: VotSequence, runs: tuple[CheckedRun, ...], profile: VotProfile
) -> list[MeasuredRun]:
    """Overlaps of the runs of a sequence, all at once; of equal runs, which are common, once."""
    keys = [_content(run) for run in runs]
    different = dict(zip(keys, runs, strict=True))
    regions = [region for run in different.values() for region in run.regions]
    bounds = [profile.accuracy_bounds(sequence.size), profile.expected_bounds(sequence.size)]
    found = overlaps(regions, sequence.truth * len(different), bounds, profile.rule)
    accuracy, expected = found.reshape(2, len(different), -1)
    measured = {
        key: MeasuredRun(run.codes, *both)
        for (key, run), *both in zip(different.items(), accuracy, expected, strict=True)
    }
    return [measured[key] for key in keys]


def _content(run: CheckedRun) -> bytes:
    return run.codes.tobytes() + np.concatenate(run.regions).tobytes()


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


def frames_per_second(runs: Mapping[str, tuple[CheckedRun, ...]]) -> float | None:
    """Frames over the time inside the tracker, where it was recorded; None: nowhere."""
    times = [run.seconds for group in runs.values() for run in group if run.seconds is not None]
    seconds = np.concatenate([np.zeros(0), *times])
    total = np.nansum(seconds)
    return float(np.isfinite(seconds).sum() / total) if total > 0 else None
