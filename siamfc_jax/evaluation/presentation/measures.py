"""Which numbers a benchmark is reported in, and how each is read from scores."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.scores import CurveScores, VotScores

Interval = tuple[float, float]
"""Lower and upper end of a confidence interval, in the unit of its measure."""

Intervals = Sequence[Mapping[str, Interval]]
"""A mapping per tracker, from a measure's key to its interval; empty where none was computed."""

NAN = float("nan")


class CurveMeasure(NamedTuple):
    """A number from success and precision.

    Attributes:
      key: names it in intervals and in `Published`: "auc", "precision", ...
      label: its column's heading.
      overall: its value over all sequences, 0 to 1.
      per_sequence: its value on each, [S].
    """

    key: str
    label: str
    overall: Callable[[CurveScores], float]
    per_sequence: Callable[[CurveScores], NDArray[np.float64]]


AUC = CurveMeasure("auc", "AUC", lambda scores: scores.auc, lambda scores: scores.success.mean(1))
PRECISION = CurveMeasure(
    "precision",
    "P20",
    lambda scores: scores.precision_at_20,
    lambda scores: _at_20(scores, scores.precision),
)
NORMALISED = CurveMeasure(
    "normalised_precision",
    "Pnorm",
    lambda scores: scores.normalised_precision_at_02,
    lambda scores: _at_20(scores, scores.normalised_precision),
)
AVERAGE_OVERLAP = CurveMeasure(
    "ao", "AO", lambda scores: scores.average_overlap, lambda scores: scores.overlap
)


def _success_rate(key: str, threshold: float) -> CurveMeasure:
    def per_sequence(scores: CurveScores) -> NDArray[np.float64]:
        (index,) = np.flatnonzero(np.isclose(scores.success_thresholds, threshold))
        return scores.success[:, index]

    return CurveMeasure(
        key, f"SR{threshold:.2f}", lambda scores: scores.success_rate(threshold), per_sequence
    )


SUCCESS_RATE_50 = _success_rate("sr50", 0.5)
SUCCESS_RATE_75 = _success_rate("sr75", 0.75)


def curve_measures(scores: Sequence[CurveScores]) -> tuple[CurveMeasure, ...]:
    """The measures these scores are reported in, the ranking one first.

    Where no precision is defined: AO, and, as GOT-10k has them, SR.50 and SR.75.
    """
    if all(one.precision is None for one in scores):
        halves = all(np.isclose(one.success_thresholds, 0.5).any() for one in scores)
        rates = (SUCCESS_RATE_50, SUCCESS_RATE_75) if halves else ()
        return (AVERAGE_OVERLAP, *rates)
    if all(one.normalised_precision is None for one in scores):
        return (AUC, PRECISION)
    return (AUC, NORMALISED, PRECISION)


class VotMeasure(NamedTuple):
    """A number of a VOT challenge; `digits` behind the point, `greater` whether more is better."""

    key: str
    label: str
    digits: int
    greater: bool
    overall: Callable[[VotScores], float]


VOT_MEASURES = (
    VotMeasure("eao", "EAO", 3, True, lambda scores: scores.expected_overlap),
    VotMeasure("accuracy", "A", 3, True, lambda scores: scores.accuracy),
    VotMeasure("robustness", "R", 3, False, lambda scores: scores.robustness),
    VotMeasure("failures", "failures", 1, False, lambda scores: scores.failures),
)


def attributes_of(scores: Sequence[CurveScores]) -> tuple[str, ...]:
    """All attribute codes in alphabetic order."""
    return tuple(sorted({code for one in scores for codes in one.attributes for code in codes}))


def with_attribute(scores: CurveScores, code: str) -> CurveScores:
    """The scores of the sequences that carry an attribute."""
    mask = np.asarray([code in codes for codes in scores.attributes], np.bool_)
    return scores.select(mask)


def in_order(names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """All names, each once, in an order that agrees with every tracker's as far as it can."""
    merged: list[str] = []
    for own in names:
        place = 0
        for name in own:
            if name in merged:
                place = merged.index(name) + 1
            else:
                merged.insert(place, name)
                place += 1
    return tuple(merged)


def _at_20(scores: CurveScores, curves: NDArray[np.float64] | None) -> NDArray[np.float64]:
    return np.full(len(scores.names), NAN) if curves is None else curves[:, 20]
