"""Rows of tracking: frame by frame, a scanned clip, many targets, and starting the program."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from data_prep.synthetic import DEMO, render_clip
from experiments.speed.baseline import torch_device, torch_tracker
from experiments.speed.results import Result
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.timing import Work, report, take_turns, there_and_back
from siamfc_jax.crops import Frames
from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.clip import track_clip_jit
from siamfc_jax.tracking.online import Model, MultiTracker, compiled_tracker
from siamfc_jax.tracking.trackers import make_tracker

_CLIP_FRAMES = 16


def live_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """One target, a frame at a time, from a uint8 frame on the host to a box on the host."""
    images, box = _clip_of(settings)
    ours = MultiTracker(model)
    ours.init(images[0], [box])
    frames = there_and_back(images)
    works = {"ours": Work(lambda: ours.update(next(frames)))}
    if device := torch_device():
        baseline = torch_tracker(model, device)
        baseline.init(images[0], box)
        works["PyTorch"] = Work(lambda: baseline.update(next(frames)))
    name = f"live step, {settings.width}x{settings.height} uint8 in, box out"
    return [report(name, take_turns(works, settings.seconds), 1, "frames/s")]


def clip_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """All frames of a clip in one compiled call."""
    images, box = _clip_of(settings)
    tracker = make_tracker(model.network, model.tracking)
    params = model.network.prepare(jax.device_put(model.params))
    canvases = [on_canvas([image]) for image in images]
    clip = jax.device_put(
        Frames(np.stack([c.pixels for c in canvases]), np.stack([c.sizes for c in canvases]))  # type: ignore[arg-type]
    )
    first = jax.device_put(canvases[0])
    compiled = compiled_tracker(model.network, model.tracking)
    boxes = jnp.asarray([box], jnp.float32)
    state, _ = compiled.init(params, first, boxes, jnp.zeros(1, jnp.int32))
    works = {"ours": Work(lambda: track_clip_jit(tracker, params, state, clip))}
    name = f"scanned clip, {len(images)} frames on the device"
    return [report(name, take_turns(works, settings.seconds), len(images), "frames/s")]


def batched_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """Many targets of one video."""
    images, box = _clip_of(settings)
    offsets = np.random.default_rng(0).uniform(-40, 40, (settings.targets, 2))
    boxes = np.asarray([(box[0] + dx, box[1] + dy, box[2], box[3]) for dx, dy in offsets])
    ours = MultiTracker(model)
    ours.init(images[0], boxes)
    frames = there_and_back(images)
    works = {"ours": Work(lambda: ours.update(next(frames)))}
    name = f"{settings.targets} targets of one video as one batch"
    times = take_turns(works, settings.seconds)
    return [report(name, times, settings.targets, "target-frames/s")]


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


def _clip_of(
    settings: BenchmarkSettings,
) -> tuple[list[np.ndarray], tuple[float, float, float, float]]:
    config = replace(DEMO, width=settings.width, height=settings.height, n_frames=_CLIP_FRAMES)
    clip = render_clip(config, seed=0)
    x, y, w, h = (float(value) for value in clip.boxes[0, 0])
    return list(clip.frames), (x, y, w, h)
