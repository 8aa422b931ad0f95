"""From a PyTorch state dict of a SiamFC port to its layers, by shape and order, not by name.

- A module is what shares a name up to the last dot; wrappers common to all names
  (`module.`, `backbone.`) do not matter.
- A module with a 4-D weight is a convolution, one with a `running_mean` a batch norm, which
  belongs to the convolution before it.
- The embedding is the first convolution and those beside it: under the same first name, numbers
  aside (`features.0`, `features.4`; `conv1`, `conv2.0`; `layer1.0`, `layer2.0`).
- A module of single elements is the head: a 1x1 convolution, a batch norm (an affine map), or a
  lone bias (`corr_bias`) beside the fixed gain of 1e-3. Without any of these the bias is 0.

A state dict stores neither strides nor the batch norm's epsilon: those of `alexnet` and
PyTorch's default are assumed, and said so in the notes.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from data_prep.weights.alexnet import pool_strides_of, strides_of
from data_prep.weights.imported import (
    BatchNorm,
    ColorOrder,
    ConvLayer,
    Head,
    Imported,
    assemble,
    batch_norm,
)
from siamfc_jax.weights import WeightsError

_TORCH_EPSILON = 1e-5
_BGR_MARKS = ("rpn", "neck", "layer1", "featureextract", "conv_cls", "conv_r1")

Modules = dict[str, dict[str, np.ndarray]]


class Parts(NamedTuple):
    convolutions: list[str]
    norm_after: dict[str, str]
    head: list[str]
    left_out: list[str]


def import_torch(
    state_dict: Mapping[str, np.ndarray], color_order: ColorOrder | None = None
) -> Imported:
    """Reads a state dict. `color_order` None: decided by `guess_color_order`."""
    guessed = color_order is None
    order = color_order or guess_color_order(state_dict)
    modules = modules_of(state_dict)
    parts = find_parts(modules)
    layers = conv_layers(modules, parts)
    notes = [
        f"PyTorch state dict, embedding of {len(layers)} convolutions.",
        "Strides are not in a state dict; total stride "
        f"{np.prod([max(layer.pool_stride, 1) * layer.stride for layer in layers])} is assumed.",
    ]
    if parts.norm_after:
        notes.append(f"Batch-norm epsilon is not in a state dict; {_TORCH_EPSILON:g} is assumed.")
    if guessed:
        notes.append(f"Colour order {order.upper()} is taken from the port's naming.")
    if parts.left_out:
        notes.append(f"Not imported: {', '.join(parts.left_out)}.")
    return assemble(layers, _head(modules, parts), order, notes)


def guess_color_order(state_dict: Mapping[str, object]) -> ColorOrder:
    """BGR for the names of the SiamRPN family (PySOT, DaSiamRPN), which feeds OpenCV's BGR.

    RGB for all others: the SiamFC ports convert to RGB, as MATLAB's original reads it.
    """
    names = [name.lower() for name in state_dict]
    return "bgr" if any(mark in name for name in names for mark in _BGR_MARKS) else "rgb"


def modules_of(state_dict: Mapping[str, np.ndarray]) -> Modules:
    """The arrays of each module, by its name and theirs."""
    modules: Modules = {}
    for name, array in state_dict.items():
        module, _, attribute = name.rpartition(".")
        if attribute != "num_batches_tracked":
            modules.setdefault(module, {})[attribute] = array
    return modules


def find_parts(modules: Modules) -> Parts:
    """Which modules are the embedding's; raises WeightsError if they are not one plain stack."""
    wrappers = _common_wrappers([f"{name}.{a}" for name, module in modules.items() for a in module])
    roots = {name: _root(name, wrappers) for name in modules}
    head = [name for name in modules if _is_head(modules[name])]
    every = [name for name in modules if name not in head]
    convolutions = [name for name in every if _is_convolution(modules[name])]
    if not convolutions:
        raise WeightsError("holds no convolution weights; this is not a SiamFC network")
    embedding = [name for name in convolutions if roots[name] == roots[convolutions[0]]]
    norm_after: dict[str, str] = {}
    latest = ""
    for name in every:
        if name in convolutions:
            latest = name
        elif latest in embedding and "running_mean" in modules[name]:
            norm_after.setdefault(latest, name)
    used = {*embedding, *norm_after.values(), *head}
    left_out = [name for name in modules if name not in used]
    for name in left_out:
        if roots[name] == roots[embedding[0]]:
            raise WeightsError(
                f"{name}: is neither a convolution nor its batch norm; cannot import"
            )
    return Parts(embedding, norm_after, head, left_out)


def _common_wrappers(names: list[str]) -> int:
    """How many leading components all tensor names share."""
    components = [name.removeprefix(".").split(".") for name in names]
    depth = 0
    while all(len(c) > depth + 1 and c[depth] == components[0][depth] for c in components):
        depth += 1
    # `features.0`, `features.1`: the shared name is the stack itself; keep it as the root.
    return depth - 1 if depth and components[0][depth].isdigit() else depth


def _root(name: str, wrappers: int) -> str:
    return name.split(".")[min(wrappers, name.count("."))].rstrip("0123456789")


def _is_convolution(module: dict[str, np.ndarray]) -> bool:
    return "weight" in module and module["weight"].ndim == 4


def _is_head(module: dict[str, np.ndarray]) -> bool:
    # A lone one-element weight is no gain: it may be the slope of a PReLU.
    return all(array.size == 1 for array in module.values()) and (
        _is_convolution(module) or any(name.endswith("bias") for name in module)
    )


def conv_layers(modules: Modules, parts: Parts) -> list[ConvLayer]:
    """The embedding's layers, in order."""
    widths = [len(modules[name]["weight"]) for name in parts.convolutions]
    pool_strides = pool_strides_of(widths) + [0] * len(widths)
    return [
        ConvLayer(
            source=name,
            kernel=modules[name]["weight"].transpose(2, 3, 1, 0),
            bias=modules[name].get("bias"),
            batch_norm=batch_norm_of(parts.norm_after[name], modules)
            if name in parts.norm_after
            else None,
            stride=strides_of(index),
            pool_stride=pool_strides[index],
            relu=index < len(widths) - 1,
        )
        for index, name in enumerate(parts.convolutions)
    ]


def batch_norm_of(name: str, modules: Modules) -> BatchNorm:
    """The batch norm of module `name`."""
    module = modules[name]
    mean = module["running_mean"]
    return batch_norm(
        name,
        module.get("weight", np.ones_like(mean)),
        module.get("bias", np.zeros_like(mean)),
        mean,
        _variance(name, module) + _TORCH_EPSILON,
    )


def _variance(name: str, module: dict[str, np.ndarray]) -> np.ndarray:
    if "running_var" not in module:
        raise WeightsError(f"{name}: has a running_mean but no running_var")
    return module["running_var"].astype(np.float64)


def _head(modules: Modules, parts: Parts) -> Head:
    gain, bias = 1e-3, 0.0
    for name in parts.head:
        module = {attribute: array.item() for attribute, array in modules[name].items()}
        if "running_mean" in module:
            sigma = np.sqrt(_variance(name, modules[name]).item() + _TORCH_EPSILON)
            gain = module.get("weight", 1.0) / sigma
            bias = module.get("bias", 0.0) - module["running_mean"] * gain
        elif "weight" in module:
            gain, bias = module["weight"], module.get("bias", 0.0)
        else:
            bias = next(value for name, value in module.items() if name.endswith("bias"))
    return Head(gain, bias)
