"""A folder with exported functions, and a JSON file that says how to call them."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from siamfc_jax.durable import StorageError, naming, write_whole
from siamfc_jax.loading import load_model, weight_path
from siamfc_jax.models.network import network_config
from siamfc_jax.tracking.online import Model
from siamfc_jax.weights import load_weights

FORMAT = "siamfc_jax-export-1"

CONVENTIONS = {
    "frame": "uint8 [H, W, 3], RGB, as decoded: no canvas, no scaling, no mean subtracted",
    "box": "float32 (x, y, w, h) in pixels of the frame: (x, y) is the upper-left corner in "
    "continuous coordinates whose origin is the upper-left corner of the upper-left pixel, "
    "so that pixel i spans [i, i + 1)",
    "use": "init with the first frame and the targets' boxes, each with an area and its centre in "
    "the frame; then step with every further frame of the same size and the state that the call "
    "before returned",
    "T": "number of targets, at least 1",
    "H, W": "height and width of the frame in pixels",
}


class Source(NamedTuple):
    """A model, and the file that it was read from.

    Attributes:
      sha256: of the weight file's content, as `siamfc_jax.weights` computes it.
    """

    model: Model
    file: str
    sha256: str


class Function(NamedTuple):
    """An exported function: its file's content, and names, shapes and types in their order."""

    content: bytes
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


def read_source(name_or_path: str | os.PathLike[str] = "siamfc-3s", fast: bool = False) -> Source:
    """The model of a shipped name or a weight file; arguments and errors as
    `loading.load_model`."""
    path = weight_path(os.fspath(name_or_path))
    return Source(load_model(name_or_path, fast=fast), path.name, load_weights(path).sha256)


def expect_folder(folder: Path) -> None:
    """Raises StorageError if files cannot be written there, before any work was done for them."""
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder}: is a file; name another folder")
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_artefacts(
    folder: Path,
    kind: str,
    functions: Mapping[str, Function],
    source: Source,
    more: Mapping[str, Any],
) -> list[Path]:
    """Write NAME.kind for every function, and kind.json, whose presence says that all is there.

    Returns the paths. Raises StorageError.
    """
    manifest_path = folder / f"{kind}.json"
    with naming(manifest_path):
        manifest_path.unlink(missing_ok=True)
    paths, described = [], {}
    for name, function in functions.items():
        path = folder / f"{name}.{kind}"
        write_whole(path, function.content)
        paths.append(path)
        described[name] = {
            "file": path.name,
            "bytes": len(function.content),
            "sha256": hashlib.sha256(function.content).hexdigest(),
            "inputs": _described(function.inputs.items()),
            "outputs": _described(function.outputs.items()),
        }
    manifest = {
        "format": FORMAT,
        "kind": kind,
        "written_with": f"jax {jax.__version__}",
        "weights": {"file": source.file, "sha256": source.sha256},
        "network": network_config(source.model.network),
        "tracking": dataclasses.asdict(source.model.tracking),
        "conventions": CONVENTIONS,
        "functions": described,
        **more,
    }
    write_whole(manifest_path, (json.dumps(manifest, indent=2) + "\n").encode())
    return [*paths, manifest_path]


def _described(arrays: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "shape": [size if isinstance(size, int) else str(size) for size in array.shape],
            "dtype": np.dtype(array.dtype).name,
        }
        for name, array in arrays
    ]
