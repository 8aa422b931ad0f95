"""Max pooling, NHWC, valid."""

import functools

import jax
import jax.numpy as jnp
from jax import lax


def max_pool(x_BxHxWxC: jax.Array, *, window: int = 3, stride: int = 2) -> jax.Array:
    """Maximum over square windows that lie whole inside the image.

    Returns [B, (H - window) // stride + 1, (W - window) // stride + 1, C]. The gradient of a
    window goes to its maximum, to one of them if there are several.
    """
    rows = _max_along(x_BxHxWxC, 1, window, stride)
    return _max_along(rows, 2, window, stride)


# Maxima of strided slices: XLA's window reduction, and above all its gradient, is several
# times slower on CPUs.
@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def _max_along(x: jax.Array, axis: int, window: int, stride: int) -> jax.Array:
    return functools.reduce(jnp.maximum, _shifted(x, axis, window, stride))


def _shifted(x: jax.Array, axis: int, window: int, stride: int) -> list[jax.Array]:
    """The k-th pixels of all windows, for every k."""
    last = x.shape[axis] - window
    return [lax.slice_in_dim(x, k, last + k + 1, stride, axis) for k in range(window)]


def _forward(
    x: jax.Array, axis: int, window: int, stride: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    y = _max_along(x, axis, window, stride)
    return y, (x, y)


def _backward(
    axis: int, window: int, stride: int, residuals: tuple[jax.Array, jax.Array], dy: jax.Array
) -> tuple[jax.Array]:
    x, y = residuals
    taken = jnp.zeros(y.shape, bool)
    shares = []
    for pixel in _shifted(x, axis, window, stride):
        here = (pixel == y) & ~taken
        taken |= here
        shares.append(jnp.where(here, dy, 0))
    # The k-th pixel of window i is the one at k % stride in the block of pixels i + k // stride.
    blocks = -(-x.shape[axis] // stride)
    zero = jnp.zeros((*y.shape[:axis], blocks, *y.shape[axis + 1 :]), dy.dtype)
    in_block = [zero] * stride
    for k, share in enumerate(shares):
        in_block[k % stride] += _placed(share, axis, k // stride, blocks)
    dx = jnp.stack(in_block, axis + 1)
    dx = dx.reshape(*x.shape[:axis], blocks * stride, *x.shape[axis + 1 :])
    return (lax.slice_in_dim(dx, 0, x.shape[axis], axis=axis),)


def _placed(a: jax.Array, axis: int, start: int, size: int) -> jax.Array:
    padding = [(0, 0)] * a.ndim
    padding[axis] = (start, size - start - a.shape[axis])
    return jnp.pad(a, padding)


_max_along.defvjp(_forward, _backward)
