"""Parameters as the state dict of a public PyTorch implementation, and back, bit for bit.

Kernels are OIHW there. Names and orders of channels are those of
- SiamFC with an AlexNet: got-10k/siamfc (`backbone.conv1.0.weight`), fed RGB. What it fixes or
  lacks, gain and bias of the response, is called `head.weight` and `head.bias`;
- SiamFC with a ResNet-22: SiamDW (`features.features.layer1.0.conv1.weight`), fed BGR; likewise;
- SiamRPN: siamrpn-pytorch (`feature.0.weight`, `conv_cls_z.weight`), fed RGB;
- SiamRPN with a depth-wise head: PySOT (`rpn_head.cls.conv_kernel.0.weight`), fed BGR.

The values of the k anchors lie as [values, k] along the channels of all of them; ours as
[k, values]. They know no gain of the correlation: the kernels that make the templates take it up.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.backbone import is_of_head, norm_of
from siamfc_jax.models.network import Network
from siamfc_jax.models.rpn_heads import BRANCHES, VALUES, UpChannelHead
from siamfc_jax.models.siamfc import SiamFCNetwork

StateDict = dict[str, np.ndarray]
Layers = dict[str, dict[str, np.ndarray]]

_NORM = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
_IN_SEQUENCE = [(0, 1), (4, 5), (8, 9), (11, 12), (14, 15)]
_BOTTLENECK = {
    "a": ("conv1", "bn1"),
    "b": ("conv2", "bn2"),
    "c": ("conv3", "bn3"),
    "s": ("downsample.0", "downsample.1"),
}
_SIAMRPN_PYTORCH = {
    "head_conv_cls_template": "conv_cls_z",
    "head_conv_cls_search": "conv_cls_x",
    "head_conv_loc_template": "conv_reg_z",
    "head_conv_loc_search": "conv_reg_x",
    "head_conv_loc_adjust": "adjust_reg",
}
_PYSOT = {"template": "conv_kernel.{}", "search": "conv_search.{}", "joint": "head.{}"}


class Layout(NamedTuple):
    """Of a public implementation: its name, whether it is fed BGR, and for each of our
    convolutions the names of theirs and of the batch norm behind it."""

    name: str
    bgr: bool
    modules: dict[str, tuple[str, str]]


def layout_of(network: Network) -> Layout:
    """The layout in which `network` is written."""
    backbone = network.backbone
    if isinstance(network, SiamFCNetwork):
        if isinstance(backbone, AlexNetConfig):
            convs = {
                f"conv{n}": (f"backbone.conv{n}.0", f"backbone.conv{n}.1") for n in range(1, 6)
            }
            return Layout("got-10k/siamfc", False, convs)
        return Layout("SiamDW", True, dict(_resnet(backbone)))
    if isinstance(network.head, UpChannelHead):
        own = {ours: (theirs, "") for ours, theirs in _SIAMRPN_PYTORCH.items()}
        return Layout("siamrpn-pytorch", False, {**_sequence("feature"), **own})
    modules = _sequence("backbone.features")
    for branch in BRANCHES:
        for part, theirs in _PYSOT.items():
            conv, norm = (f"rpn_head.{branch}.{theirs.format(n)}" for n in (0, 1))
            modules[f"head_conv_{branch}_{part}"] = (conv, norm)
        modules[f"head_conv_{branch}_out"] = (f"rpn_head.{branch}.head.3", "")
    return Layout("PySOT", True, modules)


def to_torch(network: Network, layers: Mapping[str, Mapping[str, Any]]) -> StateDict:
    """Layers, in training form or folded, as a state dict of float32 arrays (and the int64
    `num_batches_tracked` that PyTorch's batch norms ask for).

    Raises:
      ValueError: the gain of a SiamRPN's correlation is no power of two, so that kernels which take
        it up would lose bits.
    """
    layout, arrays = layout_of(network), {}
    for ours, (conv, norm) in layout.modules.items():
        if ours not in layers:
            continue
        layer = {name: np.asarray(array) for name, array in layers[ours].items()}
        layer = _scaled(network, ours, layer, 1.0)
        if layout.bgr and ours == "conv1":
            layer["kernel"] = layer["kernel"][:, :, ::-1]
        layer = _reordered(network, ours, layer, values_first=True)
        arrays[f"{conv}.weight"] = layer["kernel"].transpose(3, 2, 0, 1)
        if "bias" in layer:
            arrays[f"{conv}.bias"] = layer["bias"]
        for ours_too, theirs in _NORM.items() if norm_of(ours) in layers else ():
            arrays[f"{norm}.{theirs}"] = np.asarray(layers[norm_of(ours)][ours_too])
            arrays[f"{norm}.num_batches_tracked"] = np.asarray(0, np.int64)
    if isinstance(network, SiamFCNetwork):
        arrays["head.weight"] = np.full((1, 1, 1, 1), network.gain, np.float32)
        arrays["head.bias"] = np.asarray(layers["head"]["bias"]).reshape(1)
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def from_torch(network: Network, state_dict: Mapping[str, np.ndarray]) -> Layers:
    """Inverse of `to_torch`; KeyError: an array is missing."""
    layout, layers = layout_of(network), {}
    for ours, (conv, norm) in layout.modules.items():
        if ours == "head_conv_loc_adjust" and f"{conv}.weight" not in state_dict:
            continue
        layer = {"kernel": state_dict[f"{conv}.weight"].transpose(2, 3, 1, 0)}
        if f"{conv}.bias" in state_dict:
            layer["bias"] = state_dict[f"{conv}.bias"]
        layer = _reordered(network, ours, layer, values_first=False)
        if layout.bgr and ours == "conv1":
            layer["kernel"] = layer["kernel"][:, :, ::-1]
        layers[ours] = _scaled(network, ours, layer, -1.0)
        if f"{norm}.running_var" in state_dict:
            layers[norm_of(ours)] = {
                name: state_dict[f"{norm}.{theirs}"] for name, theirs in _NORM.items()
            }
    if isinstance(network, SiamFCNetwork):
        layers["head"] = {"bias": state_dict["head.bias"].reshape(())}
    return {
        layer: {
            name: np.ascontiguousarray(array).reshape(array.shape) for name, array in own.items()
        }
        for layer, own in layers.items()
    }


def _sequence(prefix: str) -> dict[str, tuple[str, str]]:
    return {
        f"conv{n}": (f"{prefix}.{conv}", f"{prefix}.{norm}")
        for n, (conv, norm) in enumerate(_IN_SEQUENCE, start=1)
    }


def _resnet(backbone: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    for layer in (linear.name for linear in backbone.linears()):
        if layer == "conv1":
            yield layer, ("features.features.conv1", "features.features.bn1")
            continue
        stage, block = int(layer[4]) - 1, int(layer[6]) - 1
        if backbone.variant == "cropped" and stage == 2 and block > 0:
            block += 1  # there the pool after the first block counts as one
        prefix = f"features.features.layer{stage}.{block}"
        conv, norm = _BOTTLENECK[layer[7]]
        yield layer, (f"{prefix}.{conv}", f"{prefix}.{norm}")


def _scaled(
    network: Network, name: str, layer: dict[str, np.ndarray], power: float
) -> dict[str, np.ndarray]:
    """With the correlation's gain (or its inverse, `power` -1) in what makes its kernels."""
    head = None if isinstance(network, SiamFCNetwork) else network.head
    if not isinstance(head, UpChannelHead) or not name.endswith("_template"):
        return layer
    if math.frexp(head.gain)[0] != 0.5:
        raise ValueError(
            f"the network's gain, {head.gain:g}, is no power of two, so its weights cannot be "
            "written in PyTorch's layout without loss"
        )
    factor = np.float32(head.gain**power)
    return {key: array * factor for key, array in layer.items()}


def _reordered(
    network: Network, name: str, layer: dict[str, np.ndarray], *, values_first: bool
) -> dict[str, np.ndarray]:
    """A head's layer with its output channels (of `adjust`, its inputs too) as [values, k], or
    back."""
    if isinstance(network, SiamFCNetwork) or not is_of_head(name):
        return layer
    last = ("_template", "_adjust") if isinstance(network.head, UpChannelHead) else ("_out",)
    if not name.endswith(last):
        return layer
    values = VALUES["cls" if "_cls_" in name else "loc"]
    sizes = (values, network.anchors.count)
    sizes = sizes[::-1] if values_first else sizes
    reordered = {key: _swapped(array, -1, sizes) for key, array in layer.items()}
    if name.endswith("_adjust"):
        reordered["kernel"] = _swapped(reordered["kernel"], 2, sizes)
    return reordered


def _swapped(array: np.ndarray, axis: int, sizes: tuple[int, int]) -> np.ndarray:
    """Channels [*sizes, ...] along `axis` as [sizes[1], sizes[0], ...]."""
    first = np.moveaxis(array, axis, 0)
    swapped = first.reshape(*sizes, -1, *first.shape[1:]).swapaxes(0, 1)
    return np.moveaxis(swapped.reshape(first.shape), 0, axis)
