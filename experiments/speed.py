"""The rows that `experiments.benchmark` prints."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from data_prep.synthetic import DEMO, render_clip
from siamfc_jax.crops import Frames
from siamfc_jax.loading import load_model
from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.clip import track_clip_jit
from siamfc_jax.tracking.online import Model, MultiTracker, compiled_tracker
from siamfc_jax.tracking.siamfc import siamfc_tracker
from siamfc_jax.training.step import TrainSettings, init_state, make_train_step

_CLIP_FRAMES = 16


@dataclass(frozen=True)
class BenchmarkSettings:
    """What to measure; the fields are the flags of `experiments.benchmark`."""

    rows: tuple[str, ...] = ("live",)
    model: str = "siamfc-3s"
    seconds: float = 15.0
    width: int = 640
    height: int = 480
    targets: int = 0
    search_size: int = 239
    batch: int = 8


def benchmark(settings: BenchmarkSettings) -> None:
    """Print a line for every row.

    Raises:
      ValueError: an unknown row. WeightsError: the model cannot be read.
    """
    rows = {
        "live": _live,
        "clip": _clip,
        "batched": _batched,
        "train": _train,
        "cold_start": _cold_start,
    }
    unknown = set(settings.rows) - set(rows)
    if unknown:
        raise ValueError(f"no row {', '.join(sorted(unknown))}; there are {', '.join(rows)}")
    device = jax.devices()[0]
    print(f"{device.platform} {device.device_kind}, {os.cpu_count()} cores, jax {jax.__version__}")
    model = load_model(settings.model)
    for row in settings.rows:
        rows[row](settings, model)


def _live(settings: BenchmarkSettings, model: Model) -> None:
    images, box = _clip_of(settings)
    ours = MultiTracker(model)
    ours.init(images[0], [box])
    frames = _endless(images)
    functions = {"ours": lambda: ours.update(next(frames))}
    baseline = _torch_tracker(model)
    if baseline:
        baseline.init(images[0], box)
        functions["PyTorch"] = lambda: baseline.update(next(frames))
    name = f"live step, {settings.width}x{settings.height} uint8 in, box out"
    _report(name, _take_turns(functions, settings.seconds), 1, "frames/s")


def _clip(settings: BenchmarkSettings, model: Model) -> None:
    images, box = _clip_of(settings)
    tracker = siamfc_tracker(model.network, model.tracking)
    params = model.network.prepare(jax.device_put(model.params))
    canvases = [on_canvas([image]) for image in images]
    clip = jax.device_put(
        Frames(np.stack([c.pixels for c in canvases]), np.stack([c.sizes for c in canvases]))  # type: ignore[arg-type]
    )
    first = jax.device_put(canvases[0])
    compiled = compiled_tracker(model.network, model.tracking)
    boxes = jnp.asarray([box], jnp.float32)
    state, _ = compiled.init(params, first, boxes, jnp.zeros(1, jnp.int32))

    def run() -> None:
        jax.block_until_ready(track_clip_jit(tracker, params, state, clip))

    times = _take_turns({"ours": run}, settings.seconds)
    _report(f"scanned clip, {len(images)} frames on the device", times, len(images), "frames/s")


def _batched(settings: BenchmarkSettings, model: Model) -> None:
    on_cpu = jax.devices()[0].platform == "cpu"
    targets = settings.targets or (4 if on_cpu else 64)
    images, box = _clip_of(settings)
    offsets = np.random.default_rng(0).uniform(-40, 40, (targets, 2))
    boxes = np.asarray([(box[0] + dx, box[1] + dy, box[2], box[3]) for dx, dy in offsets])
    ours = MultiTracker(model)
    ours.init(images[0], boxes)
    frames = _endless(images)
    times = _take_turns({"ours": lambda: ours.update(next(frames))}, settings.seconds)
    _report(f"{targets} targets of one video as one batch", times, targets, "target-frames/s")


def _train(settings: BenchmarkSettings, model: Model) -> None:
    train = TrainSettings(batch=settings.batch, search_size=settings.search_size)
    state = init_state(jax.random.key(0), model.network, train)
    step = jax.jit(make_train_step(model.network, train), donate_argnums=0)
    room = settings.search_size + 20
    crops = np.random.default_rng(0).integers(0, 256, (2, settings.batch, room, room, 3), np.uint8)
    holder = [state]

    def ours() -> None:
        holder[0], metrics = step(holder[0], jax.random.key(1), crops[0], crops[1])
        jax.block_until_ready((holder[0], metrics))

    functions: dict[str, Callable[[], Any]] = {"ours": ours}
    baseline = _torch_tracker(model)
    if baseline:
        from experiments.torch_baseline import torch_train_step

        functions["PyTorch"] = torch_train_step(baseline, settings.batch, settings.search_size)
    name = f"training step, batch {settings.batch}, search {settings.search_size} (ours augments)"
    _report(name, _take_turns(functions, settings.seconds), settings.batch, "pairs/s")


def _cold_start(settings: BenchmarkSettings, model: Model) -> None:
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


def _clip_of(
    settings: BenchmarkSettings,
) -> tuple[list[np.ndarray], tuple[float, float, float, float]]:
    config = replace(DEMO, width=settings.width, height=settings.height, n_frames=_CLIP_FRAMES)
    clip = render_clip(config, seed=0)
    x, y, w, h = (float(value) for value in clip.boxes[0, 0])
    return list(clip.frames), (x, y, w, h)


def _endless(images: list[np.ndarray]) -> Any:
    while True:
        yield from images[1:]
        yield from images[-2:0:-1]


def _torch_tracker(model: Model) -> Any:
    try:
        import torch
    except ModuleNotFoundError:
        print("(no PyTorch here: pip install '.[benchmark]' for the baseline)")
        return None
    from experiments.torch_baseline import TorchSiamFC

    torch.set_num_threads(os.cpu_count() or 1)
    use_cuda = jax.devices()[0].platform == "gpu" and torch.cuda.is_available()
    return TorchSiamFC(model, "cuda" if use_cuda else "cpu")


def _take_turns(functions: dict[str, Callable[[], Any]], seconds: float) -> dict[str, list[float]]:
    """Seconds of each call; every function is called twice before, and in turn."""
    for function in functions.values():
        function()
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for name, function in functions.items():
            began = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - began)
    return times


def _report(name: str, times: dict[str, list[float]], per_call: int, unit: str) -> None:
    print(name)
    for who, seconds in times.items():
        low, middle, high = np.percentile(seconds, [10, 50, 90])
        print(
            f"  {who:<8} {middle * 1e3:9.2f} ms (10..90 %: {low * 1e3:.2f}..{high * 1e3:.2f}, "
            f"{len(seconds)} calls) {per_call / middle:10.1f} {unit}"
        )
    if len(times) == 2:
        ours, theirs = (float(np.median(seconds)) for seconds in times.values())
        print(f"  ours / PyTorch: {ours / theirs:.2f} of its time")
