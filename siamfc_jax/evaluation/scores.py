"""What scoring a tracker on a benchmark gives; tables, plots and reports are drawn from it."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class CurveScores(NamedTuple):
    """Success and precision of one tracker, S sequences: OTB, LaSOT, GOT-10k.

    Attributes:
      tracker, benchmark, protocol, profile: e.g. "SiamFC-3s", "OTB-100", "OPE", "otb-matlab".
      names: of the scored sequences, in the benchmark's order.
      weights: [S] of each sequence in means: 1 (OTB, LaSOT), its number of frames (GOT-10k).
      success_thresholds, success: [K] and [S, K].
      precision: [S, 51], share of frames with centre error of 0, 1, ..., 50 px; None: not defined.
      normalised_precision: [S, 51] at 0, .01, ..., .5 of the target's size; None: not defined.
      overlap: [S] mean overlap.
      frames: [S] frames that were scored (all runs).
      carried: [S] frames whose box was unusable (a number that is not finite, or without area):
        replaced by the one before where the profile says so (OTB's not where only some numbers are
        NaN), a miss elsewhere.
      invalid: [S] frames whose annotation is unusable.
      attributes: [S] codes of each sequence.
      problems: sequences without a score -> why, in one line.
      frames_per_second: inside the tracker, decoding excluded; None: not recorded.
    """

    tracker: str
    benchmark: str
    protocol: str
    profile: str
    names: tuple[str, ...]
    weights: NDArray[np.float64]
    success_thresholds: NDArray[np.float64]
    success: NDArray[np.float64]
    precision: NDArray[np.float64] | None
    normalised_precision: NDArray[np.float64] | None
    overlap: NDArray[np.float64]
    frames: NDArray[np.int64]
    carried: NDArray[np.int64]
    invalid: NDArray[np.int64]
    attributes: tuple[frozenset[str], ...]
    problems: Mapping[str, str]
    frames_per_second: float | None = None

    def mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over sequences of [S, ...], weighted as the benchmark does; NaN without any."""
        if not len(self.names):
            return np.full(values.shape[1:], np.nan)
        if np.all(self.weights == self.weights[0]):
            return values.mean(0)
        return np.tensordot(self.weights, values, 1) / self.weights.sum()

    @property
    def auc(self) -> float:
        """Mean of the mean success curve: "AUC"."""
        return float(self.mean(self.success).mean())

    @property
    def precision_at_20(self) -> float:
        """Share of frames with a centre error of at most 20 pixels; NaN where not defined."""
        return float("nan") if self.precision is None else float(self.mean(self.precision)[20])

    @property
    def normalised_precision_at_02(self) -> float:
        """Normalised precision at .2 of the target's size; NaN where not defined."""
        curve = self.normalised_precision
        return float("nan") if curve is None else float(self.mean(curve)[20])

    @property
    def average_overlap(self) -> float:
        """GOT-10k's AO."""
        return float(self.mean(self.overlap))

    def success_rate(self, threshold: float) -> float:
        """Share of frames with a greater overlap; `threshold` is one of `success_thresholds`."""
        (index,) = np.flatnonzero(np.isclose(self.success_thresholds, threshold))
        return float(self.mean(self.success)[index])

    def select(self, rows: ArrayLike) -> "CurveScores":
        """The scores of some sequences only: rows by index or as a mask."""
        chosen = np.arange(len(self.names))[np.asarray(rows)]
        taken = {
            field: value[chosen]
            for field, value in self._asdict().items()
            if isinstance(value, np.ndarray) and field != "success_thresholds"
        }
        return self._replace(
            **taken,
            names=tuple(self.names[row] for row in chosen),
            attributes=tuple(self.attributes[row] for row in chosen),
        )


class VotScores(NamedTuple):
    """One tracker on a VOT challenge, S sequences.

    Attributes:
      tracker, benchmark, experiment, profile: e.g. "DaSiamRPN", "VOT2018", "baseline",
        "vot-classic".
      names: of the scored sequences, in the benchmark's order.
      frames: [S] length of each.
      accuracy: A, mean overlap while tracking, burn-in excluded.
      failures: sum over sequences of the failures of a repetition.
      robustness: R as the profile defines it.
      reliability: the AR plot's abscissa, with S = 30.
      expected_overlap: EAO, mean of the curve over the range.
      curve: [L] expected overlap of sequences of 1, 2, ..., L frames.
      range: (low, high), lengths in frames, both inclusive.
      sequence_accuracy, sequence_failures: [S].
      tags: tag -> (accuracy, failures, expected overlap) over the frames that carry it.
      invalid: [S] frames whose annotation is unknown.
      problems: sequences without a score -> why, in one line.
      unknown: [S] frames, of all repetitions together, where the tracker should have said a region
        and said none: NaN, or code 0 elsewhere than between a failure and the next start.
      repetitions: [S] that are scored.
      ignored: [S] further ones, which the profile leaves out.
    """

    tracker: str
    benchmark: str
    experiment: str
    profile: str
    names: tuple[str, ...]
    frames: NDArray[np.int64]
    accuracy: float
    failures: float
    robustness: float
    reliability: float
    expected_overlap: float
    curve: NDArray[np.float64]
    range: tuple[int, int]
    sequence_accuracy: NDArray[np.float64]
    sequence_failures: NDArray[np.float64]
    tags: Mapping[str, tuple[float, float, float]]
    invalid: NDArray[np.int64]
    problems: Mapping[str, str]
    unknown: NDArray[np.int64]
    repetitions: NDArray[np.int64]
    ignored: NDArray[np.int64]
