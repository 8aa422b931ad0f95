"""Where a training begins: a weight file, and fresh layers where it has none."""

from pathlib import Path

import jax
import numpy as np

from experiments.run_record import RunError
from siamfc_jax.models.backbone import Layers, Params, is_of_head, norm_of
from siamfc_jax.models.network import Network
from siamfc_jax.weights import load_weights


def layers_from(path: Path, network: Network, fresh: Layers) -> Layers:
    """The layers of a weight file in training form, completed by `fresh` ones of `network`.

    The file may hold a backbone alone, or one with another head. What is not taken from it is
    printed.

    Raises:
      WeightsError: the file cannot be read.
      RunError: its layers are not those of the network's backbone, or their norms are folded.
    """
    file = load_weights(path)
    found = dict(sorted(file.params.items()))
    taken = {name: layer for name, layer in found.items() if _fits(layer, fresh.get(name))}
    _expect_backbone(path, found, taken, fresh)
    missing = [name for name in fresh if name not in taken]
    if missing:
        print(f"{path}: gives {len(taken)} of {len(fresh)} layers; fresh: {' '.join(missing)}")
    gain = file.config.get("network", {}).get("gain")
    ours = getattr(network, "gain", None)
    if "head" in taken and gain != ours:
        print(f"warning: {path}: was trained with a gain of {gain}, and is now given {ours}")
    return {**fresh, **taken}


def _expect_backbone(path: Path, found: Params, taken: Params, fresh: Layers) -> None:
    strange = [name for name in found if name not in taken and not is_of_head(name)]
    if strange:
        raise RunError(
            f"{path}: another network, or one whose batch norm is folded: {strange[0]} does not fit"
        )
    folded = [name for name in taken if norm_of(name) in fresh and norm_of(name) not in taken]
    if folded:
        raise RunError(f"{path}: its batch norm is folded: {folded[0]} lacks {norm_of(folded[0])}")
    if all(map(is_of_head, taken)):
        raise RunError(f"{path}: holds no layer of this network")


def _fits(layer: Params, fresh: Params | None) -> bool:
    return fresh is not None and jax.tree.map(np.shape, dict(layer)) == jax.tree.map(
        np.shape, dict(fresh)
    )
