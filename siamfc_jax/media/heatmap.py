"""Response maps drawn over the place they were computed for."""

import math

import numpy as np

from siamfc_jax.media.overlay import draw_rectangle
from siamfc_jax.media.palette import HEAT_TABLE

_STRONGEST_OPACITY = 0.75
_OUTLINE = (255, 255, 255)
_OUTLINE_OPACITY = 0.4


def draw_response(image: np.ndarray, response: np.ndarray, region: np.ndarray) -> np.ndarray:
    """A copy of the frame (uint8 [H, W, 3]) with the response blended in where it is strong.

    response is float [h, w]; its cells tile `region`, a box x, y, w, h in continuous frame
    coordinates that may reach beyond the frame and gets a thin outline. The colours span the map's
    own range.
    """
    x, y, w, h = (float(value) for value in region)
    if not (np.isfinite(region).all() and w > 0 and h > 0):
        return image.copy()
    left, right = max(math.floor(x), 0), min(math.ceil(x + w), image.shape[1])
    top, bottom = max(math.floor(y), 0), min(math.ceil(y + h), image.shape[0])
    canvas = image.copy()
    if left >= right or top >= bottom:
        return canvas
    ys = (np.arange(top, bottom) + 0.5 - y) / h
    xs = (np.arange(left, right) + 0.5 - x) / w
    strength = _sampled(_normalised(response), ys, xs)
    colours = HEAT_TABLE[np.rint(255 * strength).astype(np.intp)]
    inside = np.outer((ys >= 0) & (ys <= 1), (xs >= 0) & (xs <= 1))
    opacity = (_STRONGEST_OPACITY * strength * inside)[..., None]
    patch = canvas[top:bottom, left:right]
    patch[...] = np.rint(patch + opacity * (colours - patch))
    draw_rectangle(canvas, region, 1.0, _OUTLINE, _OUTLINE_OPACITY)
    return canvas


def _normalised(response: np.ndarray) -> np.ndarray:
    """Scaled to 0..1; a flat map, and what is not finite, becomes 0."""
    values = np.nan_to_num(np.asarray(response, np.float32), posinf=0.0, neginf=0.0)
    span = np.ptp(values)
    return (values - values.min()) / span if span > 0 else np.zeros_like(values)


def _sampled(table: np.ndarray, ys: np.ndarray, xs: np.ndarray) -> np.ndarray:
    """Bilinear samples [len(ys), len(xs)] of [h, w] cells that tile the unit square."""
    return _sampled_rows(_sampled_rows(table, ys).T, xs).T


def _sampled_rows(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    last = len(table) - 1
    # Cell i has its centre at (i + 0.5) / h; beyond the outer centres the map goes on flat.
    index = np.clip(places * len(table) - 0.5, 0, last)
    below = np.minimum(index.astype(np.intp), max(last - 1, 0))
    share = (index - below)[:, None]
    return table[below] * (1 - share) + table[np.minimum(below + 1, last)] * share
