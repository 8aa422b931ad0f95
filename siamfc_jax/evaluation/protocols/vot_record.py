"""What VOT's protocols write down frame by frame, and what they call lost."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from siamfc_jax.boxes import Boxes
from siamfc_jax.evaluation.regions import Region, is_known
from siamfc_jax.evaluation.runs import FAILED, INITIALISED, UNKNOWN, VotRun
from siamfc_jax.evaluation.sequences import SequenceError, VotSequence, as_annotated

Overlap: TypeAlias = Callable[[Region, Region], float]
"""(a tracker's region, the truth) -> overlap in 0..1, NaN where the truth is unknown. The bounds of
the frame are the caller's to bind."""

FIRST_PIXEL = 0


class VotRecord:
    """A run in the making: every frame unknown until something is said of it."""

    def __init__(self, n_frames: int) -> None:
        self._regions = [np.asarray([UNKNOWN], np.float64)] * n_frames
        self._seconds = np.full(n_frames, np.nan)

    def initialised(self, frame: int) -> None:
        self._regions[frame] = np.asarray([INITIALISED], np.float64)

    def failed(self, frame: int) -> None:
        self._regions[frame] = np.asarray([FAILED], np.float64)

    def found(self, frame: int, region: Region) -> None:
        self._regions[frame] = region

    def took(self, frame: int, seconds: float) -> None:
        self._seconds[frame] = seconds

    def run(self) -> VotRun:
        return VotRun(tuple(self._regions), self._seconds)


def region_of(box: Boxes) -> Region:
    """A tracker's box in VOT's numbers, float64 [4]."""
    return as_annotated(box, FIRST_PIXEL)


def lost(region: Region, truth: Region, overlap: Overlap) -> bool:
    """Whether VOT calls it a failure: no overlap, or (our rule) no finite region at all. An overlap
    of NaN, the truth being unknown, is none."""
    return not np.isfinite(region).all() or overlap(region, truth) <= 0


def next_known(sequence: VotSequence, frame: int) -> int:
    """First frame from `frame` on whose truth is known, where a tracker can start; the number of
    frames if there is none.

    Raises:
      SequenceError: not even the first frame's truth is known.
    """
    n_frames = len(sequence.frames)
    while frame < n_frames and not is_known(sequence.truth[frame]):
        if frame == 0:
            raise SequenceError(
                f"{sequence.name}: the region of its first frame is unknown, so that no tracker "
                "can start; leave the sequence out"
            )
        frame += 1
    return frame
