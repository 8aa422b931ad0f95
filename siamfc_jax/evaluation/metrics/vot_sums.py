"""What the scores of a VOT challenge are made of, sequence by sequence.

Source: VOT toolkit 7 (analyze_accuracy_robustness.m, estimate_expected_overlap.m), pysot's toolkit,
vot-toolkit; `vot_profiles` names the differences.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc_jax.evaluation.metrics.vot_fragments import fragment_means
from siamfc_jax.evaluation.metrics.vot_profiles import VotProfile, vot_profile
from siamfc_jax.evaluation.metrics.vot_runs import (
    CheckedRun,
    MeasuredRun,
    after_burn_in,
    mean_over_runs,
    measured_runs,
    unknown_frames,
    usable_runs,
)
from siamfc_jax.evaluation.runs import FAILED, Results, VotRun
from siamfc_jax.evaluation.sequences import VotSequence

Floats = NDArray[np.float64]

NO_TAG = "empty"
"""VOT's name for the frames that carry no tag."""

_SENSITIVITY = 30


class VotSums(NamedTuple):
    """What scores are made of, sequence by sequence: S sequences, the longest of L frames.

    So that scores of any resample of the sequences cost a few products: every method takes how
    often each sequence counts, [S], by default once. Thus `statistics.interval(len(sums.names),
    sums.expected_overlap)` bootstraps EAO. The range of lengths stays that of the benchmark.

    Attributes:
      profile, range, invalid, tags, problems, unknown, repetitions, ignored: see `VotScores`.
      names: of the sequences.
      frames: [S] lengths.
      overlap, counted: [S] sum of overlaps that count for accuracy, and their weight.
      failures: [S] of a repetition.
      expected, told: [S, L] weighted sums over fragments of mean overlaps up to each length, and
        the weights of fragments that tell about it.
    """

    profile: VotProfile
    range: tuple[int, int]
    names: tuple[str, ...]
    frames: NDArray[np.int64]
    overlap: Floats
    counted: Floats
    failures: Floats
    expected: Floats
    told: Floats
    tags: Mapping[str, tuple[float, float, float]]
    invalid: NDArray[np.int64]
    problems: Mapping[str, str]
    unknown: NDArray[np.int64]
    repetitions: NDArray[np.int64]
    ignored: NDArray[np.int64]

    def accuracy(self, times: ArrayLike | None = None) -> float:
        """A."""
        times = self._times(times)
        return _ratio(times @ self.overlap, times @ self.counted)

    def robustness(self, times: ArrayLike | None = None) -> float:
        """R: failures per 100 frames, or per sequence, as the profile has it."""
        times = self._times(times)
        failures = times @ (
            self.failures * self.frames if self.profile.per_sequence else self.failures
        )
        return _ratio(failures, times @ self.frames) * (1 if self.profile.per_sequence else 100)

    def reliability(self, times: ArrayLike | None = None) -> float:
        """Abscissa of the AR plot: e^(-S F / n), S = 30, of F failures in n frames; of means over
        sequences where R is one."""
        times = self._times(times)
        frames = _ratio(times @ self.frames, times.sum()) if self.profile.per_sequence else 100
        return float(np.exp(-_SENSITIVITY * self.robustness(times) / frames))

    def curve(self, times: ArrayLike | None = None) -> Floats:
        """Expected overlap of sequences of 1, 2, ..., L frames, [L]; NaN where nothing tells."""
        times = self._times(times)
        return _ratios(times @ self.expected, times @ self.told)

    def expected_overlap(self, times: ArrayLike | None = None) -> float:
        """EAO: mean of the curve over the range, as far as there are sequences so long."""
        times = self._times(times)
        low, high = self.range
        lengths = slice(low - 1, high)
        return _mean(_ratios(times @ self.expected[:, lengths], times @ self.told[:, lengths]))

    @property
    def sequence_accuracy(self) -> Floats:
        """A of each sequence, [S]; NaN where no frame counts."""
        return _ratios(self.overlap, self.counted)

    def _times(self, times: ArrayLike | None) -> Floats:
        return np.ones(len(self.names)) if times is None else np.asarray(times, np.float64)


def vot_sums(
    sequences: Sequence[VotSequence],
    results: Results[VotRun],
    *,
    profile: str = "vot-classic",
    eao_range: tuple[int, int],
) -> VotSums:
    """See `VotSums`; arguments as `score_vot`."""
    chosen = vot_profile(profile)
    runs, problems = usable_runs(sequences, results, chosen)
    scored = [sequence for sequence in sequences if sequence.name in runs]
    lengths = np.asarray([len(sequence.truth) for sequence in scored], np.int64)
    longest = int(lengths.max(initial=0))
    if chosen.to_longest_fragment:
        codes = (run.codes for one in scored for run in runs[one.name])
        longest = max((b - a for own in codes for a, b, _ in chosen.fragments(own)), default=0)
    with_tags = any(sequence.tags for sequence in sequences)
    parts = [
        _measure(one, _tags(one) if with_tags else {}, runs[one.name], chosen, longest)
        for one in scored
    ]
    overall = [part.overall for part in parts]
    repetitions = np.asarray([len(runs[one.name]) for one in scored], np.int64)
    given = np.asarray([len(results.runs[one.name]) for one in scored], np.int64)
    low, high = eao_range
    shifted = (low + chosen.first_length, high + chosen.first_length)
    return VotSums(
        profile=chosen,
        range=shifted,
        names=tuple(sequence.name for sequence in scored),
        frames=lengths,
        overlap=np.asarray([one.overlap for one in overall], np.float64),
        counted=np.asarray([one.counted for one in overall], np.float64),
        failures=np.asarray([one.failures for one in overall], np.float64),
        expected=np.reshape([one.expected for one in overall], (len(scored), longest)),
        told=np.reshape([one.told for one in overall], (len(scored), longest)),
        tags=_tag_scores([part.tagged for part in parts], shifted),
        invalid=np.asarray([unknown_frames(sequence) for sequence in scored], np.int64),
        problems=problems,
        unknown=np.asarray(
            [sum(int(run.unknown.sum()) for run in runs[one.name]) for one in scored], np.int64
        ),
        repetitions=repetitions,
        ignored=given - repetitions,
    )


class _Sums(NamedTuple):
    """Of one sequence, or the frames of it that carry a tag; see `VotSums`."""

    overlap: float
    counted: float
    failures: float
    expected: Floats
    told: Floats


class _Measured(NamedTuple):
    overall: _Sums
    tagged: Mapping[str, _Sums]


def _measure(
    sequence: VotSequence,
    tags: Mapping[str, NDArray[np.bool_]],
    runs: tuple[CheckedRun, ...],
    profile: VotProfile,
    longest: int,
) -> _Measured:
    measured = measured_runs(sequence, runs, profile)
    everywhere = np.ones(len(sequence.truth), np.bool_)
    selected = [everywhere, *tags.values()]
    expected, told = np.zeros((2, len(selected), longest))
    for run in measured:
        # Only a run that failed has frames of which nothing is known.
        unknown_is_zero = profile.runs_weigh or bool((run.codes == FAILED).any())
        fragments = profile.fragments(run.codes)
        for part in fragment_means(run.expected, fragments, longest, unknown_is_zero):
            here = slice(part.fragment.start, part.fragment.stop)
            weights = np.asarray([frames[here].mean() for frames in selected])
            weights /= 1 if profile.runs_weigh else len(measured)
            expected += weights[:, None] * np.where(part.tells, part.means, 0)
            told += weights[:, None] * part.tells
    found = [
        _Sums(*_accuracy(measured, frames, profile), _failures(measured, frames), *curves)
        for frames, *curves in zip(selected, expected, told, strict=True)
    ]
    return _Measured(found[0], dict(zip(tags, found[1:], strict=True)))


def _tags(sequence: VotSequence) -> dict[str, NDArray[np.bool_]]:
    """Tag -> frames that carry it, of the tags that occur."""
    untagged = ~np.logical_or.reduce(
        [np.zeros(len(sequence.truth), np.bool_), *sequence.tags.values()]
    )
    return {
        tag: marked for tag, marked in {**sequence.tags, NO_TAG: untagged}.items() if marked.any()
    }


def _accuracy(
    runs: list[MeasuredRun], frames: NDArray[np.bool_], profile: VotProfile
) -> tuple[float, float]:
    """Sum and weight of the overlaps of a sequence."""
    overlap = np.stack([after_burn_in(run, frames) for run in runs])
    if profile.per_sequence:
        # There, a run in which no frame counts has an accuracy of 0.
        means = np.nan_to_num([_mean(one) for one in overlap], nan=0.0)
        return float(means.mean() * frames.sum()), float(frames.sum())
    means = mean_over_runs(overlap)
    return float(np.nansum(means)), float(np.count_nonzero(~np.isnan(means)))


def _failures(runs: list[MeasuredRun], frames: NDArray[np.bool_]) -> float:
    return float(np.mean([np.count_nonzero(run.codes[frames] == FAILED) for run in runs]))


def _tag_scores(
    sequences: list[Mapping[str, _Sums]], eao_range: tuple[int, int]
) -> dict[str, tuple[float, float, float]]:
    low, high = eao_range
    names = sorted(
        {tag for tagged in sequences for tag in tagged}, key=lambda tag: (tag == NO_TAG, tag)
    )
    scores = {}
    for tag in names:
        rows = [tagged[tag] for tagged in sequences if tag in tagged]
        together = _Sums(*(np.sum(part, 0) for part in zip(*rows, strict=True)))
        curve = _ratios(together.expected, together.told)
        scores[tag] = (
            _ratio(together.overlap, together.counted),
            float(together.failures),
            _mean(curve[low - 1 : high]),
        )
    return scores


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> float:
    return float(_ratios(np.asarray(numerator), np.asarray(denominator)))


def _ratios(numerator: Floats, denominator: Floats) -> Floats:
    known = denominator > 0
    return np.divide(numerator, denominator, out=np.full(known.shape, np.nan), where=known)


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
