"""A tracker as StableHLO, serialised by `jax.export`: one file for CPUs and NVIDIA's GPUs."""

import os
from pathlib import Path
from typing import Any

import jax
from jax import export

from siamfc_jax.export.artefacts import Function, Source, expect_folder, write_artefacts
from siamfc_jax.export.branches import settled
from siamfc_jax.export.plain import plain_tracker, signature
from siamfc_jax.tracking.compiling import CPU_OPTIONS

PLATFORMS = ("cpu", "cuda")

_CALLS = {
    "init": "init(frame, boxes) -> (state, prediction)",
    "step": "step(state, frame) -> (state, prediction)",
    "dicts": "states and predictions are dicts by the names after the dot",
}


def write_stablehlo(source: Source, folder: str | os.PathLike[str]) -> list[Path]:
    """Write init.stablehlo, step.stablehlo and stablehlo.json; returns their paths.

    The functions are those of `plain.PlainTracker`, with the parameters inside, for any number of
    targets and any size of frames; `jax.export.deserialize(...).call` runs them, and compiles once
    for each number and size. `step` holds the parameters twice: as they are, and as the products
    that its lowering for CPUs multiplies with (`models/conv.py`).

    Raises:
      StorageError: they cannot be written.
    """
    folder = Path(folder)
    expect_folder(folder)
    model = source.model
    tracker = plain_tracker(model.network, model.tracking, model.params, model.prepared())
    signed = signature(tracker)
    first, then = (_exported(tracker.init, *signed.first), _exported(tracker.step, *signed.then))
    states = _dotted("state", signed.state)
    results = {**states, **_dotted("prediction", signed.prediction)}
    frame, boxes = signed.first
    functions = {
        "init": Function(first, {"frame": frame, "boxes": boxes}, results),
        "step": Function(then, {**states, "frame": frame}, results),
    }
    more = {
        "calls": _CALLS,
        "platforms": PLATFORMS,
        "compiler_options": {"cpu": CPU_OPTIONS},
    }
    return write_artefacts(folder, "stablehlo", functions, source, more)


def _exported(function: Any, *arguments: Any) -> bytes:
    jitted = jax.jit(settled(function, every=False))
    return bytes(export.export(jitted, platforms=PLATFORMS)(*arguments).serialize())


def _dotted(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}
