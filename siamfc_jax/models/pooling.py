"""Max pooling, NHWC, valid."""

import functools

import jax
import jax.numpy as jnp
from jax import lax


def max_pool(x_BxHxWxC: jax.Array, *, window: int = 3, stride: int = 2) -> jax.Array:
    """Maximum over square windows that lie whole inside the image.

    Returns [B, (H - window) // stride + 1, (W - window) // stride + 1, C]. Of equal maxima
    in a window each gets its share of the gradient.
    """
    rows = _max_along(x_BxHxWxC, 1, window, stride)
    return _max_along(rows, 2, window, stride)


def _max_along(x: jax.Array, axis: int, window: int, stride: int) -> jax.Array:
    # Maxima of strided slices: XLA's window reduction, and above all its gradient, is several
    # times slower on CPUs.
    last = x.shape[axis] - window
    shifted = [
        lax.slice_in_dim(x, offset, last + offset + 1, stride, axis) for offset in range(window)
    ]
    return functools.reduce(jnp.maximum, shifted)
