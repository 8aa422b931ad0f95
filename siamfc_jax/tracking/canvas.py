"""Frames of different sizes on few canvases, so that they share a compiled step."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.crops import Frames

Image = NDArray[np.uint8]


def canvas_side(side: int) -> int:
    """Smallest canvas side that holds `side` pixels: four per octave, at least 64 apart.

    640, 1280 and 2048 hold themselves; 480 -> 512, 720 -> 768, 1080 -> 1280, 1920 -> 2048.
    """
    step = max(64, 2 ** ((side - 1).bit_length() - 3)) if side > 1 else 64
    return -(-side // step) * step


def on_canvas(images: Sequence[Image]) -> Frames:
    """Put F images uint8 [H, W, 3] on one zeroed canvas that holds them all (numpy arrays).

    An image that fills its canvas is not copied.

    Raises:
      ValueError: an image is not a non-empty uint8 [H, W, 3] array.
    """
    for image in images:
        check_image(image)
    height = canvas_side(max(image.shape[0] for image in images))
    width = canvas_side(max(image.shape[1] for image in images))
    sizes = np.asarray([image.shape[1::-1] for image in images], np.int32)
    if len(images) == 1 and images[0].shape[:2] == (height, width):
        return Frames(images[0][None], sizes)  # type: ignore[arg-type]
    pixels = np.zeros((len(images), height, width, 3), np.uint8)
    for canvas, image in zip(pixels, images, strict=True):
        canvas[: image.shape[0], : image.shape[1]] = image
    return Frames(pixels, sizes)  # type: ignore[arg-type]


def check_image(image: Image) -> None:
    """Raise ValueError unless `image` is a non-empty uint8 [H, W, 3] array."""
    shape, dtype = getattr(image, "shape", None), getattr(image, "dtype", None)
    if dtype != np.uint8 or shape is None or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"a frame must be a uint8 array [H, W, 3] in RGB, not {dtype} {shape}")
