"""Success and precision of one run in the package's boxes, as OTB's toolkit computes them."""

from numpy.typing import ArrayLike

from siamfc_jax.evaluation.metrics.profiles import OTB_PROFILES
from siamfc_jax.evaluation.metrics.rectangles import Floats
from siamfc_jax.evaluation.metrics.sequence_curves import SequenceCurves, sequence_curves
from siamfc_jax.evaluation.runs import Run
from siamfc_jax.evaluation.sequences import Sequence, as_annotated


def success_curve(predicted: ArrayLike, truth: ArrayLike) -> Floats:
    """Share of frames whose overlap exceeds 0, .05, ..., 1: [21].

    Args:
      predicted, truth: boxes [n, 4] of the same frames in the package's convention. The first
        predicted box is replaced by the truth, an unusable one by the one before. Frames whose
        truth has a number that is not positive (counted from 1) fail.

    Raises:
      ValueError: the numbers of boxes differ, or there is none.
    """
    return _curves(predicted, truth).success


def precision_curve(predicted: ArrayLike, truth: ArrayLike) -> Floats:
    """Share of frames whose centre error is at most 0, 1, ..., 50 pixels, [51].

    Arguments as `success_curve`; but frames with an invalid truth count as hits, as they do there.
    """
    curve = _curves(predicted, truth).precision
    assert curve is not None, "OTB's profile defines it"
    return curve


def success_auc(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean of the success curve: the "AUC" of OTB's tables."""
    return float(success_curve(predicted, truth).mean())


def precision_at_20(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Share of frames with a centre error of at most 20 pixels."""
    return float(precision_curve(predicted, truth)[20])


def _curves(predicted: ArrayLike, truth: ArrayLike) -> SequenceCurves:
    boxes, true_boxes = as_annotated(predicted, 1), as_annotated(truth, 1)
    if boxes.shape != true_boxes.shape:
        raise ValueError(f"{len(boxes)} predicted boxes for {len(true_boxes)} true ones")
    run = Run(boxes)
    return sequence_curves(Sequence("", (), true_boxes), [run], OTB_PROFILES["otb-matlab"])
