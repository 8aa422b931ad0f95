"""What a tracker said: its runs on the sequences of a benchmark."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.sequences import Sequence

_NO_PROBLEMS: Mapping[str, str] = MappingProxyType({})

UNKNOWN, INITIALISED, FAILED = 0, 1, 2
"""VOT's codes in place of a region."""


class ResultError(ValueError):
    """A result file is missing, short or malformed; one line names it and the remedy."""


class Run(NamedTuple):
    """One run over a sequence of rectangles, from a first frame to its last.

    Attributes:
      boxes: [n, 4] float64 (x, y, w, h) in the benchmark's numbers (see `sequences`); the first is
        the given one; NaN where the tracker said nothing usable.
      start: row of the sequence's truth that the first box belongs to.
      seconds: [n] float64, time inside the tracker; NaN where unknown; None: not recorded.
      converted: the boxes were made of other regions (OTB's affine results): one without area is
        an answer like others, not a gap, and is never replaced by the one before.
      omitted_boxes: [m, 4] of frames ahead of the first evaluated one (see `aligned`).
    """

    boxes: NDArray[np.float64]
    start: int = 0
    seconds: NDArray[np.float64] | None = None
    converted: bool = False
    omitted_boxes: NDArray[np.float64] | None = None


def aligned(run: Run, sequence: Sequence) -> Run:
    """The run from the first evaluated frame on, where it covers the whole folder (Tiger1, whose
    first five frames OTB omits and the GOT-10k toolkit does not)."""
    ahead = sequence.first_frame - 1
    if ahead <= 0 or run.start not in (0, -ahead) or len(run.boxes) != length(sequence) + ahead:
        return run
    return run._replace(
        boxes=run.boxes[ahead:],
        start=0,
        seconds=None if run.seconds is None else run.seconds[ahead:],
        omitted_boxes=run.boxes[:ahead],
    )


def length(sequence: Sequence) -> int:
    """Frames of a sequence, also where only the first one's annotation is public."""
    return max(len(sequence.truth), len(sequence.frames))


class VotRun(NamedTuple):
    """One run over a VOT sequence.

    Attributes:
      regions: float64, one per frame: [1] a code (UNKNOWN, INITIALISED, FAILED), [4] a rectangle
        (x, y, w, h), or [2k] a polygon (x1, y1, ...), k >= 3.
      seconds: as `Run.seconds`.
    """

    regions: tuple[NDArray[np.float64], ...]
    seconds: NDArray[np.float64] | None = None


R = TypeVar("R", Run, VotRun)


class Results(NamedTuple, Generic[R]):
    """All runs of one tracker on a benchmark.

    Attributes:
      runs: sequence name -> its runs: one (OPE, LaSOT), 20 (TRE), 12 (SRE), the repetitions (VOT,
        GOT-10k).
      problems: sequence name -> why it has no usable result, in one line that names the file.
    """

    runs: Mapping[str, tuple[R, ...]]
    problems: Mapping[str, str] = _NO_PROBLEMS
