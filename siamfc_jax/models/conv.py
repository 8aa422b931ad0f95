"""Valid 2-D convolution, NHWC, with a lowering for each platform.

Accelerators have good convolutions of their own. On CPUs, XLA's convolution and its
gradients are several times slower than its matrix product, so they are made of those.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from siamfc_jax.models import conv_strips, conv_tiles


@functools.partial(jax.jit, static_argnames=("stride", "groups"))
def conv2d(
    x_BxHxWxC: jax.Array, kernel_KhxKwxIxO: jax.Array, *, stride: int = 1, groups: int = 1
) -> jax.Array:
    """Valid (unpadded) cross-correlation of images with `groups` groups of channels.

    Args:
      x_BxHxWxC: images.
      kernel_KhxKwxIxO: kernels, I = C / groups; the first O / groups see the first I channels.
      stride: step in pixels, both ways.
      groups: a divisor of C and O.

    Returns:
      [B, (H - Kh) // stride + 1, (W - Kw) // stride + 1, O]. Reverse-mode differentiable.
    """
    return _conv2d(x_BxHxWxC, kernel_KhxKwxIxO, stride, groups)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _conv2d(x: jax.Array, kernel: jax.Array, stride: int, groups: int) -> jax.Array:
    direct = functools.partial(_direct, stride=stride, groups=groups)
    if _uses_tiles(x, kernel, stride):
        tiles = functools.partial(conv_tiles.convolve, groups=groups)
        return lax.platform_dependent(x, kernel, cpu=tiles, default=direct)
    if _uses_strips(x, kernel, stride, groups):
        strips = functools.partial(conv_strips.convolve, stride=stride)
        return lax.platform_dependent(x, kernel, cpu=strips, default=direct)
    return direct(x, kernel)


def _forward(
    x: jax.Array, kernel: jax.Array, stride: int, groups: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _conv2d(x, kernel, stride, groups), (x, kernel)


def _backward(
    stride: int, groups: int, residuals: tuple[jax.Array, jax.Array], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = residuals
    return _input_gradient(x, kernel, dy, stride, groups), _kernel_gradient(
        x, kernel, dy, stride, groups
    )


_conv2d.defvjp(_forward, _backward)


def _input_gradient(
    x: jax.Array, kernel: jax.Array, dy: jax.Array, stride: int, groups: int
) -> jax.Array:
    def direct(kernel: jax.Array, dy: jax.Array) -> jax.Array:
        convolve = functools.partial(_direct, kernel=kernel, stride=stride, groups=groups)
        (dx,) = jax.linear_transpose(convolve, jax.ShapeDtypeStruct(x.shape, x.dtype))(dy)
        return dx

    if not _uses_tiles(x, kernel, stride):
        return direct(kernel, dy)

    def tiles(kernel: jax.Array, dy: jax.Array) -> jax.Array:
        pad = kernel.shape[0] - 1
        padded = jnp.pad(dy, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        return conv_tiles.convolve(padded, _reversed(kernel, groups), groups=groups)

    return lax.platform_dependent(kernel, dy, cpu=tiles, default=direct)


def _kernel_gradient(
    x: jax.Array, kernel: jax.Array, dy: jax.Array, stride: int, groups: int
) -> jax.Array:
    taps = kernel.shape[0]

    def direct(x: jax.Array, dy: jax.Array) -> jax.Array:
        convolve = functools.partial(_direct, x, stride=stride, groups=groups)
        (d_kernel,) = jax.linear_transpose(
            convolve, jax.ShapeDtypeStruct(kernel.shape, kernel.dtype)
        )(dy)
        return d_kernel

    if _uses_tiles(x, kernel, stride):
        tiles = functools.partial(conv_tiles.kernel_gradient, taps=taps, groups=groups)
        return lax.platform_dependent(x, dy, cpu=tiles, default=direct)
    if _uses_strips(x, kernel, stride, groups):
        strips = functools.partial(conv_strips.kernel_gradient, taps=taps, stride=stride)
        return lax.platform_dependent(x, dy, cpu=strips, default=direct)
    return direct(x, dy)


def _uses_tiles(x: jax.Array, kernel: jax.Array, stride: int) -> bool:
    return (
        x.dtype == kernel.dtype == jnp.float32
        and stride == 1
        and math.prod(x.shape) > 0
        and conv_tiles.is_profitable(x.shape, kernel.shape)
    )


def _uses_strips(x: jax.Array, kernel: jax.Array, stride: int, groups: int) -> bool:
    return (
        x.dtype == kernel.dtype == jnp.float32
        and groups == 1
        and math.prod(x.shape) > 0
        and conv_strips.is_profitable(kernel.shape, stride)
    )


def _direct(x: jax.Array, kernel: jax.Array, *, stride: int, groups: int) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding="VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def _reversed(kernel_KhxKwxIxO: jax.Array, groups: int) -> jax.Array:
    """Kernel [Kh, Kw, O / groups, C] of the convolution that takes outputs back to inputs."""
    taps_y, taps_x, per_group, _ = kernel_KhxKwxIxO.shape
    split = kernel_KhxKwxIxO[::-1, ::-1].reshape(taps_y, taps_x, per_group, groups, -1)
    return split.transpose(0, 1, 4, 3, 2).reshape(taps_y, taps_x, -1, groups * per_group)
