"""Where OTB's spatial robustness evaluation (SRE) starts: twelve disturbed first boxes.

Wu, Lim and Yang, CVPR 2013: shifts of the centre and of one corner by a tenth of the target's size,
and sizes of .8, .9, 1.1 and 1.2; as shiftInitBB.m of the authors' toolkit computes them, which
moves one corner where the paper says "shift", so that the box grows.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MOVES = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
_CORNERS = {"topLeft": (-1, -1), "topRight": (1, -1), "bottomLeft": (-1, 1), "bottomRight": (1, 1)}
_SCALES = {"scale_8": 0.8, "scale_9": 0.9, "scale_11": 1.1, "scale_12": 1.2}

SHIFTS: tuple[str, ...] = (*_MOVES, *_CORNERS, *_SCALES)
"""The toolkit's names (`shiftType`), in the order of its runs."""

SCALE_RATIOS: tuple[float, ...] = tuple(_SCALES.get(shift, 1.0) for shift in SHIFTS)
"""By how much each of SHIFTS scales the box; scoring divides results by it."""


def perturbed_boxes(box: ArrayLike, size: tuple[int, int]) -> NDArray[np.float64]:
    """The twelve first boxes of SRE, float64 [12, 4], in the order of SHIFTS.

    Args:
      box: [4] (x, y, w, h) as OTB writes it: the upper-left pixel is (1, 1).
      size: (width, height) of the frames. Boxes end with the frame; one whose corner lies above or
        left of it moves inside with its size, as in the toolkit.

    Raises:
      ValueError: `box` is not four finite numbers.
    """
    corner_size = np.asarray(box, np.float64)
    if corner_size.shape != (4,) or not np.isfinite(corner_size).all():
        raise ValueError(f"SRE disturbs one finite box x,y,w,h; got {np.asarray(box).tolist()}")
    corner, extent = corner_size[:2], corner_size[2:]
    boxes = [
        *(_moved(corner, extent, np.asarray(way)) for way in _MOVES.values()),
        *(_with_corner_moved(corner, extent, np.asarray(way)) for way in _CORNERS.values()),
        *(_scaled(corner, extent, ratio) for ratio in _SCALES.values()),
    ]
    return _inside(np.stack(boxes), np.asarray(size, np.float64))


def matlab_round(values: ArrayLike) -> NDArray[np.float64]:
    """Round to the nearest integer, halves away from zero, as MATLAB does; float64."""
    values = np.asarray(values, np.float64)
    whole = np.trunc(values)
    return whole + np.sign(values) * (np.abs(values - whole) >= 0.5)


def _moved(corner: NDArray, extent: NDArray, way: NDArray) -> NDArray:
    return np.concatenate([corner + way * np.ceil(0.1 * extent), extent])


def _with_corner_moved(corner: NDArray, extent: NDArray, way: NDArray) -> NDArray:
    last = corner + extent - 1
    first = np.where(way < 0, matlab_round(corner - 0.1 * extent), corner)
    last = np.where(way > 0, matlab_round(last + 0.1 * extent), last)
    return np.concatenate([first, last - first + 1])


def _scaled(corner: NDArray, extent: NDArray, ratio: float) -> NDArray:
    centre, scaled = corner + extent / 2, ratio * extent
    return matlab_round(np.concatenate([centre - scaled / 2, scaled]))


def _inside(boxes: NDArray, size: NDArray) -> NDArray[np.float64]:
    corners = np.maximum(boxes[:, :2], 1)
    too_far = corners + boxes[:, 2:] - 1 > size
    return np.hstack([corners, np.where(too_far, size - corners + 1, boxes[:, 2:])])
