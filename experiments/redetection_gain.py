"""What re-detection gains and costs, on rendered clips with the target hidden or out of view.

    python -m experiments.redetection_gain --model=runs/calibrated/weights.safetensors --clips=6

Tracks clips of each kind with and without re-detection (`--found_above` and the others are its
settings), and prints the mean overlap while the target is there, the share of the frames with an
IoU of .5 or more after it was away first, and the time of a frame. The model must be calibrated.
"""

import math
import time
from collections.abc import Sequence
from functools import partial
from itertools import dropwhile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from absl import flags

from experiments import cli
from experiments.compilation_cache import use_compilation_cache

if TYPE_CHECKING:
    from experiments.absences import AbsenceFrame
    from siamfc_jax.tracking.online import OnlineTracker

_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Shipped model or weight file, calibrated.")
_FAST = flags.DEFINE_bool(
    "fast", False, "With one search image a frame instead of one of each scale."
)
_CLIPS = flags.DEFINE_integer("clips", 6, "Clips of each kind.", lower_bound=2)
_KINDS = flags.DEFINE_list("kinds", ["always there", "out of view", "occluded"], "Which kinds.")
_SEED = flags.DEFINE_integer("seed", 9000, "Of the first clip.", lower_bound=0)
_AFTER = flags.DEFINE_integer("after", 3, "Lost frames before a search.", lower_bound=1)
_FOUND_ABOVE = flags.DEFINE_float("found_above", 0.5, "Confidence of a find.", 0.0, 1.0)
_TILES = flags.DEFINE_integer("tiles", 12, "Search images a frame.", lower_bound=1)


class _Result(NamedTuple):
    overlap: float
    after: float
    lost: float
    falsely_lost: float
    milliseconds: float


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    use_compilation_cache()
    from experiments.absences import KINDS
    from siamfc_jax.evaluation.statistics import paired_comparison
    from siamfc_jax.loading import load_model
    from siamfc_jax.tracking.online import OnlineTracker
    from siamfc_jax.tracking.redetection import RedetectingTracker, Redetection

    unknown = ", ".join(sorted({*_KINDS.value} - {*KINDS}))
    if unknown:
        raise ValueError(f"--kinds: there is no {unknown}; there are {', '.join(KINDS)}")
    model = load_model(_MODEL.value, fast=_FAST.value)
    settings = Redetection(_AFTER.value, _FOUND_ABOVE.value, _TILES.value)
    trackers = [
        OnlineTracker(model),
        OnlineTracker(model, partial(RedetectingTracker, settings=settings)),
    ]
    print(f"{_CLIPS.value} clips of each kind, without -> with re-detection, {settings}")
    for kind in _KINDS.value:
        clip = KINDS[kind]
        runs = []
        for number in range(_CLIPS.value):
            # A tracker starts where the target is seen.
            frames = list(dropwhile(_is_absent, clip(_SEED.value + number)))
            runs.append([_tracked(tracker, frames) for tracker in trackers])
        plain, searching = (
            _Result(*map(_mean, zip(*column, strict=True))) for column in zip(*runs, strict=True)
        )
        gain = paired_comparison(*([run[i].overlap for run in runs] for i in (1, 0)))
        print(
            f"{kind:12}  overlap {plain.overlap:.3f} -> {searching.overlap:.3f} "
            f"({gain.difference:+.3f}, 95 % {gain.low:+.3f} to {gain.high:+.3f}; better on "
            f"{gain.wins}, worse on {gain.losses})\n"
            f"{'':12}  followed after absence {plain.after:.2f} -> {searching.after:.2f}; "
            f"called lost: of absent frames {plain.lost:.2f} -> {searching.lost:.2f}, of good ones "
            f"{plain.falsely_lost:.2f} -> {searching.falsely_lost:.2f}; "
            f"{plain.milliseconds:.0f} -> {searching.milliseconds:.0f} ms a frame",
            flush=True,
        )
    return 0


def _is_absent(frame: "AbsenceFrame") -> bool:
    return not np.isfinite(frame.box).all()


def _tracked(tracker: "OnlineTracker", frames: "Sequence[AbsenceFrame]") -> _Result:
    from siamfc_jax.boxes import iou

    boxes: list[np.ndarray] = []
    truth: list[np.ndarray] = []
    lost, seconds = [], 0.0
    for frame in frames:
        began = time.perf_counter()
        if truth:
            boxes.append(tracker.update(frame.image))
        else:
            tracker.init(frame.image, frame.box)
            boxes.append(frame.box)
        # The second frame compiles.
        seconds += time.perf_counter() - began if len(boxes) > 2 else 0.0
        truth.append(frame.box)
        lost.append(tracker.lost)
    overlaps, is_lost = iou(np.stack(boxes), np.stack(truth)), np.asarray(lost)
    there = np.isfinite(np.stack(truth)).all(1)
    after = there & (np.cumsum(~there) > 0)
    good = there & (overlaps >= 0.5)
    return _Result(
        float(overlaps[there].mean()),
        _share(good[after]),
        _share(is_lost[~there]),
        _share(is_lost[good]),
        1000 * seconds / (len(boxes) - 2),
    )


def _share(flags_of_frames: np.ndarray) -> float:
    """NaN where there is no such frame."""
    return float(flags_of_frames.mean()) if len(flags_of_frames) else math.nan


def _mean(values: Sequence[float]) -> float:
    """Of the clips that have a value."""
    known = np.asarray(values)[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


if __name__ == "__main__":
    cli.run(main)
