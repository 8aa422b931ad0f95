"""Valid 2-D convolution, NHWC, with a lowering for each platform.

Accelerators have good convolutions of their own. On CPUs, XLA's convolution and its
gradients are several times slower than its matrix product, so there they are made of those.
A 1 x 1 convolution is a matrix product everywhere.
"""

import functools
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from siamfc_jax.models import conv_strips, conv_tiles


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PreparedKernel:
    """A kernel together with what the lowering for CPUs, if there is one, makes of it."""

    kernel_KxKxIxO: jax.Array
    products: Any


@functools.partial(jax.jit, static_argnames=("stride", "groups"))
def prepare_kernel(kernel: jax.Array, *, stride: int = 1, groups: int = 1) -> PreparedKernel:
    """Do once, for inference, what `conv2d` has to do with its kernel on every call.

    Args:
      kernel: [K, K, I, O] as for `conv2d`, with which `stride` and `groups` must agree.
    """
    lowering = _cpu_lowering(kernel, stride, groups)
    products = lowering and lowering.to_products(kernel, stride=stride, groups=groups)
    return PreparedKernel(kernel, products)


@functools.partial(jax.jit, static_argnames=("stride", "groups"))
def conv2d(
    x_BxHxWxC: jax.Array,
    kernel: jax.Array | PreparedKernel,
    *,
    stride: int = 1,
    groups: int = 1,
) -> jax.Array:
    """Valid (unpadded) cross-correlation of images with kernels.

    Args:
      x_BxHxWxC: images.
      kernel: [Kh, Kw, I, O], I = C / groups: the first O / groups outputs see the first I
        channels, and so on; or what `prepare_kernel` made of it, for inference.
      stride: step in pixels, both ways.
      groups: a divisor of C and O.

    Returns:
      [B, (H - Kh) // stride + 1, (W - Kw) // stride + 1, O], float32 accurate to about 1e-5
      of its root mean square.
    """
    weights = kernel.kernel_KxKxIxO if isinstance(kernel, PreparedKernel) else kernel
    if weights.shape[:2] == (1, 1) and groups == 1:
        return x_BxHxWxC[:, ::stride, ::stride] @ weights[0, 0]
    if isinstance(kernel, PreparedKernel):
        return _inference(x_BxHxWxC, kernel, stride, groups)
    return _conv2d(x_BxHxWxC, kernel, stride, groups)


def _inference(x: jax.Array, prepared: PreparedKernel, stride: int, groups: int) -> jax.Array:
    kernel = prepared.kernel_KxKxIxO
    lowering = _cpu_lowering(kernel, stride, groups, x)
    if lowering is None:
        return _direct(x, kernel, stride, groups)

    def cpu(x: jax.Array, _: jax.Array, products: Any) -> jax.Array:
        return lowering.convolve(x, products, taps=len(kernel), stride=stride, groups=groups)

    def default(x: jax.Array, kernel: jax.Array, _: Any) -> jax.Array:
        return _direct(x, kernel, stride, groups)

    return lax.platform_dependent(x, kernel, prepared.products, cpu=cpu, default=default)


# The lowerings' own transposes would be slow, hence the gradients by hand.
@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _conv2d(x: jax.Array, kernel: jax.Array, stride: int, groups: int) -> jax.Array:
    return _inference(x, prepare_kernel(kernel, stride=stride, groups=groups), stride, groups)


def _forward(
    x: jax.Array, kernel: jax.Array, stride: int, groups: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _conv2d(x, kernel, stride, groups), (x, kernel)


def _backward(
    stride: int, groups: int, residuals: tuple[jax.Array, jax.Array], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = residuals
    dx = _input_gradient(x, kernel, dy, stride, groups)
    return dx, _kernel_gradient(x, kernel, dy, stride, groups)


_conv2d.defvjp(_forward, _backward)


def _input_gradient(
    x: jax.Array, kernel: jax.Array, dy: jax.Array, stride: int, groups: int
) -> jax.Array:
    def direct(kernel: jax.Array, dy: jax.Array) -> jax.Array:
        (dx,) = jax.linear_transpose(lambda x: _direct(x, kernel, stride, groups), _like(x))(dy)
        return dx

    def full(kernel: jax.Array, dy: jax.Array) -> jax.Array:
        taps, options = len(kernel), {"stride": stride, "groups": groups}
        products = conv_tiles.to_products(_reversed(kernel, groups), **options)
        return conv_tiles.convolve(dy, products, taps=taps, padding=taps - 1, **options)

    if _cpu_lowering(kernel, stride, groups, x) is conv_tiles:
        return lax.platform_dependent(kernel, dy, cpu=full, default=direct)
    return direct(kernel, dy)


def _kernel_gradient(
    x: jax.Array, kernel: jax.Array, dy: jax.Array, stride: int, groups: int
) -> jax.Array:
    def direct(x: jax.Array, dy: jax.Array) -> jax.Array:
        convolve = functools.partial(_direct, x, stride=stride, groups=groups)
        (d_kernel,) = jax.linear_transpose(convolve, _like(kernel))(dy)
        return d_kernel

    lowering = _cpu_lowering(kernel, stride, groups, x)
    if lowering is None:
        return direct(x, dy)
    cpu = functools.partial(
        lowering.kernel_gradient, taps=len(kernel), stride=stride, groups=groups
    )
    return lax.platform_dependent(x, dy, cpu=cpu, default=direct)


def _like(a: jax.Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(a.shape, a.dtype)


def _cpu_lowering(
    kernel: jax.Array, stride: int, groups: int, x: jax.Array | None = None
) -> ModuleType | None:
    """The module with a fast lowering of this convolution (of images like `x`), if any."""
    if kernel.dtype != jnp.float32 or (x is not None and x.dtype != jnp.float32):
        return None
    for lowering in (conv_tiles, conv_strips):
        if lowering.accepts(kernel.shape, stride, groups):
            profitable = x is None or lowering.is_profitable(x.shape, len(kernel))
            return lowering if profitable else None
    return None


def _direct(x: jax.Array, kernel: jax.Array, stride: int, groups: int) -> jax.Array:
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
