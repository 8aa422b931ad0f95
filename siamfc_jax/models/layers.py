"""Convolution and batch norm of the embeddings, as they are trained."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from siamfc_jax.models.conv import conv2d, prepare_kernel


class Conv(nn.Module):
    """A valid convolution with parameters "kernel" [k, k, in / groups, out] and "bias" [out].

    Attributes:
      width: output channels.
      kernel: k.
      biased: whether there is a bias; in front of a batch norm it does nothing.
    """

    width: int
    kernel: int
    stride: int = 1
    groups: int = 1
    biased: bool = True

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        # Improved Xavier as released with SiamFC (and SiamDW): N(0, 2 / (h * w * out)).
        std = (2.0 / (self.kernel**2 * self.width)) ** 0.5
        shape = (self.kernel, self.kernel, x_BxHxWxC.shape[-1] // self.groups, self.width)
        kernel = self.param("kernel", nn.initializers.normal(std), shape)
        dtype = x_BxHxWxC.dtype
        convolved = conv2d(x_BxHxWxC, kernel.astype(dtype), stride=self.stride, groups=self.groups)
        if not self.biased:
            return convolved
        bias = self.param("bias", nn.initializers.zeros, (self.width,))
        return add_row(convolved, bias.astype(dtype))


AVERAGES_DECAY = 0.95
"""What a step leaves of a batch norm's running averages (released SiamFC)."""


def batch_norm(name: str, x_BxHxWxC: jax.Array, *, train: bool, axis: str | None) -> jax.Array:
    """Batch norm `name` of the calling module, computed in float32.

    Args:
      train: use the batch's statistics, over the mapped axis `axis` if any, not the averages.
    """
    norm = nn.BatchNorm(
        use_running_average=not train,
        momentum=AVERAGES_DECAY,
        epsilon=1e-5,
        axis_name=axis,
        name=name,
    )
    return norm(x_BxHxWxC.astype(jnp.float32)).astype(x_BxHxWxC.dtype)


def prepared_layer(
    layer: Mapping[str, Any], compute: str, *, stride: int = 1, groups: int = 1
) -> dict[str, Any]:
    """A folded convolution in the type to compute in, its kernel made ready (`prepare_kernel`)."""
    cast = {name: jnp.asarray(value).astype(compute) for name, value in layer.items()}
    return {**cast, "kernel": prepare_kernel(cast["kernel"], stride=stride, groups=groups)}


def add_row(x_BxHxWxC: jax.Array, vector_C: jax.Array) -> jax.Array:
    """A value for each channel, added to all pixels."""
    return x_BxHxWxC + vector_C[None, None, None, :]
