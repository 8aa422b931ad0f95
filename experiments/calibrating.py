"""A model calibrated: runs, fit, what it is worth, diagram, weight file."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.tracks import Track
from experiments.calibration import (
    GOOD_FRAMES_LOST,
    Bin,
    Frames,
    by_features,
    calibration_error,
    error_interval,
    fit_confidence,
    left_out,
    log_losses,
    logistic,
    reliability,
)
from experiments.calibration_runs import calibration_frames
from siamfc_jax.durable import whole_file
from siamfc_jax.loading import load_model, model_config, weight_path
from siamfc_jax.tracking.confidence import UNCALIBRATED, Confidence
from siamfc_jax.weights import load_weights, save_weights

WEIGHTS, DIAGRAM = "weights.safetensors", "reliability.png"


def calibrate(weights: str, tracks: Sequence[Track], out: Path, *, fast: bool = False) -> str:
    """Write the model with its calibration, and the reliability diagram, to `out`.

    Args:
      fast: as in `loading.load_model`; the model that is written tracks so.

    Returns:
      The report, of several lines.

    Raises:
      ValueError: fewer than two videos, nothing to learn from them, a file cannot be read, or the
        model itself lies where the result would.
      OSError: `out` cannot be written.
    """
    # Its absence shall be known before the videos are tracked.
    import matplotlib  # noqa: F401

    if len({track.video for track in tracks}) < 2:
        raise ValueError("--validation_videos: give two at least; each is judged by the others")
    if (out / WEIGHTS).resolve() == weight_path(weights).resolve():
        raise ValueError(f"{out}: the model lies there and would be overwritten; choose another")
    file = load_weights(weight_path(weights))
    model = load_model(weights, fast=fast)
    plain = dataclasses.replace(model.tracking, confidence=UNCALIBRATED)
    # Boxes and scores depend on the parameters and settings, not on the calibration.
    key = f"{file.sha256} {plain}"
    frames = calibration_frames(model._replace(tracking=plain), key, tracks, out / "runs")
    confidence = fit_confidence(frames)
    told = left_out(frames, by_features([next(iter(frames.features))]))
    bins = reliability(told, frames.good, frames.weight)
    sections = [
        _compared(frames),
        _table(bins),
        _errors(frames, told, model.tracking.confidence),
        _losses(frames, confidence),
        f"wrote {out / WEIGHTS} and {out / DIAGRAM}",
    ]
    _draw(out / DIAGRAM, reliability(logistic(frames.logit), frames.good, frames.weight), bins)
    tracking = dataclasses.replace(model.tracking, confidence=confidence)
    config = {**file.config, **model_config(model.network, tracking)}
    save_weights(out / WEIGHTS, file.params, config, notes=file.notes)
    return "\n\n".join(sections)


def _compared(frames: Frames) -> str:
    """Log loss of the videos left out, by features."""
    names = list(frames.features)
    score = names[0]
    losses = log_losses(left_out(frames, by_features([score])), frames)
    lines = [
        f"{len(frames.good)} frames of {len(losses)} videos, "
        f"{np.average(frames.good, weights=frames.weight):.1%} good; "
        "mean log loss of videos left out, and less that of the score (with standard error)"
    ]
    for chosen in ([], *([name] for name in names), *([score, name] for name in names[1:])):
        own = log_losses(left_out(frames, by_features(chosen)), frames)
        change = own - losses
        error = change.std(ddof=1) / np.sqrt(len(change))
        label = " + ".join(chosen) or "share of good frames"
        lines.append(f"  {own.mean():.4f}  {change.mean():+.4f} ({error:.4f})  {label}")
    raw = log_losses(logistic(frames.logit), frames).mean()
    lines.append(f"  {raw:.4f}  {raw - losses.mean():+.4f}           score as it is, not fitted")
    return "\n".join(lines)


def _table(bins: list[Bin]) -> str:
    rows = [
        f"  {low:.1f}-{high:.1f}     {share:6.1%}  {confidence:10.3f}  {good:.3f}"
        for low, high, share, confidence, good in bins
    ]
    header = "reliability on videos left out\n  confidence   share    mean conf.  good"
    return "\n".join([header, *rows])


def _errors(frames: Frames, told: np.ndarray, own: Confidence) -> str:
    lines = ["expected calibration error (95 % interval over videos)"]
    probabilities = {"score as it is": logistic(frames.logit), "left out": told}
    if own != UNCALIBRATED:
        probabilities["the model's own, as it is"] = logistic(own.bias + own.gain * frames.logit)
    for label, probability in probabilities.items():
        error = calibration_error(probability, frames.good, frames.weight)
        low, high = error_interval(probability, frames)
        lines.append(f"  {error:.3f} ({low:.3f} to {high:.3f})  {label}")
    return "\n".join(lines)


def _losses(frames: Frames, confidence: Confidence) -> str:
    def lost(known: Frames, asked: Frames) -> np.ndarray:
        try:
            other = fit_confidence(known)
        except ValueError:
            # The video that is left out has all the failures: the others would call none lost.
            return np.zeros(len(asked.good))
        return (logistic(other.bias + other.gain * asked.logit) < other.lost_below).astype(float)

    called = left_out(frames, lost)
    of_good, of_others = (
        np.average(called[here], weights=frames.weight[here])
        for here in (frames.good, ~frames.good)
    )
    return (
        f"confidence = logistic({confidence.bias:.4f} + {confidence.gain:.4f} logit(score))\n"
        f"lost below {confidence.lost_below:.4f}, so that at most {GOOD_FRAMES_LOST:.0%} of the "
        f"good frames are called lost; on videos left out {of_good:.1%} of the good frames are, "
        f"and {of_others:.1%} of the others"
    )


def _draw(path: Path, before: list[Bin], after: list[Bin]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    for bins, label, colour in (
        (before, "score as it is", "#d55e00"),
        (after, "calibrated, videos left out", "#0072b2"),
    ):
        x, y = [one.confidence for one in bins], [one.good for one in bins]
        axes.plot(x, y, color=colour, linewidth=1.5, label=label)
        # As large as their share of the frames.
        axes.scatter(x, y, [20 + 400 * one.share for one in bins], colour, alpha=0.7)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share with IoU of .5 or more")
    axes.set_aspect("equal")
    axes.legend(loc="upper left", frameon=False)
    with whole_file(path) as file:
        figure.savefig(file, format="png")
