"""The lengths of sequences over which VOT averages the expected overlap.

Source: estimate_evaluation_interval in analyze_average_expected_overlap.m and gmm_estimate.m of the
VOT toolkit 7: a kernel density estimate of the sequences' lengths, its bandwidth by Kristan's
estimator; from the mode to both sides, the denser one first, until half of the mass is inside.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

EAO_RANGES: Mapping[str, tuple[int, int]] = {
    "VOT2015": (108, 371),  # stacks/vot2015/rgb.yaml of vot-toolkit; the sequences are VOT2016's
    "VOT2016": (108, 371),  # eao_benchmark.py of pysot, vot2016/rgb.yaml
    "VOT2017": (100, 356),  # eao_benchmark.py of pysot, vot2017.yaml
    "VOT2018": (100, 356),  # eao_benchmark.py of pysot
    "VOT2019": (46, 291),  # eao_benchmark.py of pysot
}
"""Benchmark -> (low, high) in frames, both inclusive."""


class EvaluationRange(NamedTuple):
    """Lengths in frames: from `low` to `high`, both inclusive, around the commonest, `peak`."""

    low: int
    high: int
    peak: int


def range_of(benchmark: str, lengths: ArrayLike) -> tuple[int, int]:
    """(low, high) of a known year ("VOT2018", "vot-2018"), derived from the lengths of others."""
    known = EAO_RANGES.get(benchmark.upper().replace("-", "").replace(" ", ""))
    if known:
        return known
    low, high, _ = evaluation_range(lengths)
    return low, high


def evaluation_range(lengths: ArrayLike) -> EvaluationRange:
    """The range of a benchmark whose sequences have these lengths [S], in frames.

    Sequences that are all of one length n give n .. n.

    Raises:
      ValueError: no sequence.
    """
    lengths = np.asarray(lengths, np.float64)
    if not lengths.size:
        raise ValueError("no sequence, hence no range of lengths to average over")
    if np.all(lengths == lengths[0]):
        only = int(lengths[0])
        return EvaluationRange(only, only, only)
    density = _density(lengths)
    peak = int(density.argmax()) + 1
    return EvaluationRange(*_half_of_mass(density, peak), peak)


def _density(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of sequences of 1, 2, ..., max(lengths) frames, [max(lengths)]."""
    count, deviation = len(lengths), lengths.std()
    standardised = (lengths - lengths.mean()) / deviation
    pilot = (4 / (3 * count)) ** 0.4
    squared = (standardised[:, None] - standardised) ** 2 / pilot
    gaussian = np.exp(-squared / 2) / np.sqrt(2 * np.pi * pilot)
    curvature = (gaussian * (2 * (1 - 2 * squared) + (1 - squared) ** 2)).mean() / pilot**2
    bandwidth = deviation * (1 / (count * np.sqrt(4 * np.pi) * curvature)) ** 0.2
    offsets = np.arange(1, lengths.max() + 1)[:, None] - lengths
    density = np.exp(-((offsets / bandwidth) ** 2) / 2).sum(1)
    return density / density.sum()


def _half_of_mass(density: NDArray[np.float64], peak: int) -> tuple[int, int]:
    low = high = peak
    longest = len(density)
    while density[low - 1 : high].sum() < 0.5:
        # The last length is never stepped onto beside a free lower end, as in the toolkit.
        down, up = low > 1, high + 1 < longest
        if not down and not up:
            return 1, longest
        if down and (not up or density[low - 2] > density[high]):
            low -= 1
        else:
            high += 1
    return low, high
