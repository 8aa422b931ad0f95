"""Small pieces of text as pictures."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from siamfc_jax.media.palette import Colour, text_colour_on


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@lru_cache(maxsize=1024)
def text_chip(text: str, size: int, background: Colour) -> np.ndarray:
    """The text on a plain background, uint8 [h, w, 3]; `size` is the font's height in pixels.

    The result is cached and shared: it must not be written to.
    """
    font = _font(size)
    # Digits and capitals share one height, so all chips of a size are equally high.
    _, top, _, bottom = font.getbbox("#0")
    left, _, right, _ = font.getbbox(text)
    pad = max(2, round(0.3 * size))
    width, height = int(right - left) + 2 * pad, int(bottom - top) + 2 * pad
    chip = Image.new("RGB", (width, height), background)
    ImageDraw.Draw(chip).text(
        (pad - left, pad - top), text, font=font, fill=text_colour_on(background)
    )
    return np.asarray(chip)


def paste(canvas: np.ndarray, picture: np.ndarray, x: int, y: int) -> None:
    """Puts the picture's upper-left pixel at (x, y) of the canvas; what sticks out is cut off."""
    left, top = max(x, 0), max(y, 0)
    right = min(x + picture.shape[1], canvas.shape[1])
    bottom = min(y + picture.shape[0], canvas.shape[0])
    if left < right and top < bottom:
        canvas[top:bottom, left:right] = picture[top - y : bottom - y, left - x : right - x]
