"""Weight files as safetensors files of PyTorch state dicts, and back."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors import numpy as safetensors_numpy

from siamfc_jax.durable import write_whole
from siamfc_jax.export.torch_layout import from_torch, layout_of, to_torch
from siamfc_jax.loading import load_model, weight_path
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.network import network_of_config
from siamfc_jax.weights import WeightFile, WeightsError, load_weights

FORMAT = "siamfc_jax-torch-1"


def write_torch(
    name_or_path: str | os.PathLike[str], path: str | os.PathLike[str], *, folded: bool = False
) -> Path:
    """Write the weights of a shipped name or a weight file as a state dict, see `torch_layout`.

    `safetensors.torch.load_file` reads it. Batch norms mean PyTorch's default epsilon, 1e-5. The
    metadata holds what a state dict cannot: network, tracking settings, layout and colour order.

    Args:
      folded: absorb batch norms into the convolutions, for inference.

    Raises:
      WeightsError: there are no such weights, or they cannot track.
      ValueError: they cannot be written without loss.
      StorageError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(
            f"{path}: is not called .safetensors; name a file, such as torch.safetensors"
        )
    source = weight_path(os.fspath(name_or_path))
    if path.resolve() == source.resolve():
        raise ValueError(f"{path}: the model lies there and would be overwritten; choose another")
    network = load_model(name_or_path).network
    file = load_weights(source)
    layers = fold_batch_norm(file.params) if folded else file.params
    layout = layout_of(network)
    metadata = {
        "format": "pt",
        "siamfc_jax": FORMAT,
        "config": json.dumps(file.config, sort_keys=True),
        "layout": layout.name,
        "color_order": "bgr" if layout.bgr else "rgb",
        "weights": source.name,
        "sha256": file.sha256,
        "notes": file.notes,
    }
    write_whole(path, safetensors_numpy.save(to_torch(network, layers), metadata))
    return path


def read_torch(path: str | os.PathLike[str]) -> WeightFile:
    """What `write_torch` wrote: the same parameters, folded if they were; its sha256 is that of
    the weight file it was made from.

    Raises:
      WeightsError: there is no such file, it is damaged, or it was not written by `write_torch`.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="np") as file:
            metadata: Mapping[str, Any] = file.metadata() or {}
            arrays = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: there is no such file; check the path") from error
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: is damaged or cannot be read ({error})") from error
    if metadata.get("siamfc_jax") != FORMAT:
        raise WeightsError(
            f"{path}: was not written by experiments.export --format=torch; a state dict of "
            "another origin is imported from its .pth"
        )
    try:
        config = json.loads(metadata["config"])
        layers = from_torch(network_of_config(config["network"]), arrays)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path}: is damaged ({error})") from error
    return WeightFile(layers, config, metadata["notes"], metadata["sha256"])
