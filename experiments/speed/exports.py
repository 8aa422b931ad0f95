"""Exported functions beside our own tracking, frame by frame on the demo clip."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export
from numpy.typing import NDArray

import siamfc_jax
from siamfc_jax.media.demo import demo_clip
from siamfc_jax.media.reading import open_frames

Step = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
Start = Callable[[NDArray[np.uint8], NDArray[np.float32]], Step]


def compare(kind: str, manifest: Path, model: str, fast: bool) -> str:
    """Milliseconds per frame of both, and how far their boxes are apart, as text; `model` and
    `fast` are those that were exported."""
    clip, box = demo_clip()
    with open_frames(clip) as source:
        frames = list(source)
    ours = siamfc_jax.load_multi(model, fast=fast)
    ours.init(frames[0], box[None])
    theirs = {"stablehlo": _stablehlo, "onnx": _onnx}[kind](manifest)(frames[0], box[None])
    steps: dict[str, Step] = {"ours": lambda frame: ours.update(frame)[0], kind: theirs}
    seconds, boxes = {}, {}
    # One after the other: threads of one runtime that wait for work would slow the other down.
    for name, step in steps.items():
        seconds[name], boxes[name] = _timed(step, frames[1:])
    furthest = np.abs(boxes["ours"] - boxes[kind]).max()
    height, width = frames[0].shape[:2]
    lines = [f"{len(frames) - 1} frames of {width}x{height} on {jax.default_backend()}, 1 target"]
    for name, taken in seconds.items():
        steady = 1e3 * taken[1:]
        lines.append(f"{name:<10} median {np.median(steady):7.1f} ms, least {steady.min():7.1f} ms")
    return "\n".join([*lines, f"boxes differ by {furthest:.2g} pixels at most"])


def _timed(
    step: Step, frames: Sequence[NDArray[np.uint8]]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Seconds, and boxes [1, 4], of every frame."""
    seconds, boxes = [], []
    for frame in frames:
        start = time.perf_counter()
        boxes.append(step(frame))
        seconds.append(time.perf_counter() - start)
    return np.asarray(seconds), np.stack(boxes)


def _stablehlo(manifest: Path) -> Start:
    described = json.loads(manifest.read_text())
    options = described["compiler_options"].get(jax.default_backend(), {})
    functions = {}
    for name, function in described["functions"].items():
        content = bytearray((manifest.parent / function["file"]).read_bytes())
        functions[name] = jax.jit(export.deserialize(content).call, compiler_options=options)

    def start(frame: NDArray[np.uint8], boxes: NDArray[np.float32]) -> Step:
        state, _ = functions["init"](frame, boxes)

        def step(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
            nonlocal state
            state, prediction = functions["step"](state, frame)
            return np.asarray(prediction["box"])

        return step

    return start


def _onnx(manifest: Path) -> Start:
    import onnxruntime

    described = json.loads(manifest.read_text())["functions"]
    functions = {
        name: onnxruntime.InferenceSession(manifest.parent / function["file"])
        for name, function in described.items()
    }

    def run(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        outputs = [output["name"] for output in described[name]["outputs"]]
        return dict(zip(outputs, functions[name].run(outputs, inputs), strict=True))

    def start(frame: NDArray[np.uint8], boxes: NDArray[np.float32]) -> Step:
        results = run("init", {"frame": frame, "boxes": boxes})
        states = [each["name"] for each in described["step"]["inputs"] if each["name"] != "frame"]

        def step(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
            nonlocal results
            state = {name: results[f"new_{name}"] for name in states}
            results = run("step", {"frame": frame, **state})
            return results["box"]

        return step

    return start
