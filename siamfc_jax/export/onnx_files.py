"""A tracker as two ONNX graphs of standard operators, for onnxruntime, TensorRT and others."""

import os
from pathlib import Path
from typing import Any

import jax

from siamfc_jax.export.artefacts import Function, Source, expect_folder, write_artefacts
from siamfc_jax.export.onnx_graph import OPSET
from siamfc_jax.export.onnx_program import onnx_model
from siamfc_jax.export.plain import plain_tracker, signature

_NAMES = {
    "state": "an output new_X of init or of step is the input X of the next step",
    "template": "its arrays in the state are what the network keeps of the exemplars",
}


def write_onnx(source: Source, folder: str | os.PathLike[str]) -> list[Path]:
    """Write init.onnx, step.onnx and onnx.json; returns their paths.

    The graphs hold all of tracking, from the uint8 frame to the box and the new state, for any
    number of targets and any size of frames. The template is an input of `step`: kernels of
    convolutions are initializers, and the correlation is a matrix product.

    Raises:
      ModuleNotFoundError: onnx is not installed.
      StorageError: they cannot be written.
    """
    import onnx  # noqa: F401 - before any work is done

    folder = Path(folder)
    expect_folder(folder)
    model = source.model
    tracker = plain_tracker(model.network, model.tracking, model.params, model.params)
    signed = signature(tracker)
    frame, boxes = signed.first
    state = {f"state_{name}": array for name, array in signed.state.items()}
    results = {f"new_{name}": array for name, array in state.items()} | signed.prediction
    notes = {"weights": source.file, "sha256": source.sha256, "manifest": "onnx.json"}

    def init(frame: jax.Array, boxes: jax.Array) -> list[jax.Array]:
        return jax.tree.leaves(tracker.init(frame, boxes))

    def step(frame: jax.Array, *leaves: jax.Array) -> list[jax.Array]:
        arrays = dict(zip(signed.state, leaves, strict=True))
        return jax.tree.leaves(tracker.step(arrays, frame))

    functions = {
        name: _function(name, function, inputs, results, notes)
        for name, function, inputs in (
            ("init", init, {"frame": frame, "boxes": boxes}),
            ("step", step, {"frame": frame, **state}),
        )
    }
    return write_artefacts(folder, "onnx", functions, source, {"names": _NAMES, "opset": OPSET})


def _function(
    name: str, function: Any, inputs: dict[str, Any], results: dict[str, Any], notes: dict[str, str]
) -> Function:
    model = onnx_model(function, inputs, list(results), name, notes)
    return Function(model.SerializeToString(deterministic=True), inputs, results)
