"""Boxes: the one convention, its checks, and conversions used at the borders of the package.

A box is float32 `(x, y, w, h)` in pixels: (x, y) is its upper-left *corner* in continuous pixel
coordinates whose origin is the upper-left corner of the upper-left pixel, so that pixel i spans
[i, i + 1). Benchmarks that count pixels from 1 (OTB, VOT) are converted by their readers.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float32]


class BoxError(ValueError):
    """A box that no tracker can start from; the message is one line and names the remedy."""


def centres_sizes(boxes: ArrayLike) -> tuple[Boxes, Boxes]:
    """Split boxes [..., 4] into centres (x, y) [..., 2] and sizes (w, h) [..., 2], in pixels."""
    array = np.asarray(boxes, np.float32)
    centres: Boxes = array[..., :2] + array[..., 2:] / np.float32(2)
    return centres, array[..., 2:]


def from_corners(corners: ArrayLike) -> Boxes:
    """Convert corners (x1, y1, x2, y2) [..., 4] in continuous coordinates to boxes [..., 4]."""
    array = np.asarray(corners, np.float32)
    return np.concatenate([array[..., :2], array[..., 2:] - array[..., :2]], -1)


def from_one_based(boxes: ArrayLike) -> Boxes:
    """Convert boxes [..., 4] whose pixels are numbered from 1 (OTB, VOT) to this package's."""
    return np.asarray(boxes, np.float32) - np.asarray([1, 1, 0, 0], np.float32)


def to_one_based(boxes: ArrayLike) -> Boxes:
    """Inverse of `from_one_based`."""
    return np.asarray(boxes, np.float32) + np.asarray([1, 1, 0, 0], np.float32)


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of boxes [..., 4] with boxes [..., 4]; 0 where the union has no area.

    Computed in float64 on continuous coordinates, which equals OTB's inclusive-pixel formula.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    intersection = np.prod(np.maximum(high - low, 0), -1)
    union = np.prod(a[..., 2:], -1) + np.prod(b[..., 2:], -1) - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)


def check_boxes(boxes: ArrayLike, width: int, height: int) -> Boxes:
    """Return `boxes` as float32 [N, 4] if every one can start a tracker in a width x height frame.

    Raises:
      BoxError: the array has not 4 columns or no row, or a box is not finite, has no area, is
        larger than the frame, or has its centre outside of it.
    """
    try:
        array = np.atleast_2d(np.asarray(boxes, np.float32))
    except (TypeError, ValueError) as error:
        raise BoxError(f"boxes must be numbers x,y,w,h: {error}") from None
    if array.ndim != 2 or array.shape[1] != 4 or not len(array):
        raise BoxError(f"boxes must have the shape [N, 4] (x, y, w, h), not {list(array.shape)}")
    for index, box in enumerate(array):
        problem = _problem(box, width, height)
        if problem:
            text = ",".join(f"{value:g}" for value in box)
            raise BoxError(
                f"box {index} ({text}) {problem}; give x,y,w,h in pixels inside the "
                f"{width}x{height} frame, (0, 0) being its upper-left corner"
            )
    return array


def _problem(box: Boxes, width: int, height: int) -> str:
    if not np.isfinite(box).all():
        return "is not finite"
    x, y, w, h = (float(value) for value in box)
    if w <= 0 or h <= 0:
        return "has no area"
    if w > width or h > height:
        return "is larger than the frame"
    if not (0 <= x + w / 2 <= width and 0 <= y + h / 2 <= height):
        return "has its centre outside the frame"
    return ""
