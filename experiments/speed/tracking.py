"""Rows of tracking: frame by frame, a clip, many targets, many videos, starting the program."""

import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.speed.baseline import torch_trackers
from experiments.speed.nominal import tracking_work
from experiments.speed.precision import products_in
from experiments.speed.results import Result
from experiments.speed.roofline import Peaks, measure_peaks
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.subjects import in_types, rendered_clip
from experiments.speed.timing import Work, report, take_turns, there_and_back
from siamfc_jax.crops import Frames
from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.clip import track_clip_jit
from siamfc_jax.tracking.online import Model, MultiTracker, compiled_tracker
from siamfc_jax.tracking.slots import ModelSlots
from siamfc_jax.tracking.trackers import fast_tracking, make_tracker, searches_one_image


def live_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """One target, a frame at a time, from a uint8 frame on the host to a box on the host."""
    images, box = rendered_clip(settings)
    name = f"live step, {settings.width}x{settings.height} uint8 in, box out"
    return [
        _beside_pytorch(settings, typed, kind, images, np.asarray([box]), name, "frames/s")
        for kind, typed in in_types(settings, model)
    ]


def fast_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """As `live_row`, ours with one search image a frame; ours and PyTorch's with one of each scale
    beside it."""
    if searches_one_image(model.tracking):
        print("(this model has one search image a frame anyway: nothing to compare)")
        return []
    fast = fast_tracking(model.tracking)
    images, box = rendered_clip(settings)
    boxes = np.asarray([box])
    results = []
    for kind, typed in in_types(settings, model):
        works = {
            "ours": _updates(typed._replace(tracking=fast), images, boxes),
            "ours, each scale": _updates(typed, images, boxes),
            **_torch_updates(typed, images, boxes),
        }
        name = f"live step, one search image (--fast) beside one of each scale{_named(kind)}"
        results.append(report(name, take_turns(works, settings.seconds), 1, "frames/s"))
    return results


def clip_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """All frames of a clip in one compiled call."""
    images, box = rendered_clip(settings)
    tracker = make_tracker(model.network, model.tracking)
    canvases = [on_canvas([image]) for image in images]
    clip = jax.device_put(
        Frames(np.stack([c.pixels for c in canvases]), np.stack([c.sizes for c in canvases]))  # type: ignore[arg-type]
    )
    first = jax.device_put(canvases[0])
    compiled = compiled_tracker(model.network, model.tracking)
    boxes = jnp.asarray([box], jnp.float32)
    results = []
    for kind, typed in in_types(settings, model):
        params = typed.prepared()
        state, _ = compiled.init(params, first, boxes, jnp.zeros(1, jnp.int32))
        work = Work(partial(track_clip_jit, tracker, params, state, clip))
        name = f"scanned clip, {len(images)} frames on the device{_named(kind)}"
        times = take_turns({"ours": work}, settings.seconds)
        results.append(report(name, times, len(images), "frames/s"))
    return results


def batched_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """Many targets of one video."""
    images, box = rendered_clip(settings)
    offsets = np.random.default_rng(0).uniform(-40, 40, (settings.targets, 2))
    boxes = np.asarray([(box[0] + dx, box[1] + dy, box[2], box[3]) for dx, dy in offsets])
    name = f"{settings.targets} targets of one video as one batch"
    results = []
    with products_in("float32"):
        plain = _boxes_of(model, images, boxes)
    for kind, typed in in_types(settings, model):
        unit = "target-frames/s"
        results.append(_beside_pytorch(settings, typed, kind, images, boxes, name, unit))
        if kind != "float32":
            apart = float(np.abs(_boxes_of(typed, images, boxes) - plain).max())
            print(f"  boxes at most {apart:.3f} pixels from float32's")
    return results


def sequences_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """Many videos at once, one target each, as evaluation runs them: all frames copied, all boxes
    read two steps late."""
    images, box = rendered_clip(settings)
    results = []
    for kind, typed in in_types(settings, model):
        slots = ModelSlots(typed)
        canvas = slots.canvas((settings.width, settings.height))
        lanes = settings.videos
        tracker = slots(canvas, lanes, 1)
        sizes = np.tile(np.asarray([settings.width, settings.height], np.int32), (lanes, 1))
        pixels = [np.repeat(on_canvas([image]).pixels, lanes, axis=0) for image in images]
        start = np.asarray(box, np.float32)
        tracker.advance(pixels[0], sizes, dict.fromkeys(range(lanes), start), 0)
        step = _Late(partial(tracker.advance, sizes=sizes, starts={}, n_slots=lanes))
        frames = there_and_back(pixels)
        times = take_turns({"ours": Work(partial(_next, step, frames))}, settings.seconds)
        name = f"{lanes} videos as one batch{_named(kind)}"
        results.append(report(name, times, lanes, "frames/s"))
    return results


class _Late:
    """Calls something whose results are read two calls late, so that the device need not wait."""

    def __init__(self, begin: Callable[[np.ndarray], Callable[[], Any]]) -> None:
        self._begin = begin
        self._pending: deque[Callable[[], Any]] = deque()

    def __call__(self, pixels: np.ndarray) -> Any:
        self._pending.append(self._begin(pixels))
        return self._pending.popleft()() if len(self._pending) > 2 else None


def _named(kind: str) -> str:
    return "" if kind == "float32" else f", {kind}"


def _beside_pytorch(
    settings: BenchmarkSettings,
    model: Model,
    kind: str,
    images: list[np.ndarray],
    boxes: np.ndarray,
    name: str,
    unit: str,
) -> Result:
    ours = _updates(model, images, boxes)
    works = {"ours": ours, **_torch_updates(model, images, boxes)}
    times = take_turns(works, settings.seconds)
    result = report(f"{name}{_named(kind)}", times, len(boxes), unit)
    peaks = measure_peaks(kind, min(1.0, settings.seconds / 10))
    _print_floor(model, peaks, len(boxes), images[0], float(np.median(times["ours"])))
    return result


def _updates(model: Model, images: list[np.ndarray], boxes: np.ndarray) -> Work:
    tracker = MultiTracker(model)
    tracker.init(images[0], boxes)
    return _each_frame(tracker, images)


def _torch_updates(model: Model, images: list[np.ndarray], boxes: np.ndarray) -> dict[str, Work]:
    trackers = torch_trackers(model, images[0], boxes)
    return {who: _each_frame(tracker, images) for who, tracker in trackers.items()}


def _each_frame(tracker: Any, images: list[np.ndarray]) -> Work:
    """Updates of a tracker that has been started."""
    return Work(partial(_next, tracker.update, there_and_back(images)))


def _next(step: Callable[[np.ndarray], Any], frames: Iterator[np.ndarray]) -> Any:
    return step(next(frames))


def _print_floor(
    model: Model, peaks: Peaks, targets: int, image: np.ndarray, seconds: float
) -> None:
    """What nominal arithmetic and bytes would take at the device's measured peaks; Winograd's ways
    need less arithmetic."""
    work = tracking_work(model, targets)
    computing = work.flops / peaks.flops
    moving = (work.bytes + image.nbytes) / peaks.bytes
    floor = max(computing, moving)
    print(
        f"  nominal floor: {work.flops / 1e9:.2f} GFLOP in {computing * 1e3:.2f} ms, "
        f"{(work.bytes + image.nbytes) / 1e6:.1f} MB in {moving * 1e3:.2f} ms at the measured "
        f"peaks; the step takes {seconds / floor:.2f} times as long"
    )


def _boxes_of(model: Model, images: list[np.ndarray], boxes: np.ndarray) -> np.ndarray:
    """Of all targets over the clip, [N - 1, T, 4]."""
    tracker = MultiTracker(model)
    tracker.init(images[0], boxes)
    return np.asarray([tracker.update(image)[0] for image in images[1:]])


def cold_start_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """Seconds that `experiments.track` takes for two frames, from start to exit."""
    command = [sys.executable, "-m", "experiments.track", f"--model={settings.model}"]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": f"{folder}/cache"}
        for cache in ("empty", "warm", "warm"):
            began = time.perf_counter()
            subprocess.run(
                [*command, "--max_frames=2", f"--out={folder}/out"],
                env=environment,
                check=True,
                capture_output=True,
            )
            seconds = time.perf_counter() - began
            print(f"experiments.track, 2 frames, {cache} compilation cache: {seconds:.1f} s")
    return []
