"""The host's side of a batch: frames put together on canvases that the device reads later."""

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.running.canvases import Canvas
from siamfc_jax.evaluation.running.frames_ahead import Image

IN_FLIGHT = 2
"""Steps whose boxes have not been read."""


class Board:
    """Buffers in turn, so that one is filled while the device still reads the others."""

    def __init__(self, canvas: Canvas, lanes: int) -> None:
        shape = (IN_FLIGHT + 1, lanes, *canvas, 3)
        self._pixels = np.zeros(shape, np.uint8)
        self._sizes = np.tile(np.asarray(canvas[::-1], np.int32), (IN_FLIGHT + 1, lanes, 1))
        self._turn = 0

    def show(self, images: list[Image | None]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Pixels [lanes, H, W, 3] and sizes [lanes, 2] with the images in the first lanes.

        The arrays are written to again in the call number IN_FLIGHT + 1 after this one.
        """
        pixels, sizes = self._pixels[self._turn], self._sizes[self._turn]
        self._turn = (self._turn + 1) % len(self._pixels)
        for lane, image in enumerate(images):
            if image is None:
                continue
            height, width = image.shape[:2]
            if (width, height) != tuple(sizes[lane]):
                pixels[lane] = 0
                sizes[lane] = width, height
            pixels[lane, :height, :width] = image
        return pixels, sizes
