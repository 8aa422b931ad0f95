"""How sure a score is: the bootstrap over sequences, and the comparison of two trackers.

The sequences of a benchmark are taken as a sample of all that one could track: sequences are drawn
from it with replacement, and the score is taken again (Efron's percentile bootstrap).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class PairedComparison(NamedTuple):
    """Tracker A against tracker B on the same sequences.

    Attributes:
      difference: (weighted) mean of A less that of B.
      low, high: its bootstrap interval.
      share_better: of the resamples in which A's mean is the greater; equal ones count half.
      wins, ties, losses: number of sequences on which A is better than, equal to, worse than B.
      p_value: Wilcoxon's signed-rank test, two-sided, unweighted; 1 where no sequence differs.
    """

    difference: float
    low: float
    high: float
    share_better: float
    wins: int
    ties: int
    losses: int
    p_value: float


def interval(
    count: int,
    statistic: Callable[[NDArray[np.int64]], float],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap interval of any score over `count` sequences.

    Args:
      statistic: the score when sequence i counts `multiplicities[i]` times; [count] int64, adding
        up to `count`.
      level: share of the resamples that lie inside.

    Returns:
      (low, high) over the resamples that have a score; NaN where none has, as without sequences.

    Raises:
      ValueError: `level` is not between 0 and 1, or there are no resamples.
    """
    drawn = _multiplicities(count, resamples, seed)
    return _percentiles(np.asarray([statistic(row) for row in drawn], np.float64), level)


def mean_interval(
    values: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """`interval` of the (weighted) mean of one value per sequence, [S].

    Raises:
      ValueError: as `interval`; or values and weights differ in number, or one weighs nothing.
    """
    values, weights = _valued(values, weights)
    means = _resampled_means(values, weights, resamples, seed)
    return _percentiles(means, level)


def paired_comparison(
    values_a: ArrayLike,
    values_b: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> PairedComparison:
    """Compare two trackers by their values on the same sequences, [S] each.

    What makes a sequence hard for both cancels, so that smaller differences show than in the
    intervals of the two means.

    Raises:
      ValueError: there is no sequence, the numbers of values differ, or one is not finite.
    """
    first, weights = _valued(values_a, weights)
    second, _ = _valued(values_b, weights)
    differences = first - second
    if not len(differences) or not np.isfinite(differences).all():
        raise ValueError("two trackers are compared on the sequences that both have a score for")
    means = _resampled_means(differences, weights, resamples, seed)
    low, high = _percentiles(means, level)
    return PairedComparison(
        float(np.average(differences, weights=weights)),
        low,
        high,
        float(((means > 0) + 0.5 * (means == 0)).mean()),
        int((differences > 0).sum()),
        int((differences == 0).sum()),
        int((differences < 0).sum()),
        _signed_rank_p(differences),
    )


def _signed_rank_p(differences: Floats) -> float:
    # Importing scipy.stats takes a second, which scoring need not wait for.
    from scipy.stats import wilcoxon

    differing = differences[differences != 0]
    return float(wilcoxon(differing).pvalue) if len(differing) else 1.0


def _valued(values: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats]:
    values = np.asarray(values, np.float64)
    weights = np.ones_like(values) if weights is None else np.asarray(weights, np.float64)
    if values.ndim != 1 or values.shape != weights.shape:
        raise ValueError(f"{values.size} values for {weights.size} sequences; give one each")
    if not (weights > 0).all():
        raise ValueError("weights must be positive; leave out the sequences that count for nothing")
    return values, weights


def _resampled_means(values: Floats, weights: Floats, resamples: int, seed: int) -> Floats:
    drawn = _multiplicities(len(values), resamples, seed) * weights
    # Sums in one order whatever the sign, so that swapping two trackers mirrors their difference.
    return (drawn * values).sum(1) / drawn.sum(1) if len(values) else np.zeros(0)


def _multiplicities(count: int, resamples: int, seed: int) -> NDArray[np.int64]:
    if resamples < 1:
        raise ValueError(f"{resamples} resamples; draw at least one")
    if count == 0:
        return np.zeros((0, 0), np.int64)
    generator = np.random.default_rng(seed)
    return generator.multinomial(count, np.full(count, 1 / count), resamples)


def _percentiles(values: Floats, level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise ValueError(f"level {level}; it is between 0 and 1")
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
