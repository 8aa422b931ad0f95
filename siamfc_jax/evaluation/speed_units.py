"""EFO, VOT's measure of speed: how often a tracker's frame fits into a reference filter's time.

The toolkit timed the filter as a naive loop in C++. Ours makes the same comparisons with NumPy, on
one core, in about the time of that loop (.09 s against .11 s, gcc -O2, on one machine): EFOs can be
compared with published ones by their order, not by a few per cent.

Source: VOT toolkit 7, benchmark_hardware.m, benchmark_native.cpp, normalize_speed.m.
"""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.runs import FAILED, VotRun

_IMAGE_SIDE, _REACH = 600, 10
_TIMES = 20


def reference_seconds(times: int = _TIMES) -> float:
    """Mean time of a 21 x 21 maximum filter over a random 600 x 600 image of doubles, the edges
    left out. Takes about `times` x .1 s; nothing else should run meanwhile."""
    image = np.random.default_rng(0).random((_IMAGE_SIDE, _IMAGE_SIDE))
    began = time.perf_counter()
    for _ in range(times):
        maximum_filter(image, _REACH)
    return (time.perf_counter() - began) / times


def maximum_filter(image: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Greatest value of each (2 reach + 1)-square that lies inside `image` [H, W]."""
    height, width = (side - 2 * reach for side in image.shape)
    greatest = image[:height, :width].copy()
    for row in range(2 * reach + 1):
        for column in range(2 * reach + 1):
            shifted = image[row : row + height, column : column + width]
            np.maximum(greatest, shifted, out=greatest)
    return greatest


def equivalent_filter_operations(runs: Sequence[VotRun], reference: float, skip: int = 5) -> float:
    """EFO of one sequence from its repetitions; a tracker's EFO is the mean over sequences.

    Args:
      runs: with their seconds.
      reference: of `reference_seconds` on the same machine.
      skip: of the supervised protocol: so many frames, less one, pass unseen after a failure.

    Returns:
      NaN where no time was recorded.
    """
    seconds = [run.seconds for run in runs if run.seconds is not None]
    means = [np.nanmean(measured) for measured in seconds if np.isfinite(measured).any()]
    if not means:
        return float("nan")
    n_frames = len(runs[0].regions)
    mean = np.mean(means)
    failures = np.mean([_failures(run) for run in runs])
    actual = mean * n_frames / (n_frames - (skip - 1) * failures)
    return float(reference / actual)


def _failures(run: VotRun) -> int:
    return sum(len(region) == 1 and region[0] == FAILED for region in run.regions)
