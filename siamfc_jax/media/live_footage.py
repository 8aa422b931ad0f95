"""Frames of a camera, the newest of which counts, and the last few of which can be had again."""

import threading
from bisect import bisect_right
from collections.abc import Mapping

import numpy as np

from siamfc_jax.media.camera import open_camera
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.footage import Footage
from siamfc_jax.media.source import FrameSource

_PATIENCE_SECONDS = 10.0


class LiveFootage(Footage):
    """Counts the frames that were asked for: frame n + 1 is the newest one when it is read.

    Reading the next frame waits until the camera has a new one; what came in between is dropped.
    """

    def __init__(self, source: FrameSource):
        self._source = source
        self._changed = threading.Condition()
        self._newest: np.ndarray | None = None
        self._error: Exception | None = None
        self._closed = False
        self._delivered = 0
        self._thread = threading.Thread(target=self._watch, name="camera", daemon=True)
        self._thread.start()
        try:
            super().__init__(source.location, source.name, source.fps, None)
        except BaseException:
            self.close()
            raise

    def again(self) -> "RecentFootage":
        return RecentFootage(self, dict(self._kept))

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(_PATIENCE_SECONDS)
        if not self._thread.is_alive():
            self._source.close()

    def _read(self, index: int) -> np.ndarray:
        if index < self._delivered:
            raise MediaError(f"{self.location}: frame {index} is too long ago; draw on a newer one")
        with self._changed:
            there = self._changed.wait_for(
                lambda: self._newest is not None or self._error or self._closed, _PATIENCE_SECONDS
            )
            if self._error:
                raise self._error
            if not there or self._newest is None:
                raise MediaError(f"{self.location}: the camera gives no frames; connect it again")
            image, self._newest = self._newest, None
        self._delivered = index + 1
        return image

    def _watch(self) -> None:
        try:
            for image in self._source:
                with self._changed:
                    self._newest = image
                    self._changed.notify_all()
                    if self._closed:
                        return
            raise MediaError(f"{self.location}: the camera stopped; connect it again")
        except (MediaError, OSError) as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()


class RecentFootage(Footage):
    """What was left of a camera's frames at one moment, from number `first` on.

    In place of a frame that is gone there is the one before it, or the first.
    """

    def __init__(self, live: LiveFootage, frames: Mapping[int, np.ndarray]):
        self._numbers, self._frames = sorted(frames), frames
        self.first = self._numbers[0]
        super().__init__(live.location, live.name, live.fps, 1 + self._numbers[-1])

    def frame(self, index: int) -> np.ndarray:
        place = bisect_right(self._numbers, index) - 1
        return self._frames[self._numbers[max(place, 0)]]

    def again(self) -> "RecentFootage":
        return self

    def _read(self, index: int) -> np.ndarray:
        return self._frames[index]


def open_live(source: str) -> LiveFootage:
    """Opens a camera as `open_camera` does; raises as it does, or when no frame comes."""
    return LiveFootage(open_camera(source))
