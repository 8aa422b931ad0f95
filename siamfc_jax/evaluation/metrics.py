"""Success and precision as the OTB toolkit computes them (one-pass evaluation)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc_jax.boxes import centres_sizes, iou

# MATLAB's 0:0.05:1 fills its two halves from both ends; only so do ties come out as there.
SUCCESS_THRESHOLDS = np.concatenate([np.arange(11) * 0.05, 1 - np.arange(9, -1, -1) * 0.05])
PRECISION_THRESHOLDS = np.arange(51.0)


def success_curve(predicted: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Share of frames whose overlap exceeds each of 21 thresholds, [21].

    Args:
      predicted, truth: boxes [n, 4] of the same frames. The first predicted box is replaced by
        the truth. Frames whose truth has a number that is not positive (counted from 1) fail.

    Raises:
      ValueError: the numbers of boxes differ.
    """
    predicted, truth = _checked(predicted, truth)
    overlap = np.where(_valid(truth), iou(predicted, truth), -1.0)
    return (overlap[None, :] > SUCCESS_THRESHOLDS[:, None]).mean(1)


def precision_curve(predicted: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Share of frames whose centre error is at most 0, 1, ..., 50 pixels, [51].

    Arguments as `success_curve`; but frames with an invalid truth count as hits, as they do there.
    """
    predicted, truth = _checked(predicted, truth)
    offset = centres_sizes(predicted)[0] - centres_sizes(truth)[0]
    error = np.where(_valid(truth), np.linalg.norm(offset.astype(np.float64), axis=-1), -1.0)
    return (error[None, :] <= PRECISION_THRESHOLDS[:, None]).mean(1)


def success_auc(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean of the success curve: the "AUC" of OTB's tables."""
    return float(success_curve(predicted, truth).mean())


def precision_at_20(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Share of frames with a centre error of at most 20 pixels."""
    return float(precision_curve(predicted, truth)[20])


def _checked(predicted: ArrayLike, truth: ArrayLike) -> tuple[NDArray, NDArray]:
    predicted = np.array(predicted, np.float64)
    truth = np.asarray(truth, np.float64)
    if predicted.shape != truth.shape:
        raise ValueError(f"{len(predicted)} predicted boxes for {len(truth)} true ones")
    predicted[0] = truth[0]
    return predicted, truth


def _valid(truth: NDArray) -> NDArray[np.bool_]:
    return np.all(truth + np.asarray([1, 1, 0, 0]) > 0, axis=-1)
