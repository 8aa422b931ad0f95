"""How sure a tracker may be: its scores on held-out videos, fitted, and judged on videos left out.

A frame is good where the tracker's box overlaps the target with an IoU of .5 or more. Every video
weighs the same, however long it is.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.statistics import interval
from siamfc_jax.tracking.confidence import Confidence

Floats = NDArray[np.float64]

GOOD_FRAMES_LOST = 0.05
"""Share of the good frames that the threshold of being lost gives away."""

_PENALTY = 1e-3
_BINS = 10


class Frames(NamedTuple):
    """n tracked frames of all videos.

    Attributes:
      video: [n] int64, which of the videos.
      features: by name [n] float64; the first is the score's logit.
      good: [n] bool.
    """

    video: NDArray[np.int64]
    features: dict[str, Floats]
    good: NDArray[np.bool_]

    @property
    def logit(self) -> Floats:
        return next(iter(self.features.values()))

    @property
    def weight(self) -> Floats:
        """[n], adding up to 1, of which every video has the same share."""
        counts = np.bincount(self.video)
        share: Floats = 1 / counts[self.video] / np.count_nonzero(counts)
        return share


class Bin(NamedTuple):
    """Frames whose confidence is from `low` to `high`: their share of all, mean confidence, and
    how many of them are good."""

    low: float
    high: float
    share: float
    confidence: float
    good: float


def fitted(features: Floats, good: NDArray[np.bool_], weight: Floats) -> Floats:
    """Bias and coefficients [1 + k] of a logistic regression on features [n, k], by Newton's
    method. A slight penalty keeps them finite where all frames can be told apart."""
    design = np.concatenate([np.ones((len(features), 1)), features], 1)
    penalty = _PENALTY * np.diag([0.0, *features.var(0)])
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        probability = logistic(design @ beta)
        slope = design.T @ (weight * (probability - good)) + penalty @ beta
        spread = weight * probability * (1 - probability)
        curvature = (design.T * spread) @ design + penalty + 1e-9 * np.eye(len(beta))
        step = np.linalg.solve(curvature, slope)
        # Far from the optimum, where all is flat, a full step may overshoot.
        beta = beta - step / max(1.0, float(np.abs(step).max()) / 5)
        if np.abs(step).max() < 1e-9:
            break
    return beta


def fit_confidence(frames: Frames) -> Confidence:
    """The calibration of the score, with its threshold.

    Raises:
      ValueError: all frames are good, or none, or the score is no higher in the good ones.
    """
    if frames.good.all() or not frames.good.any():
        which = "every" if frames.good.all() else "no"
        raise ValueError(
            f"{which} frame is good, so that there is nothing to learn; take other, or more, "
            "--validation_videos"
        )
    bias, gain = fitted(frames.logit[:, None], frames.good, frames.weight)
    if gain <= 0:
        raise ValueError(
            "the score is no higher where the target is followed; take more --validation_videos"
        )
    confidence = logistic(bias + gain * frames.logit)
    return Confidence(float(bias), float(gain), threshold(confidence, frames))


def threshold(confidence: Floats, frames: Frames) -> float:
    """The highest confidence below which lie at most GOOD_FRAMES_LOST of the good frames."""
    good = frames.good
    order = np.argsort(confidence[good])
    below = np.cumsum(frames.weight[good][order]) / frames.weight[good].sum()
    # Sums of equal weights are not quite what they should be.
    place = min(int(np.searchsorted(below, GOOD_FRAMES_LOST + 1e-9, "right")), len(order) - 1)
    return float(confidence[good][order][place])


def left_out(frames: Frames, predict: Callable[[Frames, Frames], Floats]) -> Floats:
    """What is predicted [n] of each video's frames by what was learned from all other videos.

    Args:
      predict: (frames to learn from, frames to predict) -> [n of the latter].
    """
    result = np.zeros(len(frames.good))
    for video in np.unique(frames.video):
        here = frames.video == video
        result[here] = predict(_where(frames, ~here), _where(frames, here))
    return result


def by_features(names: list[str]) -> Callable[[Frames, Frames], Floats]:
    """For `left_out`: the probability by a regression on these features; on none, the share of good
    frames."""

    def predict(known: Frames, asked: Frames) -> Floats:
        beta = fitted(_columns(known, names), known.good, known.weight)
        return logistic(beta[0] + _columns(asked, names) @ beta[1:])

    return predict


def log_losses(probability: Floats, frames: Frames) -> Floats:
    """Mean log loss of each video."""
    told = np.where(frames.good, probability, 1 - probability)
    loss = -np.log(np.maximum(told, 1e-9))
    videos = np.unique(frames.video)
    return np.asarray([loss[frames.video == video].mean() for video in videos])


def reliability(
    probability: Floats, good: NDArray[np.bool_], weight: Floats, bins: int = _BINS
) -> list[Bin]:
    """The bins of equal width that hold any frame."""
    index = np.clip((probability * bins).astype(int), 0, bins - 1)
    table = []
    for number in np.unique(index):
        here = index == number
        share = weight[here].sum()
        if share > 0:
            means = (np.average(a[here], weights=weight[here]) for a in (probability, good))
            table.append(Bin(number / bins, (number + 1) / bins, share / weight.sum(), *means))
    return table


def calibration_error(probability: Floats, good: NDArray[np.bool_], weight: Floats) -> float:
    """Expected calibration error: the mean distance of confidence from the share of good frames,
    over bins by their share of frames."""
    bins = reliability(probability, good, weight)
    return float(sum(one.share * abs(one.confidence - one.good) for one in bins))


def error_interval(probability: Floats, frames: Frames) -> tuple[float, float]:
    """95 % bootstrap interval of `calibration_error` over videos."""
    _, video = np.unique(frames.video, return_inverse=True)
    weight = frames.weight
    return interval(
        int(video.max()) + 1,
        lambda times: calibration_error(probability, frames.good, weight * times[video]),
    )


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    probability: Floats = 1 / (1 + np.exp(-np.clip(x, -60, 60)))
    return probability


def _columns(frames: Frames, names: list[str]) -> Floats:
    return (
        np.asarray([frames.features[name] for name in names])
        .reshape(len(names), len(frames.good))
        .T
    )


def _where(frames: Frames, here: NDArray[np.bool_]) -> Frames:
    features = {name: values[here] for name, values in frames.features.items()}
    return Frames(frames.video[here], features, frames.good[here])
