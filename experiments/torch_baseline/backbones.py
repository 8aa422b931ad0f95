"""The embeddings: AlexNet, ResNet-22 and CIResNet-22.

Modules of layers in training form, whose batch norms follow `train()` and `eval()`, or of folded
ones. Images are float32 [B, 3, H, W], RGB in 0..255, features [B, C, h, w].
"""

import torch.nn.functional as F
from torch import Tensor, nn

from experiments.torch_baseline.layers import Layers, convolution
from siamfc_jax.models.alexnet import POOLED, STRIDES, AlexNetConfig
from siamfc_jax.models.backbone import Backbone
from siamfc_jax.models.resnet import Bottleneck, Linear, ResNetConfig


def embedding(backbone: Backbone, layers: Layers) -> nn.Module:
    """The module of `backbone` with the values of `layers`."""
    if isinstance(backbone, AlexNetConfig):
        return _alexnet(backbone, layers)
    assert isinstance(backbone, ResNetConfig)
    return _ResNet(backbone, layers)


def _alexnet(config: AlexNetConfig, layers: Layers) -> nn.Module:
    modules: list[nn.Module] = []
    for index, (groups, stride, pooled) in enumerate(
        zip(config.groups, STRIDES, POOLED, strict=True)
    ):
        modules.append(convolution(layers, f"conv{index + 1}", stride=stride, groups=groups))
        # The ReLU of a maximum is the maximum of ReLUs, and there are fewer.
        if pooled:
            modules.append(nn.MaxPool2d(3, 2))
        if index < 4:
            modules.append(nn.ReLU(inplace=True))
    return nn.Sequential(*modules)


class _ResNet(nn.Module):
    """As `models.resnet`: without padding; but padded and cropped in the training of "cropped"."""

    def __init__(self, config: ResNetConfig, layers: Layers) -> None:
        super().__init__()
        self.crops_inside = config.variant == "cropped"
        self.padded = self.crops_inside and "bn1" in layers
        first, pool = config.first(), config.stages()[1]
        padding = 3 if self.padded else 0
        self.stem = convolution(layers, first.name, stride=first.stride, padding=padding)
        self.pool = nn.MaxPool2d(pool.window, pool.stride)
        blocks = (_Block(block, layers, padded=self.padded) for block in config.bottlenecks())
        self.blocks = nn.Sequential(*blocks)

    def forward(self, images: Tensor) -> Tensor:
        if self.crops_inside and not self.padded:
            images = _cropped(images, 1)
        x = self.stem(images)
        return self.blocks(F.relu_(self.pool(_cropped(x, 2) if self.padded else x)))


class _Block(nn.Module):
    def __init__(self, block: Bottleneck, layers: Layers, *, padded: bool) -> None:
        super().__init__()

        def module(linear: Linear, padding: int = 0) -> nn.Module:
            return convolution(layers, linear.name, stride=linear.stride, padding=padding)

        self.padded, self.has_relu, self.pooled = padded, block.relu, block.pooled
        self.reduce = module(block.reduce)
        self.spatial = module(block.spatial, 1 if padded else 0)
        self.expand = module(block.expand)
        self.shortcut = module(block.shortcut) if block.shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu_(self.spatial(F.relu_(self.reduce(x))))
        beside = x if self.padded else _cropped(x, 1)
        y = self.expand(inner)
        y += beside if self.shortcut is None else self.shortcut(beside)
        y = F.relu_(y) if self.has_relu else y
        y = _cropped(y, 1) if self.padded else y
        return F.max_pool2d(y, 2, 2) if self.pooled else y


def _cropped(x: Tensor, margin: int) -> Tensor:
    return x[:, :, margin:-margin, margin:-margin]
