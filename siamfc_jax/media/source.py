"""A sequence of frames of one size, whatever they are read from."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import numpy as np

from siamfc_jax.media.errors import MediaError


class FrameSource:
    """Iterates once over the frames of a video, a folder of images or a camera.

    Each frame is uint8 [H, W, 3], RGB, and owns its memory. `fps` is None where the source has no
    rate, `n_frames` where the count is unknown; a count taken from a video's header is an estimate.
    `width` and `height` (pixels) are None until the first frame was read.

    Iteration raises MediaError where the source is damaged, empty, or changes its frame size;
    all good frames before that place have been delivered by then.
    """

    def __init__(
        self,
        location: str,
        name: str,
        frames: Iterator[np.ndarray],
        close: Callable[[], None],
        fps: float | None = None,
        n_frames: int | None = None,
    ):
        self.location = location
        self.name = name
        self.fps = fps
        self.n_frames = n_frames
        self.width: int | None = None
        self.height: int | None = None
        self._frames = frames
        self._close = close
        self._delivered = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> np.ndarray:
        try:
            frame = next(self._frames)
        except StopIteration:
            if not self._delivered:
                raise MediaError(f"{self.location}: has no frames; give another file") from None
            raise
        self._check_size(frame)
        self._delivered += 1
        return frame

    def _check_size(self, frame: np.ndarray) -> None:
        height, width = frame.shape[:2]
        if self.width is None or self.height is None:
            self.width, self.height = width, height
        elif (width, height) != (self.width, self.height):
            raise MediaError(
                f"{self.location}: frame {self._delivered} is {width}x{height}, the frames before "
                f"it are {self.width}x{self.height}; bring all frames to one size"
            )

    def close(self) -> None:
        """Releases the file or the camera; no thread may be iterating any more."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
