"""The context crop for data preparation: the numpy and Pillow twin of `siamfc_jax.crops`.

Imports no jax, so that worker processes stay off the accelerator.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

CONTEXT = 0.5
EXEMPLAR_SIZE = 127


def context_crop(
    image: NDArray[np.uint8],
    box: ArrayLike,
    *,
    out_size: int,
    exemplar_size: int = EXEMPLAR_SIZE,
    context: float = CONTEXT,
    mean: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Square crop around `box` at the scale of eq. 7, with the image's mean colour around it.

    Time and memory are bounded by the image's size, however far the crop reaches beyond it.

    Args:
      image: uint8 [H, W, 3] RGB.
      box: (x, y, w, h) in pixels; see `siamfc_jax.boxes`.
      out_size: side of the crop. Its central exemplar_size square shows the area of eq. 7, and its
        central square of any side of the same parity is the crop of that side.
      mean: `mean_colour(image)`, where it is known already.

    Returns:
      uint8 [out_size, out_size, 3]; unlike the tracker's crop, shrinking is antialiased.
    """
    x, y, w, h = (float(value) for value in np.asarray(box))
    scale = context_side(w, h, context) / exemplar_size
    corner = np.asarray([x + w / 2, y + h / 2]) - scale * out_size / 2
    size = np.asarray(image.shape[1::-1])
    mean = mean_colour(image) if mean is None else mean
    crop = _plain(out_size, out_size, mean)

    # Pixels of the crop which the image reaches: an antialiased one reads `support` to either side.
    support = max(scale, 1.0)
    first = np.floor((0 - corner - support) / scale - 0.5).clip(0, out_size).astype(int)
    last = np.ceil((size - corner + support) / scale + 0.5).clip(first, out_size).astype(int)
    if (first < last).all():
        low, high = corner + first * scale, corner + last * scale
        region, origin = _padded_region(image, low - support, high + support, mean)
        resized = Image.fromarray(region).resize(
            (int(last[0] - first[0]), int(last[1] - first[1])),
            Image.Resampling.BILINEAR,
            box=(*(low - origin), *(high - origin)),
        )
        crop[first[1] : last[1], first[0] : last[0]] = np.asarray(resized)
    return crop


def context_side(w: float, h: float, context: float = CONTEXT) -> float:
    """Side in pixels of the square of eq. 7: area (w + 2p)(h + 2p), where 2p = context (w + h)."""
    margin = context * (w + h)
    return float(np.sqrt((w + margin) * (h + margin)))


def box_in_crop(
    w: float,
    h: float,
    *,
    out_size: int,
    exemplar_size: int = EXEMPLAR_SIZE,
    context: float = CONTEXT,
) -> NDArray[np.float32]:
    """[4] float32 (x, y, w, h), in pixels of its context crop, of a target w x h pixels large."""
    sides = np.asarray([w, h]) * exemplar_size / context_side(w, h, context)
    return np.concatenate([(out_size - sides) / 2, sides]).astype(np.float32)


def mean_colour(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean of each channel of uint8 [H, W, 3], rounded: uint8 [3]."""
    height, width = image.shape[:2]
    columns = image.reshape(height, width * 3).sum(0, dtype=np.uint32)
    total = columns.reshape(width, 3).sum(0, dtype=np.uint64)
    return np.round(total / (height * width)).astype(np.uint8)


def _padded_region(
    image: NDArray[np.uint8],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    colour: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pixels of the rectangle low..high (x, y), and its first pixel's place in the image."""
    origin = np.floor(low).astype(int)
    end = np.ceil(high).astype(int)
    inside_low = np.maximum(origin, 0)
    inside_high = np.minimum(end, image.shape[1::-1])
    inside = image[inside_low[1] : inside_high[1], inside_low[0] : inside_high[0]]
    if (inside_low == origin).all() and (inside_high == end).all():
        return inside, origin
    width, height = (end - origin).tolist()
    region = _plain(width, height, colour)
    at = inside_low - origin
    region[at[1] : at[1] + inside.shape[0], at[0] : at[0] + inside.shape[1]] = inside
    return region, origin


def _plain(width: int, height: int, colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image of one colour: uint8 [height, width, 3]. Whole rows are copied, not pixels."""
    rows = np.empty((height, width * 3), np.uint8)
    rows[:] = np.tile(colour, width)
    return rows.reshape(height, width, 3)
