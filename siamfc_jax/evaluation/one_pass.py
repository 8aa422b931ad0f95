"""One-pass evaluation: start on the first frame, track to the last."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc_jax.boxes import Boxes
from siamfc_jax.evaluation.sequences import Sequence, read_frame


class FrameTracker(Protocol):
    """Anything with OpenCV's and GOT-10k's two methods."""

    def init(self, image: NDArray[np.uint8], box: ArrayLike) -> None: ...

    def update(self, image: NDArray[np.uint8]) -> ArrayLike: ...


class Run(NamedTuple):
    """Boxes [n, 4] float32 of one sequence, the first being the given one, and the seconds spent
    inside the tracker (decoding excluded)."""

    boxes: Boxes
    seconds: float


def run_one_pass(
    tracker: FrameTracker, sequence: Sequence, on_frame: Callable[[], object] = lambda: None
) -> Run:
    """Track `sequence` from its first box; frames are decoded ahead in a thread.

    Raises:
      SequenceError: a frame cannot be read.
    """
    boxes, seconds = [sequence.boxes[0]], 0.0
    with ThreadPoolExecutor(1) as decoder:
        pending = [decoder.submit(read_frame, path) for path in sequence.frames[:4]]
        for index in range(len(sequence.frames)):
            image = pending.pop(0).result()
            if index + 4 < len(sequence.frames):
                pending.append(decoder.submit(read_frame, sequence.frames[index + 4]))
            began = time.perf_counter()
            if index == 0:
                tracker.init(image, sequence.boxes[0])
            else:
                boxes.append(np.asarray(tracker.update(image), np.float32))
            seconds += time.perf_counter() - began
            on_frame()
    return Run(np.stack(boxes), seconds)
