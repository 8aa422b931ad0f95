"""SiamFC and CFNet networks as their authors publish them: MatConvNet DagNN in a .mat file.

Layers are followed along the graph (which variable each layer reads and writes), not found by
name. Filters are stored as MATLAB [h, w, in, out], which is our kernel layout.

A MatConvNet batch norm has parameters multiplier, bias and moments [C, 2], where moments[:, 0]
is the running mean and moments[:, 1] the running *sigma*, i.e. sqrt(variance + epsilon) already:
y = multiplier * (x - mean) / sigma + bias. Our var is therefore sigma**2 - epsilon.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.weights.imported import (
    BatchNorm,
    ColorOrder,
    ConvLayer,
    Head,
    Imported,
    assemble,
    batch_norm,
)
from siamfc_jax.mat5 import read_mat
from siamfc_jax.weights import WeightsError

_AFTER_A_CONVOLUTION = ("BatchNorm", "ReLU", "Pooling")


class DagLayer(NamedTuple):
    name: str
    kind: str
    inputs: list[str]
    outputs: list[str]
    params: list[np.ndarray]
    block: dict[str, Any]


def import_matconvnet(path: Path, color_order: ColorOrder = "rgb") -> Imported:
    """Reads a DagNN .mat file (v5-v7). MatConvNet reads images as RGB 0-255, as this project does.

    Raises:
      WeightsError: the file is damaged or is not a DagNN with a SiamFC embedding.
    """
    try:
        dag = _read_dag(path)
        chains = _embedding_chains(dag)
        layers = _conv_layers(chains[0])
        head, head_layers = _head(dag)
    except WeightsError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"is not laid out as a MatConvNet DagNN ({error!r})") from error
    read = {layer.name for layer in [*chains[0], *chains[-1], *head_layers]}
    return assemble(layers, head, color_order, _notes(dag, layers, read))


def _read_dag(path: Path) -> list[DagLayer]:
    nets = read_mat(path.read_bytes()).get("net")
    net = nets[0] if isinstance(nets, list) and nets else None
    if not isinstance(net, dict) or not net.keys() >= {"layers", "params"}:
        raise WeightsError(
            "has no struct `net` with layers and params; in MATLAB save the DagNN as a struct: "
            "net = net.saveobj(); save(file, 'net', '-v7')"
        )
    values = {param["name"]: param["value"] for param in net["params"]}
    return [
        DagLayer(
            name=layer["name"],
            kind=layer["type"].removeprefix("dagnn."),
            inputs=_names(layer["inputs"]),
            outputs=_names(layer["outputs"]),
            params=[values[name] for name in _names(layer["params"])],
            block=_block(layer["block"]),
        )
        for layer in net["layers"]
    ]


def _embedding_chains(dag: list[DagLayer]) -> list[list[DagLayer]]:
    """The convolutional stacks that start at the network's image inputs (they share parameters)."""
    produced = {name for layer in dag for name in layer.outputs}
    roots = [
        layer for layer in dag if layer.kind == "Conv" and not produced.intersection(layer.inputs)
    ]
    chains = [_chain_from(root, dag) for root in roots]
    if not chains:
        raise WeightsError("no convolution reads a network input; this is not a SiamFC network")
    if any(not _share_parameters(chains[0], chain) for chain in chains):
        raise WeightsError(
            "exemplar and search branch have different parameters; only shared ones can be imported"
        )
    return chains


def _chain_from(root: DagLayer, dag: list[DagLayer]) -> list[DagLayer]:
    chain = [root]
    while True:
        readers = [layer for layer in dag if chain[-1].outputs[0] in layer.inputs]
        if len(readers) != 1 or readers[0].kind not in ("Conv", *_AFTER_A_CONVOLUTION):
            return chain
        chain.append(readers[0])


def _share_parameters(a: list[DagLayer], b: list[DagLayer]) -> bool:
    values_a = [value for layer in a for value in layer.params]
    values_b = [value for layer in b for value in layer.params]
    return len(values_a) == len(values_b) and all(
        np.array_equal(x, y) for x, y in zip(values_a, values_b, strict=True)
    )


def _conv_layers(chain: list[DagLayer]) -> list[ConvLayer]:
    starts = [index for index, layer in enumerate(chain) if layer.kind == "Conv"]
    ends = [*starts[1:], len(chain)]
    return [_conv_layer(chain[s], chain[s + 1 : e]) for s, e in zip(starts, ends, strict=True)]


def _conv_layer(conv: DagLayer, followers: Sequence[DagLayer]) -> ConvLayer:
    by_kind = {layer.kind: layer for layer in followers}
    if np.any(conv.block["pad"]):
        raise WeightsError(f"{conv.name}: is padded; SiamFC's convolutions are not")
    kernel = conv.params[0]
    return ConvLayer(
        source=conv.name,
        # MATLAB drops trailing axes of length one.
        kernel=kernel.reshape(kernel.shape + (1,) * (4 - kernel.ndim)),
        bias=np.ravel(conv.params[1]) if len(conv.params) > 1 else None,
        batch_norm=_batch_norm(by_kind["BatchNorm"]) if "BatchNorm" in by_kind else None,
        stride=_stride(conv),
        pool_stride=_pool_stride(by_kind["Pooling"]) if "Pooling" in by_kind else 0,
        relu="ReLU" in by_kind,
    )


def _batch_norm(layer: DagLayer) -> BatchNorm:
    multiplier, bias, moments = layer.params
    sigma = moments[:, 1].astype(np.float64)
    return batch_norm(layer.name, np.ravel(multiplier), np.ravel(bias), moments[:, 0], sigma**2)


def _stride(layer: DagLayer) -> int:
    strides = {int(s) for s in np.ravel(layer.block["stride"])}
    if len(strides) != 1:
        raise WeightsError(f"{layer.name}: has different strides along y and x: {strides}")
    return strides.pop()


def _pool_stride(layer: DagLayer) -> int:
    block = layer.block
    if block["method"] != "max" or np.any(block["pad"]) or np.any(block["poolSize"] != 3):
        raise WeightsError(f"{layer.name}: is not an unpadded 3x3 max pool")
    return _stride(layer)


def _head(dag: list[DagLayer]) -> tuple[Head, list[DagLayer]]:
    """The affine map after the correlation: a 1x1 convolution and/or a one-channel batch norm."""
    gain, bias, read = 1.0, 0.0, []
    layer = next((layer for layer in dag if layer.kind == "XCorr"), None)
    if layer is None:
        raise WeightsError("no XCorr layer; this is not a SiamFC network")
    while layer is not None:
        read.append(layer)
        if layer.kind == "Conv":
            factor = layer.params[0].item()
            offset = layer.params[1].item() if len(layer.params) > 1 else 0.0
            gain, bias = gain * factor, bias * factor + offset
        elif layer.kind == "BatchNorm":
            multiplier, shift, moments = layer.params
            mean, sigma = np.ravel(moments).tolist()
            factor = multiplier.item() / sigma
            gain, bias = gain * factor, (bias - mean) * factor + shift.item()
        output = layer.outputs[0]
        readers = (reader for reader in dag if output in reader.inputs)
        layer = next((r for r in readers if r.kind in ("Conv", "BatchNorm")), None)
    return Head(gain, bias), read


def _notes(dag: list[DagLayer], layers: list[ConvLayer], read: set[str]) -> tuple[str, ...]:
    notes = [f"MatConvNet DagNN, embedding of {len(layers)} convolutions."]
    left_out = [layer for layer in dag if layer.name not in read and layer.params]
    if left_out:
        names = ", ".join(f"{layer.name} ({layer.kind})" for layer in left_out)
        notes.append(
            f"Not imported, as SiamFC has no such layers: {names}. Gain and bias of the head were "
            "trained with them."
        )
    return tuple(notes)


def _names(value: Any) -> list[str]:
    """The strings of a cell array, or one string; none may be written as an empty number."""
    if isinstance(value, np.ndarray):
        return []
    return [value] if isinstance(value, str) else list(value)


def _block(value: Any) -> dict[str, Any]:
    """A layer's settings; a layer without any may have a struct without fields."""
    return value[0] if isinstance(value, list) and value else {}
