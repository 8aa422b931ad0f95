"""Expected overlap: how a run falls into fragments, and what they add up to.

Every start of the tracker is the beginning of a sequence of its own, of which the expected overlap
of sequences of N frames is the mean over fragments that tell about N frames.

Source: estimate_expected_overlap.m of the VOT toolkit 7, eao_benchmark.py of pysot,
vot/analysis/supervised.py of vot-toolkit.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.runs import FAILED, INITIALISED

SKIPPED = 5
"""Frames from a failure to the next start."""


class Fragment(NamedTuple):
    """Frames `start` to `stop`, exclusive. A `lost` one has overlap 0 ever after; of another one
    nothing is known after its end."""

    start: int
    stop: int
    lost: bool


Fragments = Callable[[NDArray[np.int64]], list[Fragment]]
"""Codes [n] of a run's frames (-1: a region) -> its fragments."""


def toolkit_fragments(codes: NDArray[np.int64]) -> list[Fragment]:
    """The VOT toolkit's: a fragment ends where the next one starts, that frame included.

    A failure in the last five frames has no next start: its fragment counts as not lost.
    """
    return _between_starts(codes, len(codes))


def pysot_fragments(codes: NDArray[np.int64]) -> list[Fragment]:
    """pysot's: as the toolkit's, but a next start just after the end makes a fragment lost."""
    return _between_starts(codes, len(codes) + 1)


def _between_starts(codes: NDArray[np.int64], before: int) -> list[Fragment]:
    n_frames = len(codes)
    failures = np.flatnonzero(codes == FAILED)
    starts = [0, *(int(start) for start in failures + SKIPPED if start < before)]
    fragments = [Fragment(a, min(b + 1, n_frames), lost=True) for a, b in pairwise(starts)]
    if starts[-1] < n_frames:
        fragments.append(Fragment(starts[-1], n_frames, lost=False))
    return fragments


def python_fragments(codes: NDArray[np.int64]) -> list[Fragment]:
    """vot-toolkit's: from each start to before its failure, and every failure counts as lost."""
    starts, failures = np.flatnonzero(codes == INITIALISED), np.flatnonzero(codes == FAILED)
    if not len(failures):
        return [Fragment(0, len(codes), lost=False)]
    spans = zip(starts, failures, strict=False)
    fragments = [Fragment(int(a), int(b), lost=True) for a, b in spans if a < b]
    if len(starts) > len(failures):
        fragments.append(Fragment(int(starts[-1]), len(codes), lost=False))
    return fragments


class FragmentMeans(NamedTuple):
    """Mean overlap of a fragment up to frame N = 1, 2, ..., L, and whether it tells about N frames.

    [L] each. The first frame of a fragment, where the tracker is given the truth, does not count.
    """

    fragment: Fragment
    means: NDArray[np.float64]
    tells: NDArray[np.bool_]


def fragment_means(
    overlap: NDArray[np.float64], fragments: list[Fragment], longest: int, unknown_is_zero: bool
) -> Iterator[FragmentMeans]:
    """Of each fragment of a run.

    Args:
      overlap: [n] of the run's frames, NaN where unknown.
      longest: L, in frames.
      unknown_is_zero: NaN counts as 0; else such a frame tells nothing, and means leave it out
        (the toolkits' would be NaN from there on).
    """
    if unknown_is_zero:
        overlap = np.nan_to_num(overlap, nan=0.0)
    for fragment in fragments:
        row = np.full(longest, 0.0 if fragment.lost else np.nan)
        row[: fragment.stop - fragment.start] = overlap[fragment.start : fragment.stop]
        row[0] = 0
        tells = ~np.isnan(row)
        counted = np.maximum(np.cumsum(tells) - 1, 1)
        means = np.cumsum(np.where(tells, row, 0)) / counted
        means[0] = 1
        yield FragmentMeans(fragment, means, tells)
