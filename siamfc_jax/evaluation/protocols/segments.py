"""Where the segments of OTB's temporal robustness evaluation (TRE) begin.

Wu, Lim and Yang, CVPR 2013: the tracker runs from 20 frames of a sequence to its end; as
splitSeqTRE.m of the authors' toolkit chooses them.
"""

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.sequences import Sequence, SequenceError

_SHORTEST = 20


def segment_starts(sequence: Sequence, count: int = 20) -> NDArray[np.int64]:
    """Rows of `sequence.truth` where segments begin, ascending; each ends with the last frame.

    Spread evenly over the frames that can start a tracker: not in an interval of
    `sequence.omitted` (occlusions, mostly), not with an annotation that is not positive (pixels
    counted from 1), and not among the last 19. The first is where one-pass evaluation starts,
    wherever its frame can start a tracker.

    Returns:
      [count] int64; shorter where fewer than `count - 1` frames can start a tracker.

    Raises:
      SequenceError: no frame can.
    """
    starts = np.flatnonzero(_can_start(sequence))
    if not len(starts):
        raise SequenceError(
            f"{sequence.name}: no segment of {_SHORTEST} frames begins on a usable annotation; "
            "leave this sequence out of TRE"
        )
    # The toolkit's floor(1 : e/(count-1) : e), which whole numbers give without rounding.
    steps, usable = count - 1, len(starts)
    spread = [k * usable // steps for k in range(steps) if k * usable <= steps * (usable - 1)]
    return starts[[*spread, usable - 1]]


def _can_start(sequence: Sequence) -> NDArray[np.bool_]:
    shift = 1 - sequence.first_pixel
    positive = np.all(sequence.truth + [shift, shift, 0, 0] > 0, axis=1)
    usable = positive & (np.arange(len(positive)) <= len(positive) - _SHORTEST)
    for first, last in sequence.omitted:
        begin = max(first - sequence.first_frame, 0)
        usable[begin : max(last - sequence.first_frame + 1, 0)] = False
    return usable
