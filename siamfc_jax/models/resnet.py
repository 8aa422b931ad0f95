"""The embeddings of SiameseFC-ResNet and CIResNet-22: ResNet-50 up to conv3_4, 22 layers deep.

Layers are named after ResNet's stages: conv1, then conv2_1a (1 x 1), conv2_1b (3 x 3), conv2_1c
(1 x 1) of the first bottleneck of conv2_x, conv2_1s of its shortcut, ... conv3_4c. None has a bias
in training form, but a batch norm each: bn1, bn2_1a, ...

A bottleneck adds two paths. The 3 x 3 convolution without padding makes one of them smaller by a
pixel on each side; the other is cropped to match, so that a cell still stands for its place.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from siamfc_jax.models.backbone import Compute, norm_of
from siamfc_jax.models.chunks import map_chunks
from siamfc_jax.models.conv import conv2d
from siamfc_jax.models.layers import Conv, add_row, batch_norm, prepared_layer
from siamfc_jax.models.pooling import max_pool

Params = Mapping[str, Any]

_PIXELS_IN_CACHE = 2**16
"""Of images whose activations stay in a CPU's cache."""

EXPANSION = 4
"""Outputs of a bottleneck are this many times as wide as its 3 x 3 convolution."""


class Linear(NamedTuple):
    """A convolution, and the batch norm after it."""

    name: str
    taps: int
    stride: int
    width: int


class Bottleneck(NamedTuple):
    """Three convolutions and a shortcut, which is one or (None) the input itself."""

    name: str
    reduce: Linear
    spatial: Linear
    expand: Linear
    shortcut: Linear | None
    pooled: bool
    relu: bool


class Stage(NamedTuple):
    """A square window that moves over what comes before."""

    name: str
    window: int
    stride: int


@dataclass(frozen=True)
class ResNetConfig:
    """Shape of the 22-layer residual embedding; a `Backbone`.

    Attributes:
      stem: output channels of conv1.
      widths: inner channels of conv2_x and conv3_x.
      blocks: bottlenecks of conv2_x and conv3_x.
      variant: "valid": SiameseFC-ResNet (v1 paper §3.4), which names no details: the first layers
        of ResNet-50 (He et al. 2016, Table 1; stride 2 in the 3 x 3 convolution, as torchvision),
        without padding. "cropped": CIResNet-22 (Zhang and Peng 2019, released as SiamDW): 2 x 2
        pools, one of them in place of conv3_1's stride; padded convolutions, whose outputs are
        cropped by what saw the padding. At inference that is the same as no padding; in training
        the padding takes part in the batch norms, as in the released code.
        Neither has a ReLU after its last layer (v1 §3.1; SiamDW).
    """

    stem: int = 64
    widths: tuple[int, int] = (64, 128)
    blocks: tuple[int, int] = (3, 4)
    variant: Literal["valid", "cropped"] = "valid"

    def __post_init__(self) -> None:
        if self.variant not in ("valid", "cropped"):
            raise ValueError(f"variant {self.variant!r} is neither 'valid' nor 'cropped'")

    @property
    def stride(self) -> int:
        return self._field()[1]

    @property
    def receptive_field(self) -> int:
        """Side in pixels of what one cell of the features sees: 91, cropped 93.

        The first cell sees the pixels from 0 on, cropped: from 1 on.
        """
        return self._field()[0]

    @property
    def channels(self) -> int:
        return EXPANSION * self.widths[-1]

    def output_size(self, size: int) -> int:
        """Side of the embedding of a size x size image; 127 -> 5, 255 -> 21.

        Raises:
          ValueError: the image is too small for one output cell.
        """
        *_, side = self.sides(size).values()
        if side < 1:
            least = self.receptive_field + 2 * self._margin
            raise ValueError(
                f"an image of {size} pixels is too small to embed; the least is {least}"
            )
        return side

    def sides(self, size: int) -> dict[str, int]:
        """Sides of the activations after each stage for a size x size image, at inference."""
        side, sides = size - 2 * self._margin, {}
        for stage in self.stages():
            side = (side - stage.window) // stage.stride + 1
            sides[stage.name] = side
        return sides

    def stages(self) -> list[Stage]:
        """The windows along the longest path."""
        stages = [Stage("conv1", 7, 2), Stage("pool1", self._pool, 2)]
        for block in self.bottlenecks():
            stages.append(Stage(block.name, block.spatial.taps, block.spatial.stride))
            if block.pooled:
                stages.append(Stage("pool3", self._pool, 2))
        return stages

    def bottlenecks(self) -> list[Bottleneck]:
        """The blocks in their order."""
        found = []
        for stage, (width, count) in enumerate(zip(self.widths, self.blocks, strict=True)):
            for index in range(count):
                halves = stage == 1 and index == 0
                found.append(self._bottleneck(f"conv{stage + 2}_{index + 1}", width, halves))
        return [*found[:-1], found[-1]._replace(relu=False)]

    def module(self, norm_axis: str | None = None) -> "ResNet":
        """The embedding as it is trained; see `Backbone.module`."""
        return ResNet(self, norm_axis)

    def prepare(self, params: Params, compute: Compute = "float32") -> dict[str, Any]:
        """Folded parameters as `embed` needs them to compute in this type, made ready once."""
        prepared = dict(params)
        for linear in self.linears():
            layer = params[linear.name]
            prepared[linear.name] = prepared_layer(layer, compute, stride=linear.stride)
        return prepared

    def embed(self, params: Params, image_BxHxWx3: jax.Array) -> jax.Array:
        """Embed images with folded parameters (`folding.fold_batch_norm`).

        Args:
          params: {"conv1": {"kernel" [7, 7, 3, out], "bias" [out]}, "conv2_1a": ...}, as they are
            or from `prepare`.
          image_BxHxWx3: float32 RGB in 0..255, no mean subtracted; any H, W from 91 (cropped: 95).

        Returns:
          Features float32 [B, h, w, C], stride 8: 127 -> 5 x 5, 255 -> 21 x 21.
        """

        def at_once(params: Params, image_BxHxWx3: jax.Array) -> jax.Array:
            def apply(linear: Linear, x: jax.Array) -> jax.Array:
                layer = params[linear.name]
                return add_row(conv2d(x, layer["kernel"], stride=linear.stride), layer["bias"])

            image = image_BxHxWx3.astype(params["conv1"]["bias"].dtype)
            features = _features(self, crop(image, self._margin), apply, padded=False)
            return features.astype(jnp.float32)

        def in_turn(params: Params, image_BxHxWx3: jax.Array) -> jax.Array:
            _, height, width, _ = image_BxHxWx3.shape
            few = _PIXELS_IN_CACHE // (height * width)
            return map_chunks(functools.partial(at_once, params), image_BxHxWx3, few)

        own = {linear.name: params[linear.name] for linear in self.linears()}
        return lax.platform_dependent(own, image_BxHxWx3, cpu=in_turn, default=at_once)

    def linears(self) -> list[Linear]:
        """All convolutions."""
        parts = [part for block in self.bottlenecks() for part in block[1:5]]
        return [self.first(), *(part for part in parts if part is not None)]

    def first(self) -> Linear:
        """The convolution that sees the image."""
        return Linear("conv1", 7, 2, self.stem)

    def _bottleneck(self, name: str, width: int, halves: bool) -> Bottleneck:
        stride = 2 if halves and self.variant == "valid" else 1
        out = EXPANSION * width
        return Bottleneck(
            name,
            reduce=Linear(f"{name}a", 1, 1, width),
            spatial=Linear(f"{name}b", 3, stride, width),
            expand=Linear(f"{name}c", 1, 1, out),
            shortcut=Linear(f"{name}s", 1, stride, out) if name.endswith("_1") else None,
            pooled=halves and self.variant == "cropped",
            relu=True,
        )

    @property
    def _pool(self) -> int:
        return 3 if self.variant == "valid" else 2

    @property
    def _margin(self) -> int:
        """Pixels of the image's border that no kept cell sees."""
        return 0 if self.variant == "valid" else 1

    def _field(self) -> tuple[int, int]:
        field, stride = 1, 1
        for stage in self.stages():
            field += (stage.window - 1) * stride
            stride *= stage.stride
        return field, stride


RESNET22 = ResNetConfig()
"""SiameseFC-ResNet's embedding: 1.44 million parameters."""

CIRESNET22 = ResNetConfig(variant="cropped")
"""CIResNet-22, the same parameters."""


class ResNet(nn.Module):
    """The embedding with its batch norms; `ResNetConfig.embed` is the same after folding.

    Attributes:
      config: its shape.
      norm_axis: name of the mapped axis over which the batch norms average, if any.
    """

    config: ResNetConfig
    norm_axis: str | None = None

    @nn.compact
    def __call__(self, image_BxHxWx3: jax.Array, *, train: bool) -> jax.Array:
        def apply(linear: Linear, x: jax.Array) -> jax.Array:
            conv = Conv(linear.width, linear.taps, linear.stride, biased=False, name=linear.name)
            return batch_norm(norm_of(linear.name), conv(x), train=train, axis=self.norm_axis)

        padded = self.config.variant == "cropped"
        return _features(self.config, image_BxHxWx3, apply, padded=padded)


def crop(x_BxHxWxC: jax.Array, margin: int) -> jax.Array:
    """Without `margin` pixels on each side."""
    _, height, width, _ = x_BxHxWxC.shape
    return x_BxHxWxC[:, margin : height - margin, margin : width - margin]


def _pad(x_BxHxWxC: jax.Array, margin: int) -> jax.Array:
    return jnp.pad(x_BxHxWxC, ((0, 0), (margin, margin), (margin, margin), (0, 0)))


def _features(
    config: ResNetConfig,
    image_BxHxWx3: jax.Array,
    apply: Callable[[Linear, jax.Array], jax.Array],
    *,
    padded: bool,
) -> jax.Array:
    """`apply` is a layer without padding. `padded`: convolutions are, and outputs are cropped."""
    first, pool = config.first(), config.stages()[1]
    image = _pad(image_BxHxWx3, 3) if padded else image_BxHxWx3
    x = nn.relu(apply(first, image))
    # Padded by 3, conv1's output i sees pixels from 2 * i - 3 on, so the third is the first whole.
    x = max_pool(crop(x, 2) if padded else x, window=pool.window)
    for block in config.bottlenecks():
        inner = nn.relu(apply(block.reduce, x))
        inner = nn.relu(apply(block.spatial, _pad(inner, 1) if padded else inner))
        shortcut = x if padded else crop(x, 1)
        if block.shortcut is not None:
            shortcut = apply(block.shortcut, shortcut)
        x = apply(block.expand, inner) + shortcut
        x = nn.relu(x) if block.relu else x
        x = crop(x, 1) if padded else x
        x = max_pool(x, window=2) if block.pooled else x
    return x
