"""Success and precision of the runs over one sequence, pooled."""

from collections.abc import Sequence as ListOf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.metrics.profiles import RectangleProfile, unusable_boxes
from siamfc_jax.evaluation.metrics.rectangles import (
    NORMALISED_THRESHOLDS,
    PRECISION_THRESHOLDS,
    Floats,
    share_above,
    share_within,
)
from siamfc_jax.evaluation.protocols.perturbations import matlab_round
from siamfc_jax.evaluation.runs import ResultError, Run, aligned
from siamfc_jax.evaluation.sequences import Sequence


class SequenceCurves(NamedTuple):
    """One row of `CurveScores`: see there."""

    success: Floats
    precision: Floats | None
    normalised_precision: Floats | None
    overlap: float
    frames: int
    carried: int
    invalid: int


class _Frames(NamedTuple):
    """Frames of a run, or of several one after the other: boxes and truth [n, 4]; [n] whether a run
    begins there, whether the target is visible, whether the box may be replaced by the one before.
    """

    boxes: Floats
    truth: Floats
    first: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    replaceable: NDArray[np.bool_]


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def sequence_curves(
    sequence: Sequence,
    runs: ListOf[Run],
    profile: RectangleProfile,
    ratios: ListOf[float] | None = None,
) -> SequenceCurves:
    """Pool the frames of some runs over one sequence.

    Args:
      ratios: by which SRE scaled the first box of each run; None: another protocol.

    Raises:
      ResultError: a run has fewer boxes than frames, or not four numbers each.
    """
    boxes, truth, first, visible, replaceable = _joined(sequence, runs, profile.omits)
    unusable = unusable_boxes(boxes) & ~first
    if profile.carried is not None:
        boxes = _carry_forward(boxes, profile.carried(boxes) & ~first & replaceable)
    if ratios is not None:
        scale = np.repeat(ratios, np.diff(np.flatnonzero(np.append(first, True))))
        boxes = _unscaled(boxes, scale[:, None])
    if profile.gives_first:
        boxes = np.where(first[:, None], truth, boxes)

    overlap, distance, normalised, judged = profile.errors(boxes[visible], truth[visible])
    frames = len(boxes)
    return SequenceCurves(
        share_above(overlap, profile.success_thresholds, frames),
        share_within(distance, PRECISION_THRESHOLDS, frames),
        None if normalised is None else share_within(normalised, NORMALISED_THRESHOLDS, frames),
        float(np.maximum(overlap, 0).sum() / frames),
        frames,
        int((unusable & visible).sum()),
        int((~judged).sum()),
    )


def fitting_boxes(sequence: Sequence, run: Run) -> Floats:
    """The run's boxes [n, 4], one for each frame from its start to the sequence's end.

    What comes after the end is cut off, as toolkits do.

    Raises:
      ResultError: there are fewer boxes than frames, or not four numbers each.
    """
    boxes = np.asarray(run.boxes, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ResultError(f"boxes of shape {list(boxes.shape)}, not [n, 4]; give x,y,w,h")
    expected = len(sequence.truth) - run.start
    if len(boxes) < expected or expected < 1 or run.start < 0:
        raise ResultError(
            f"{len(boxes)} boxes for {max(expected, 0)} frames from row {run.start} of the "
            "annotation on; fetch the whole result, or run the tracker again"
        )
    return boxes[:expected]


def _joined(sequence: Sequence, runs: ListOf[Run], omits: bool) -> _Frames:
    parts = [_frames(sequence, aligned(run, sequence), omits) for run in runs]
    return _Frames(*map(np.concatenate, zip(*parts, strict=True)))


def _frames(sequence: Sequence, run: Run, omits: bool) -> _Frames:
    boxes = fitting_boxes(sequence, run)
    truth = np.asarray(sequence.truth, np.float64)[run.start :]
    shown = sequence.visible
    visible = np.ones(len(truth), np.bool_) if shown is None else shown[run.start :]
    before = sequence.omitted_truth
    if not omits and before is not None and run.omitted_boxes is not None:
        boxes, truth = np.vstack([run.omitted_boxes, boxes]), np.vstack([before, truth])
        visible = np.append(np.ones(len(before), np.bool_), visible)
    replaceable = np.full(len(truth), not run.converted) & ~np.isnan(truth).any(-1)
    return _Frames(boxes, truth, np.arange(len(boxes)) == 0, visible, replaceable)


def _carry_forward(boxes: Floats, carried: NDArray[np.bool_]) -> Floats:
    source = np.where(carried, 0, np.arange(len(boxes)))
    return boxes[np.maximum.accumulate(source)]


def _unscaled(boxes: Floats, ratio: Floats) -> Floats:
    centre = boxes[:, :2] + (boxes[:, 2:] - 1) / 2
    size = boxes[:, 2:] / ratio
    return matlab_round(np.hstack([centre - size / 2, size]))
