"""Convolutions of our layers as PyTorch modules, in training form or folded."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from siamfc_jax.models.backbone import norm_of

Layers = Mapping[str, Mapping[str, Any]]
"""As `siamfc_jax.models.backbone.Layers`, in training form or folded."""


def convolution(
    layers: Layers, name: str, *, stride: int = 1, groups: int = 1, padding: int = 0
) -> nn.Module:
    """The convolution `name` with its values, and the batch norm after it if it has one."""
    kernel = np.asarray(layers[name]["kernel"]).transpose(3, 2, 0, 1)
    outputs, per_group, taps, _ = kernel.shape
    biased = "bias" in layers[name]
    shape = per_group * groups, outputs, taps, stride, padding
    conv: Any = nn.Conv2d(*shape, groups=groups, bias=biased)
    _set(conv.weight, kernel)
    if biased:
        _set(conv.bias, layers[name]["bias"])
    norm = layers.get(norm_of(name))
    return conv if norm is None else nn.Sequential(conv, _batch_norm(norm))


class Execution(NamedTuple):
    """How a network is run at inference: on which device, in which type ("float32" or "bfloat16"),
    and whether through `torch.compile`."""

    device: torch.device
    compute: str = "float32"
    compiled: bool = False


def in_execution(module: nn.Module, execution: Execution) -> Callable[[Tensor], Tensor]:
    """From images float32 [B, 3, H, W] to features float32, in the layout of the images."""
    kind = getattr(torch, execution.compute)
    moved = to_device(module, execution.device).to(kind).eval()
    # Shapes stay the same, which lets it specialise.
    run = torch.compile(moved, dynamic=False) if execution.compiled else moved
    return lambda images: run(images.to(kind)).float()


def to_device(module: Any, device: torch.device) -> Any:
    """The module there, with its kernels in the layout of the images."""
    return module.to(device).to(memory_format=torch.channels_last)


def _batch_norm(layer: Mapping[str, Any]) -> nn.Module:
    norm = nn.BatchNorm2d(len(layer["scale"]))
    own = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}
    for ours, theirs in own.items():
        _set(getattr(norm, ours), layer[theirs])
    return norm


@torch.no_grad()
def _set(tensor: Tensor, array: Any) -> None:
    tensor.copy_(torch.tensor(np.asarray(array, np.float32)))
