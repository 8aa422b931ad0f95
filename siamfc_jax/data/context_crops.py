"""The context crop for data preparation: the numpy and Pillow twin of `siamfc_jax.crops`.

Imports no jax, so that worker processes stay off the accelerator.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image


def context_crop(
    image: NDArray[np.uint8],
    box: ArrayLike,
    *,
    out_size: int,
    exemplar_size: int = 127,
    context: float = 0.5,
) -> NDArray[np.uint8]:
    """Square crop around `box` at the scale of eq. 7, with the image's mean colour around it.

    Args:
      image: uint8 [H, W, 3] RGB.
      box: (x, y, w, h) in pixels; see `siamfc_jax.boxes`.
      out_size: side of the crop. Its central exemplar_size square shows the area of eq. 7.

    Returns:
      uint8 [out_size, out_size, 3]; unlike the tracker's crop, shrinking is antialiased.
    """
    x, y, w, h = (float(value) for value in np.asarray(box))
    margin = context * (w + h)
    side = np.sqrt((w + margin) * (h + margin)) * out_size / exemplar_size
    left, top = x + w / 2 - side / 2, y + h / 2 - side / 2
    height, width = image.shape[:2]

    first = np.floor([left, top]).astype(int) - 1
    last = np.ceil([left + side, top + side]).astype(int) + 1
    mean = np.round(image.reshape(-1, 3).mean(0)).astype(np.uint8)
    region = np.empty((last[1] - first[1], last[0] - first[0], 3), np.uint8)
    region[:] = mean
    low = np.clip(first, 0, [width, height])
    high = np.clip(last, low, [width, height])
    region[low[1] - first[1] : high[1] - first[1], low[0] - first[0] : high[0] - first[0]] = image[
        low[1] : high[1], low[0] : high[0]
    ]
    corner = (left - first[0], top - first[1])
    bounds = (corner[0], corner[1], corner[0] + side, corner[1] + side)
    resized = Image.fromarray(region).resize(
        (out_size, out_size), Image.Resampling.BILINEAR, box=bounds
    )
    return np.asarray(resized)
