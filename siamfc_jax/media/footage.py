"""Frames of one size, by number and in any order: what a person scrubs through."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import Self

import numpy as np

from siamfc_jax.media.errors import MediaError

_CACHE_BYTES = 64 * 2**20
_FEWEST_CACHED = 4


class Footage(ABC):
    """Frames 0..n_frames - 1, each uint8 [height, width, 3] RGB, not to be written to.

    `n_frames` is None for a camera. `problem` is a line on what is wrong with the source, though
    frames can be read from it. The frames read last are kept, in bounded memory. Not thread-safe.
    """

    def __init__(self, location: str, name: str, fps: float | None, n_frames: int | None):
        self.location = location
        self.name = name
        self.fps = fps
        self.n_frames = n_frames
        self.problem: str | None = None
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self.width = self.height = 0
        self.height, self.width = self.frame(0).shape[:2]

    def frame(self, index: int) -> np.ndarray:
        """Frame number `index`; IndexError beyond the end, MediaError where it cannot be read."""
        if index < 0 or (self.n_frames is not None and index >= self.n_frames):
            raise IndexError(index)
        if index not in self._kept:
            self._keep(index, self._read(index))
        self._kept.move_to_end(index)
        return self._kept[index]

    def _keep(self, index: int, image: np.ndarray) -> None:
        height, width = image.shape[:2]
        if self.width and (width, height) != (self.width, self.height):
            raise MediaError(
                f"{self.location}: frame {index} is {width}x{height}, the first one is "
                f"{self.width}x{self.height}; bring all frames to one size"
            )
        self._kept[index] = image
        while len(self._kept) > max(_CACHE_BYTES // image.nbytes, _FEWEST_CACHED):
            self._kept.popitem(last=False)

    @abstractmethod
    def _read(self, index: int) -> np.ndarray:
        """The frame itself; may `_keep` those it meets on the way."""

    @abstractmethod
    def again(self) -> "Footage":
        """The same frames to read from another thread; close it separately."""

    def close(self) -> None:  # noqa: B027 (what holds nothing has nothing to release)
        """Releases the file; no other method may be called afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
