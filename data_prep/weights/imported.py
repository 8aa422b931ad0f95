"""The common end of every importer: from the layers that were found to our parameter tree."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from siamfc_jax.weights import Params, WeightsError

BN_EPSILON = 1e-5
"""Every imported `var` is meant for a batch norm that divides by sqrt(var + BN_EPSILON)."""

_ALEXNET_KERNEL_SIZES = (11, 5, 3, 3, 3)

ColorOrder = Literal["rgb", "bgr"]


class BatchNorm(NamedTuple):
    """Inference-time batch norm, float [C] each: scale * (x - mean) / sqrt(var + e) + bias."""

    scale: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    var: np.ndarray


class ConvLayer(NamedTuple):
    """One valid convolution and what follows it, as read from a file.

    `kernel` is [h, w, in // groups, out]; `pool_stride` is that of the 3x3 max pool after the
    layer, 0 where there is none.
    """

    source: str
    kernel: np.ndarray
    bias: np.ndarray | None
    batch_norm: BatchNorm | None
    stride: int
    pool_stride: int
    relu: bool


class Head(NamedTuple):
    """score = gain * correlation + bias"""

    gain: float = 1e-3
    bias: float = 0.0


class Imported(NamedTuple):
    """Parameters in this project's form, for RGB input in 0-255.

    `params` is {"conv1": {"kernel" [h, w, i, o], "bias" [o]}, "bn1": {"scale", "bias", "mean",
    "var"}, ..., "head": {"bias" scalar}}, float32; `color_order` is what the source was trained
    on (its first layer is already converted); `notes` says what was read, assumed and left out.
    """

    params: Params
    config: dict[str, Any]
    color_order: ColorOrder
    notes: tuple[str, ...]


def batch_norm(
    source: str, scale: np.ndarray, bias: np.ndarray, mean: np.ndarray, sigma_squared: np.ndarray
) -> BatchNorm:
    """A batch norm that divides by sqrt(`sigma_squared`), which includes the source's epsilon.

    Stated for our own epsilon. Where sigma_squared < BN_EPSILON no var >= 0 can say so: there
    var is 0 and the scale takes up the rest, so the function stays the same.
    """
    if not (np.asarray(sigma_squared) > 0).all():
        raise WeightsError(f"{source}: a batch-norm variance is not positive; the net is untrained")
    sigma_squared = np.asarray(sigma_squared, np.float64)
    excess = np.sqrt(np.minimum(sigma_squared, BN_EPSILON) / BN_EPSILON)
    return BatchNorm(
        scale=scale / excess,
        bias=bias,
        mean=mean,
        var=np.maximum(sigma_squared - BN_EPSILON, 0),
    )


def assemble(
    layers: Sequence[ConvLayer],
    head: Head,
    color_order: ColorOrder,
    notes: Sequence[str],
) -> Imported:
    """The parameter tree and configuration of `layers`, first layer converted to RGB.

    Raises:
      WeightsError: the layers are not a SiamFC AlexNet, or their shapes do not fit each other.
    """
    _require_alexnet(layers)
    params: Params = {}
    groups = []
    channels = 3
    for number, layer in enumerate(layers, start=1):
        kernel = layer.kernel[:, :, ::-1] if number == 1 and color_order == "bgr" else layer.kernel
        groups.append(_groups(layer, channels))
        channels = kernel.shape[-1]
        bias = np.zeros(channels) if layer.bias is None else layer.bias
        params[f"conv{number}"] = {"kernel": _float32(kernel), "bias": _float32(bias)}
        if layer.batch_norm is not None:
            statistics = layer.batch_norm._asdict()
            params[f"bn{number}"] = {name: _float32(array) for name, array in statistics.items()}
        _require_channels(layer, params[f"conv{number}"]["bias"], params.get(f"bn{number}", {}))
    params["head"] = {"bias": _float32(head.bias)}
    return Imported(params, _config(layers, groups, head), color_order, tuple(notes))


def table(imported: Imported) -> str:
    """One line per array (name, shape, groups of convolutions, range), for a person to check."""
    lines = [f"{'array':<14}{'shape':<20}{'groups':<8}{'min':>12}{'max':>12}"]
    groups = {f"conv{n}": g for n, g in enumerate(imported.config.get("groups", []), start=1)}
    for module, arrays in imported.params.items():
        for name, array in arrays.items():
            of_layer = str(groups.get(module, 1)) if name == "kernel" else ""
            shape = "x".join(map(str, array.shape)) or "scalar"
            lines.append(
                f"{module + '/' + name:<14}{shape:<20}{of_layer:<8}"
                f"{array.min():>12.5g}{array.max():>12.5g}"
            )
    return "\n".join(lines)


def _config(layers: Sequence[ConvLayer], groups: list[int], head: Head) -> dict[str, Any]:
    return {
        "arch": "siamfc-alexnet",
        "n_layers": len(layers),
        "widths": [layer.kernel.shape[-1] for layer in layers],
        "groups": groups,
        "kernel_sizes": [layer.kernel.shape[0] for layer in layers],
        "strides": [layer.stride for layer in layers],
        "pool_strides": [layer.pool_stride for layer in layers],
        "batch_norm": [layer.batch_norm is not None for layer in layers],
        "relu": [layer.relu for layer in layers],
        "bn_epsilon": BN_EPSILON,
        # Shortest decimal that is the same float32, so that 1e-3 reads as 0.001.
        "gain": float(str(np.float32(head.gain))),
    }


def _require_alexnet(layers: Sequence[ConvLayer]) -> None:
    sizes = [layer.kernel.shape[:2] for layer in layers]
    expected = [(size, size) for size in _ALEXNET_KERNEL_SIZES]
    if not layers or sizes != expected[: len(layers)]:
        found = ", ".join(f"{height}x{width}" for height, width in sizes) or "no convolutions"
        raise WeightsError(
            f"not a SiamFC AlexNet: found {found}, expected 11x11, 5x5, 3x3, ...; "
            "only AlexNet embeddings can be imported"
        )


def _groups(layer: ConvLayer, channels: int) -> int:
    per_group, out = layer.kernel.shape[2:]
    if channels % per_group or out % (channels // per_group):
        raise WeightsError(
            f"{layer.source}: a kernel of {per_group} input and {out} output channels cannot "
            f"follow {channels} channels; the layers are not one plain stack"
        )
    return channels // per_group


def _require_channels(
    layer: ConvLayer, bias: np.ndarray, statistics: dict[str, np.ndarray]
) -> None:
    channels = layer.kernel.shape[-1]
    for name, array in {"convolution bias": bias, **statistics}.items():
        if array.shape != (channels,):
            raise WeightsError(
                f"{layer.source}: {name} has shape {array.shape}, expected ({channels},)"
            )


def _float32(array: Any) -> np.ndarray:
    with np.errstate(over="ignore"):  # infinity is refused when the file is written
        return np.array(array, np.float32, order="C")
