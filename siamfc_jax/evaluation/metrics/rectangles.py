"""Overlap and centre error of rectangles, each toolkit's arithmetic to the last bit.

Rectangles are float64 [n, 4] (x, y, w, h) in the benchmark's own numbers. Many frames lie exactly
on a threshold, so that the order of operations decides on which side they fall. NaN, infinite and
empty rectangles are expected: callers silence NumPy's warnings about them (`np.errstate`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# MATLAB's 0:0.05:1 fills its two halves from both ends.
SUCCESS_THRESHOLDS = np.concatenate([np.arange(11) * 0.05, 1 - np.arange(9, -1, -1) * 0.05])
PRECISION_THRESHOLDS = np.arange(51.0)
NORMALISED_THRESHOLDS = np.arange(51) / 100


class FrameErrors(NamedTuple):
    """How far each frame's box is from the truth.

    Attributes:
      overlap: [n] intersection over union; -1 where the annotation is unusable: a miss.
      distance: [n] pixels between the centres; -1 where the annotation is unusable: a hit;
        infinite where the box is.
      normalised: [n] the same in units of the target's width and height; None: not defined.
      judged: [n] whether the annotation is usable.
    """

    overlap: Floats
    distance: Floats
    normalised: Floats | None
    judged: NDArray[np.bool_]


def matlab_errors(boxes: Floats, truth: Floats) -> FrameErrors:
    """calcSeqErrRobust.m of OTB: the annotation is usable if all its numbers are positive."""
    judged = np.all(truth > 0, -1)
    return FrameErrors(
        np.where(judged, inclusive_overlap(boxes, truth), -1),
        np.where(judged, _distance(centres(boxes), centres(truth)), -1),
        None,
        judged,
    )


def lasot_errors(boxes: Floats, truth: Floats) -> FrameErrors:
    """calc_seq_err_robust.m of LaSOT: OTB's, and normalised distances."""
    errors, size = matlab_errors(boxes, truth), truth[:, 2:]
    normalised = _distance(centres(boxes) / size, centres(truth) / size)
    return errors._replace(normalised=np.where(errors.judged, normalised, -1))


def pysot_errors(boxes: Floats, truth: Floats) -> FrameErrors:
    """pysot's toolkit/utils/statistics.py: sizes decide about overlaps, centres about distances."""
    judged = np.all(truth[:, 2:] > 0, -1)
    size = truth[:, 2:] + 1e-16
    normalised = centres(truth) / size
    return FrameErrors(
        np.where(judged, np.clip(continuous_overlap(boxes, truth), 0, 1), -1),
        np.where(_positive(centres(truth)), _distance(centres(boxes), centres(truth)), -1),
        np.where(_positive(normalised), _distance(centres(boxes) / size, normalised), -1),
        judged,
    )


def got10k_errors(boxes: Floats, truth: Floats) -> FrameErrors:
    """got10k/utils/metrics.py of the GOT-10k toolkit: every annotation is taken as it is."""
    return FrameErrors(
        np.clip(continuous_overlap(boxes, truth, np.finfo(np.float64).eps), 0, 1),
        _distance(centres(boxes), centres(truth)),
        None,
        np.ones(len(truth), np.bool_),
    )


def inclusive_overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union [n] of rectangles whose last pixels are x + w - 1, y + h - 1; NaN
    counts as 0."""
    last = np.minimum(a[:, :2] + a[:, 2:] - 1, b[:, :2] + b[:, 2:] - 1)
    return _ratio(a, b, last - np.maximum(a[:, :2], b[:, :2]) + 1, 0.0)


def continuous_overlap(a: Floats, b: Floats, eps: float = 0.0) -> Floats:
    """Intersection over (union + eps), [n], of rectangles that end at x + w, y + h; NaN counts as
    0."""
    end = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    return _ratio(a, b, end - np.maximum(a[:, :2], b[:, :2]), eps)


def centres(boxes: Floats) -> Floats:
    """Middle [n, 2] between first and last pixel."""
    return boxes[:, :2] + (boxes[:, 2:] - 1) / 2


def share_above(overlaps: Floats, thresholds: Floats, frames: int) -> Floats:
    """How many overlaps exceed each threshold, divided by `frames`."""
    not_above = np.searchsorted(np.sort(overlaps), thresholds, "right")
    return _share(len(overlaps) - not_above, frames)


def share_within(distances: Floats, thresholds: Floats, frames: int) -> Floats:
    """How many distances are at most each threshold, divided by `frames`."""
    return _share(np.searchsorted(np.sort(distances), thresholds, "right"), frames)


def _share(counts: NDArray[np.int64], frames: int) -> Floats:
    return counts / (frames + np.finfo(np.float64).eps)


def _positive(points: Floats) -> NDArray[np.bool_]:
    return np.all(points > 0, -1)


def _distance(a: Floats, b: Floats) -> Floats:
    # Distances from or to something that is no number are infinite: within no threshold.
    distance = np.sqrt(((a - b) ** 2).sum(-1))
    return np.where(np.isnan(distance), np.inf, distance)


def _ratio(a: Floats, b: Floats, sides: Floats, eps: float) -> Floats:
    sides = np.maximum(sides, 0)
    intersection = sides[:, 0] * sides[:, 1]
    union = a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - intersection
    overlap = intersection / (union + eps)
    return np.where(np.isnan(overlap), 0, overlap)
