"""Where a training begins: a weight file, and fresh layers where it has none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.run_record import RunError
from siamfc_jax.models.backbone import Layers, Params, is_norm, is_of_head, norm_of
from siamfc_jax.models.network import Network, network_config
from siamfc_jax.weights import load_weights


def layers_from(path: Path, network: Network, fresh: Layers) -> Layers:
    """The layers of a weight file in training form, completed by `fresh` ones of `network`.

    The file may hold a backbone alone, or one with another head: SiamRPN can begin with a trained
    SiamFC, whose grouped convolutions are the same as ungrouped ones with zeros between the
    groups. What is not taken from the file is printed.

    Raises:
      WeightsError: the file cannot be read.
      RunError: its layers are not those of the network's backbone, or their norms are folded.
    """
    file = load_weights(path)
    fitted = {name: _fitted(layer, fresh.get(name)) for name, layer in sorted(file.params.items())}
    taken = {name: layer for name, layer in fitted.items() if layer is not None}
    _expect_backbone(path, fitted, taken, fresh)
    missing = [name for name in fresh if name not in taken]
    if missing:
        print(f"{path}: gives {len(taken)} of {len(fresh)} layers; fresh: {' '.join(missing)}")
    gain, ours = _gain(file.config.get("network", {})), _gain(network_config(network))
    if any(map(is_of_head, taken)) and gain != ours:
        print(f"warning: {path}: was trained with a gain of {gain}, and is now given {ours}")
    return {**fresh, **taken}


def _gain(config: Mapping[str, Any]) -> float | None:
    """Of a network's description."""
    return config.get("gain", config.get("head", {}).get("gain"))


def _expect_backbone(path: Path, found: Params, taken: Params, fresh: Layers) -> None:
    strange = [name for name in found if name not in taken and not is_of_head(name)]
    if strange:
        raise RunError(
            f"{path}: another network, or one whose batch norm is folded: {strange[0]} does not fit"
        )
    if all(map(is_of_head, taken)):
        raise RunError(f"{path}: holds no layer of this network")
    normed = [name for name in taken if norm_of(name) in fresh and not is_norm(fresh[name])]
    if normed and not any(is_norm(layer) for layer in taken.values()):
        raise RunError(f"{path}: its batch norm is folded: {normed[0]} lacks {norm_of(normed[0])}")


def _fitted(layer: Params, fresh: Params | None) -> dict[str, Any] | None:
    """`layer` in the shapes of `fresh`; None: it is no such layer."""
    if fresh is None or layer.keys() != fresh.keys():
        return None
    arrays = {name: _ungrouped(np.asarray(layer[name]), np.shape(fresh[name])) for name in layer}
    same = all(array.shape == np.shape(fresh[name]) for name, array in arrays.items())
    return arrays if same else None


def _ungrouped(kernel: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """A grouped kernel [h, w, i / g, o] as one of `shape` [h, w, i, o] that computes the same."""
    if kernel.ndim != 4 or len(shape) != 4 or shape[2] % kernel.shape[2]:
        return kernel
    *window, per_group, outputs = kernel.shape
    groups = shape[2] // per_group
    if groups == 1 or outputs % groups:
        return kernel
    whole = np.zeros((*window, shape[2], outputs), kernel.dtype)
    for inputs, part in zip(
        np.split(np.arange(shape[2]), groups), np.split(np.arange(outputs), groups), strict=True
    ):
        whole[:, :, inputs[:, None], part] = kernel[..., part]
    return whole
