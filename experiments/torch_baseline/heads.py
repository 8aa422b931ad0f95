"""SiamRPN's heads. A proposal's channels come in our order, [k, 2] and [k, 4]."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.torch_baseline.layers import Layers, convolution
from siamfc_jax.models.rpn_heads import BRANCHES, RPNHead, UpChannelHead


class Maps(NamedTuple):
    """Of B pairs: logits [B, 2 k, Y, X] and offsets [B, 4 k, Y, X]; or the kernels of both branches
    as their convolution takes them, those of all pairs one after another."""

    cls: Tensor
    loc: Tensor


def rpn_head(head: RPNHead, layers: Layers) -> nn.Module:
    """The module of `head`: `template(features)` gives kernels, `respond(kernels, features)` the
    proposals."""
    return _UpChannel(head, layers) if isinstance(head, UpChannelHead) else _Depthwise(layers)


class _UpChannel(nn.Module):
    def __init__(self, head: UpChannelHead, layers: Layers) -> None:
        super().__init__()
        self.channels, self.gain = head.channels, head.gain
        self.of_template = _branches(layers, "template")
        self.of_search = _branches(layers, "search")
        self.adjust = convolution(layers, "head_conv_loc_adjust") if head.adjust else nn.Identity()

    def template(self, features: Tensor) -> Maps:
        def kernels(branch: str) -> Tensor:
            wide = self.gain * self.of_template[branch](features)
            split = wide.reshape(-1, self.channels, *wide.shape[2:])
            return split.contiguous(memory_format=torch.channels_last)

        return Maps(*map(kernels, BRANCHES))

    def respond(self, kernels: Maps, features: Tensor) -> Maps:
        def maps(branch: str, kernel: Tensor) -> Tensor:
            return _correlate(kernel, self.of_search[branch](features), len(features))

        cls, loc = map(maps, BRANCHES, kernels)
        return Maps(cls, self.adjust(loc))


class _Depthwise(nn.Module):
    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.of_template = _branches(layers, "template")
        self.of_search = _branches(layers, "search")
        self.joint = _branches(layers, "joint")
        self.out = _branches(layers, "out")

    def template(self, features: Tensor) -> Maps:
        def kernels(branch: str) -> Tensor:
            small = F.relu_(self.of_template[branch](features))
            return small.reshape(-1, 1, *small.shape[2:]).contiguous()

        return Maps(*map(kernels, BRANCHES))

    def respond(self, kernels: Maps, features: Tensor) -> Maps:
        def maps(branch: str, kernel: Tensor) -> Tensor:
            searched = F.relu_(self.of_search[branch](features))
            by_channel = _correlate(kernel, searched, len(kernel))
            return self.out[branch](F.relu_(self.joint[branch](by_channel)))

        return Maps(*map(maps, BRANCHES, kernels))


def _branches(layers: Layers, role: str) -> nn.ModuleDict:
    return nn.ModuleDict(
        {branch: convolution(layers, f"head_conv_{branch}_{role}") for branch in BRANCHES}
    )


def _correlate(kernels: Tensor, features_BxCxHxW: Tensor, groups: int) -> Tensor:
    """[B, N / B, Y, X]: of N kernels and B * C channels, the first of as many groups meet, ..."""
    batch = len(features_BxCxHxW)
    side_by_side = features_BxCxHxW.reshape(1, -1, *features_BxCxHxW.shape[2:])
    maps = F.conv2d(side_by_side, kernels, groups=groups)
    return maps.reshape(batch, -1, *maps.shape[2:])
