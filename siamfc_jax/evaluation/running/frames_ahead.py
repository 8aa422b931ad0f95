"""Frames decoded by threads before they are asked for."""

import math
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.running.decoders import Decoders
from siamfc_jax.evaluation.running.decoding import decode_frame

Image = NDArray[np.uint8]


class FramesAhead:
    """The frames of a sequence, asked for in rising order, those next in line already in work.

    Frames that were skipped are forgotten. `close` it, or leave the `with` block, to forget them
    all.
    """

    def __init__(
        self,
        frames: tuple[Path, ...],
        threads: Decoders,
        depth: int,
        read: Callable[[Path], Image] = decode_frame,
        patience: float = math.inf,
    ) -> None:
        self._frames = frames
        self._threads = threads
        self._depth = depth
        self._read = read
        self._patience = patience
        self._pending: dict[int, Future[Image]] = {}

    def ready(self, frame: int) -> bool:
        """Whether `take(frame)` would not wait."""
        pending = self._pending.get(frame)
        return pending is not None and pending.done()

    def take(self, frame: int) -> Image:
        """Frame number `frame`, uint8 [H, W, 3] RGB.

        Raises:
          SequenceError: it cannot be read.
          ReadingHungError: it is not there after `patience` seconds.
        """
        self.prepare(frame)
        return self._threads.result(self._pending.pop(frame), self._patience)

    def prepare(self, frame: int) -> None:
        """Begin to decode frame number `frame` and those after it; `take` does so, too."""
        self._forget_before(frame)
        for ahead in range(frame, min(frame + self._depth + 1, len(self._frames))):
            if ahead not in self._pending:
                self._pending[ahead] = self._threads.submit(self._read, self._frames[ahead])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._forget_before(len(self._frames))

    def _forget_before(self, frame: int) -> None:
        for skipped in [number for number in self._pending if number < frame]:
            self._pending.pop(skipped).cancel()
