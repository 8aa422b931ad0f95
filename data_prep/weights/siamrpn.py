"""SiamRPN networks with an AlexNet, from the state dicts of their public PyTorch implementations.

The embedding is found by shape and order, as that of any port (`naming`), the head by its layers'
names. All of them hold the values of the k anchors as [2, k] (background first) and [4, k] along
the channels; ours are [k, 2] and [k, 4].
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from data_prep.weights.imported import ColorOrder, Head, Imported, assemble
from data_prep.weights.naming import Modules, batch_norm_of, conv_layers, find_parts, modules_of
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.anchors import A3, A5, A7, Anchors
from siamfc_jax.models.backbone import norm_of
from siamfc_jax.models.network import network_config
from siamfc_jax.models.rpn_heads import BRANCHES, VALUES, DepthwiseHead, RPNHead, UpChannelHead
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.weights import WeightsError

_ANCHORS = {anchors.count: anchors for anchors in (A3, A5, A7)}

StateDict = Mapping[str, np.ndarray]


class Layout(NamedTuple):
    """How a public implementation names a head.

    Attributes:
      name: of the implementation, for people.
      color_order: of the images it feeds.
      layers: our layers' names to the ends of theirs.
      norms: likewise, to those of the batch norms behind them.
    """

    name: str
    color_order: ColorOrder
    layers: Mapping[str, str]
    norms: Mapping[str, str] = {}


def _up_channel(name: str, color_order: ColorOrder, theirs: Sequence[str]) -> Layout:
    parts = ("cls_template", "cls_search", "loc_template", "loc_search", "loc_adjust")
    ours = (f"head_conv_{part}" for part in parts)
    return Layout(name, color_order, dict(zip(ours, theirs, strict=True)))


def _depthwise(name: str, color_order: ColorOrder) -> Layout:
    numbers = {"template": "conv_kernel.{}", "search": "conv_search.{}", "joint": "head.{}"}
    layers, norms = {}, {}
    for branch in BRANCHES:
        for part, theirs in numbers.items():
            layer = f"head_conv_{branch}_{part}"
            layers[layer], norms[layer] = (f"{branch}.{theirs.format(n)}" for n in (0, 1))
        layers[f"head_conv_{branch}_out"] = f"{branch}.head.3"
    return Layout(name, color_order, layers, norms)


_DASIAMRPN = ("conv_cls1", "conv_cls2", "conv_r1", "conv_r2", "regress_adjust")
_SIAMRPN_PYTORCH = ("conv_cls_z", "conv_cls_x", "conv_reg_z", "conv_reg_x", "adjust_reg")
_PYSOT = (
    *("template_cls_conv", "search_cls_conv", "template_loc_conv", "search_loc_conv"),
    "loc_adjust",
)

LAYOUTS = (
    _up_channel("DaSiamRPN", "bgr", _DASIAMRPN),
    _up_channel("siamrpn-pytorch", "rgb", _SIAMRPN_PYTORCH),
    _up_channel("PySOT, up-channel", "bgr", _PYSOT),
    _depthwise("PySOT, depth-wise", "bgr"),
)


def layout_of(state_dict: StateDict) -> Layout | None:
    """The layout whose names are all there, if any."""
    names = {name.removesuffix(".weight") for name in state_dict if name.endswith(".weight")}
    for layout in LAYOUTS:
        if all(_ending(names, end) for end in (*layout.layers.values(), *layout.norms.values())):
            return layout
    return None


def import_siamrpn(
    state_dict: StateDict, layout: Layout, color_order: ColorOrder | None = None
) -> Imported:
    """Reads embedding and head; their widths and the number of anchors are those of the arrays.

    Args:
      layout: from `layout_of`.
      color_order: None for the layout's.

    Raises:
      WeightsError: the embedding is no AlexNet, a layer has another shape than its neighbours
        demand, or the number of anchors is not 3, 5 or 7.
    """
    modules = modules_of(state_dict)
    theirs = {ours: _ending(modules, end) for ours, end in layout.layers.items()}
    norms = {ours: _ending(modules, end) for ours, end in layout.norms.items()}
    of_head = {*theirs.values(), *norms.values()}
    embedding = {name: module for name, module in modules.items() if name not in of_head}
    parts = find_parts(embedding)
    order = color_order or layout.color_order
    imported = assemble(conv_layers(embedding, parts), Head(), order, ())
    network = _network(imported, {ours: modules[name] for ours, name in theirs.items()})
    params = {name: layer for name, layer in imported.params.items() if name != "head"}
    for ours, name in theirs.items():
        params[ours] = _layer(ours, name, modules[name], network)
        if ours in norms:
            params[norm_of(ours)] = _norm(norms[ours], modules, _outputs(modules[name]))
    notes = [
        f"SiamRPN in the layout of {layout.name}, {network.anchors.count} anchors a cell.",
        f"Colour order {order.upper()}"
        + (
            " is what this implementation feeds; if it tracks badly, try the other --color_order."
            if color_order is None
            else "."
        ),
        "Strides and the anchors' ratios are not in a state dict; the paper's are assumed.",
    ]
    notes += [f"Not imported: {', '.join(parts.left_out)}."] if parts.left_out else []
    return Imported(params, network_config(network), order, tuple(notes))


def _ending(names: Iterable[str], end: str) -> str:
    """The name of which `end` is the last part; "" unless there is exactly one."""
    found = [name for name in names if f".{name}".endswith(f".{end}")]
    return found[0] if len(found) == 1 else ""


def _network(imported: Imported, head_modules: Modules) -> SiamRPNNetwork:
    found = imported.config
    if found["n_layers"] != 5:
        raise WeightsError(
            f"its embedding has {found['n_layers']} convolutions; only AlexNets, which have 5, can "
            "be imported"
        )
    backbone = AlexNetConfig(
        tuple(found["widths"]), tuple(found["groups"]), norm_last=found["batch_norm"][-1]
    )
    depthwise = "head_conv_loc_out" in head_modules
    last = head_modules["head_conv_loc_out" if depthwise else "head_conv_loc_adjust"]
    channels = _outputs(head_modules["head_conv_cls_search"])
    head: RPNHead = DepthwiseHead(channels) if depthwise else UpChannelHead(channels)
    return SiamRPNNetwork(backbone, head, _anchors(_outputs(last)))


def _outputs(module: Mapping[str, np.ndarray]) -> int:
    return len(np.atleast_1d(module["weight"]))


def _anchors(offsets: int) -> Anchors:
    for anchors in (A3, A5, A7):
        if offsets == VALUES["loc"] * anchors.count:
            return anchors
    raise WeightsError(
        f"its head gives {offsets} offsets a cell; only 3, 5 and 7 anchors of 4 offsets have "
        "published ratios"
    )


def _layer(
    ours: str, theirs: str, module: Mapping[str, np.ndarray], network: SiamRPNNetwork
) -> dict[str, np.ndarray]:
    """Our form of the layer that they call `theirs`."""
    anchors = network.anchors.count
    spec = network.head.layers(network.backbone.channels, anchors)[ours]
    shapes: dict[str, tuple[int, ...]] = {
        "weight": (spec.outputs, spec.inputs, spec.taps, spec.taps),
        **({} if spec.norm else {"bias": (spec.outputs,)}),
    }
    found = {name: array.shape for name, array in module.items()}
    if found != shapes:
        raise WeightsError(
            f"{theirs}: has arrays {found}, expected {shapes}; the layers do not fit each other"
        )
    layer = {"kernel": module["weight"].transpose(2, 3, 1, 0)}
    layer |= {} if spec.norm else {"bias": module["bias"]}
    values = VALUES["cls" if "_cls_" in ours else "loc"]
    up_channel = isinstance(network.head, UpChannelHead)
    if ours.endswith(("_template", "_adjust") if up_channel else "_out"):
        layer = {key: _anchors_first(array, -1, values, anchors) for key, array in layer.items()}
    if ours.endswith("_adjust"):
        layer["kernel"] = _anchors_first(layer["kernel"], 2, values, anchors)
    return {key: np.ascontiguousarray(array, np.float32) for key, array in layer.items()}


def _norm(name: str, modules: Modules, channels: int) -> dict[str, np.ndarray]:
    if "running_mean" not in modules[name]:
        raise WeightsError(f"{name}: has no running_mean; a batch norm was expected")
    statistics = batch_norm_of(name, modules)._asdict()
    if any(array.shape != (channels,) for array in statistics.values()):
        raise WeightsError(f"{name}: is not a batch norm of {channels} channels")
    return {key: np.asarray(array, np.float32) for key, array in statistics.items()}


def _anchors_first(array: np.ndarray, axis: int, values: int, anchors: int) -> np.ndarray:
    """Channels [values, anchors, ...] along `axis` as [anchors, values, ...]."""
    channels_first = np.moveaxis(array, axis, 0)
    split = channels_first.reshape(values, anchors, -1, *channels_first.shape[1:])
    swapped = split.swapaxes(0, 1).reshape(channels_first.shape)
    return np.moveaxis(swapped, 0, axis)
