"""The embedding phi: the convolutional stage of AlexNet without padding (papers' Table 1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from siamfc_jax.models.backbone import Compute
from siamfc_jax.models.conv import conv2d
from siamfc_jax.models.layers import Conv, add_row, batch_norm, prepared_layer
from siamfc_jax.models.pooling import max_pool

Params = Mapping[str, Any]

KERNELS = (11, 5, 3, 3, 3)
STRIDES = (2, 1, 1, 1, 1)
POOLED = (True, True, False, False, False)


@dataclass(frozen=True)
class AlexNetConfig:
    """Widths of the five convolutions; a `Backbone`.

    Attributes:
      widths: output channels of conv1..conv5.
      groups: channel groups of conv1..conv5.
      norm_last: batch norm also after conv5. v1 says "after each linear layer" (§3.1), v2 after
        conv1..conv4 (§2.4), which is also what the released networks hold.
    """

    widths: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    groups: tuple[int, int, int, int, int] = (1, 2, 1, 2, 2)
    norm_last: bool = False

    stride: ClassVar[int] = 8

    @property
    def channels(self) -> int:
        return self.widths[-1]

    def output_size(self, size: int) -> int:
        """Side of the embedding of a size x size image; 127 -> 6, 255 -> 22.

        Raises:
          ValueError: the image is smaller than the receptive field of one output cell (87 pixels).
        """
        remaining = size
        for kernel, stride, pooled in zip(KERNELS, STRIDES, POOLED, strict=True):
            remaining = (remaining - kernel) // stride + 1
            remaining = (remaining - 3) // 2 + 1 if pooled else remaining
        if remaining < 1:
            raise ValueError(f"an image of {size} pixels is too small to embed; the least is 87")
        return remaining

    def module(self, norm_axis: str | None = None) -> "AlexNet":
        """The embedding as it is trained; see `Backbone.module`."""
        return AlexNet(self, norm_axis)

    def prepare(self, params: Params, compute: Compute = "float32") -> dict[str, Any]:
        """Folded parameters as `embed` needs them to compute in this type, made ready once."""
        prepared = dict(params)
        for index, (groups, stride) in enumerate(zip(self.groups, STRIDES, strict=True)):
            name = f"conv{index + 1}"
            prepared[name] = prepared_layer(params[name], compute, stride=stride, groups=groups)
        return prepared

    def embed(self, params: Params, image_BxHxWx3: jax.Array) -> jax.Array:
        """Embed images with folded parameters (`folding.fold_batch_norm`).

        Args:
          params: {"conv1": {"kernel" [kh, kw, in / groups, out], "bias" [out]}, ..., "conv5": ...},
            as they are or from `prepare`.
          image_BxHxWx3: float32 RGB in 0..255, no mean subtracted; any H, W >= 87.

        Returns:
          Features float32 [B, h, w, C], stride 8: 127 -> 6 x 6, 255 -> 22 x 22 (v2 §2.4, Table 1).
        """
        features = image_BxHxWx3.astype(params["conv1"]["bias"].dtype)
        layers = zip(self.groups, STRIDES, POOLED, strict=True)
        for index, (groups, stride, pooled) in enumerate(layers):
            layer = params[f"conv{index + 1}"]
            features = conv2d(features, layer["kernel"], stride=stride, groups=groups)
            features = add_row(features, layer["bias"])
            if index < 4:
                features = nn.relu(features)
            if pooled:
                features = max_pool(features)
        return features.astype(jnp.float32)


ALEXNET_V2 = AlexNetConfig()
"""v2 paper, Table 1; 384/384/256 activations (the column's 192/192/128 are left over from v1)."""

ALEXNET_V1 = AlexNetConfig((48, 128, 192, 192, 128), (1, 2, 1, 1, 1), norm_last=True)
"""v1 paper, Table 1: half width, only conv2 grouped."""


class AlexNet(nn.Module):
    """The embedding with its batch norm; `AlexNetConfig.embed` is the same after folding.

    Attributes:
      config: widths and groups.
      norm_axis: name of the mapped axis over which the batch norms average, if any.
    """

    config: AlexNetConfig
    norm_axis: str | None = None

    @nn.compact
    def __call__(self, image_BxHxWx3: jax.Array, *, train: bool) -> jax.Array:
        features = image_BxHxWx3
        layers = zip(self.config.widths, self.config.groups, KERNELS, STRIDES, POOLED, strict=True)
        for index, (width, groups, kernel, stride, pooled) in enumerate(layers):
            features = Conv(width, kernel, stride, groups, name=f"conv{index + 1}")(features)
            if index < 4 or self.config.norm_last:
                features = batch_norm(f"bn{index + 1}", features, train=train, axis=self.norm_axis)
            if index < 4:
                features = nn.relu(features)
            if pooled:
                features = max_pool(features)
        return jnp.asarray(features)
