"""Converts published SiamFC weights to a weight file of this project.

    python -m data_prep.import_weights SRC --out=FILE.safetensors

SRC is a MatConvNet DagNN (.mat), a PyTorch state dict (.pth, old or new) or plain arrays (.npz).
A state dict may also be of torchvision's ResNet-50, to start the training of a ResNet-22 from
ImageNet (experiments.train --initial), of SiamDW's CIResNet-22, or of a SiamRPN with an AlexNet
(DaSiamRPN's, PySOT's or siamrpn-pytorch's names). What experiments.export --format=torch wrote
(.safetensors) comes back as it was, with its settings.
Nothing inside SRC is ever executed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from absl import flags

from data_prep.weights.imported import ColorOrder, table
from data_prep.weights.reading import KINDS, Kind, import_file
from experiments import cli
from siamfc_jax.export.torch_files import read_torch
from siamfc_jax.weights import describe, save_weights

_OUT = flags.DEFINE_string("out", None, "Weight file to write (.safetensors).")
_KIND = flags.DEFINE_enum("kind", "auto", ["auto", *KINDS], "What SRC is.")
_COLOR_ORDER = flags.DEFINE_enum(
    "color_order",
    "auto",
    ["auto", "rgb", "bgr"],
    "Channel order the net was trained on; bgr flips its first layer once. auto: bgr for layer "
    "names of the SiamRPN family, else rgb.",
)

_HEAD_BIAS = flags.DEFINE_float(
    "head_bias", None, "Bias of the response map, for sources that lack theirs."
)


def main(args: Sequence[str]) -> None:
    if len(args) != 1 or not _OUT.value:
        raise ValueError("usage: python -m data_prep.import_weights SRC --out=FILE.safetensors")
    source, out = Path(args[0]), Path(_OUT.value)
    if source.suffix == ".safetensors":
        exported = read_torch(source)
        save_weights(out, exported.params, exported.config, notes=exported.notes)
        print(exported.notes, describe(out), sep="\n")
        return
    kind = cast(Kind | None, None if _KIND.value == "auto" else _KIND.value)
    order = cast(ColorOrder | None, None if _COLOR_ORDER.value == "auto" else _COLOR_ORDER.value)
    imported = import_file(source, kind, order)
    notes = "\n".join([f"Imported from {source.name!a}.", *imported.notes])
    if _HEAD_BIAS.value is not None and imported.config["arch"].startswith("siamrpn"):
        raise ValueError(f"{source}: is a SiamRPN, whose response has no bias; drop --head_bias")
    if _HEAD_BIAS.value is not None:
        imported.params["head"] = {"bias": np.float32(_HEAD_BIAS.value)}
        notes += f"\nThe bias of the response, {_HEAD_BIAS.value:g}, was given by hand."
    save_weights(out, imported.params, weight_file_config(imported.config), notes=notes)
    print(table(imported), notes, describe(out), sep="\n")


def weight_file_config(found: dict[str, Any]) -> dict[str, Any]:
    """The configuration under which `siamfc_jax.load` opens an imported network.

    A network of another shape than SiamFC's is kept with what was found in its file, for its
    weights' sake; `load` refuses it.
    """
    if found["arch"] != "siamfc-alexnet":
        return {"network": found}
    siamfc = {
        "strides": [2, 1, 1, 1, 1],
        "pool_strides": [2, 2, 0, 0, 0],
        "relu": [True] * 4 + [False],
    }
    if any(found[key] != value for key, value in siamfc.items()):
        return {"network": {**found, "arch": "other"}, "imported": found}
    network = {key: found[key] for key in ("arch", "gain", "widths", "groups")}
    return {"network": {**network, "norm_last": found["batch_norm"][-1]}, "imported": found}


if __name__ == "__main__":
    cli.run(main)
