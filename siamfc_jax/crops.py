"""The context crop: a square around the target, resized, with the mean colour beyond the frame.

Scale normalisation is the papers' eq. 7: a box (w, h) with the context margin p = (w + h) / 4 on
each side covers the area s^2 = (w + 2p)(h + 2p), which the exemplar shows at exemplar_size^2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Frames(NamedTuple):
    """One frame of each of F videos, on a canvas that they share.

    Attributes:
      pixels: [F, H, W, 3] uint8 (or float32) RGB; beyond a frame's true size its values are unused
        but must be zero, so that sums over the canvas are sums over the frame.
      sizes: [F, 2] int32, true (width, height) of each frame, at most (W, H).
    """

    pixels: jax.Array
    sizes: jax.Array


def context_side(size_Tx2: jax.Array, context: float) -> jax.Array:
    """Side [T] in frame pixels of the exemplar's square (eq. 7; context .5 is p = (w + h) / 4)."""
    margin = context * jnp.sum(size_Tx2, -1, keepdims=True)
    return jnp.sqrt(jnp.prod(size_Tx2 + margin, -1))


def mean_colour(frames: Frames) -> jax.Array:
    """Mean RGB [F, 3] of each frame in 0..255, computed without rounding surprises."""
    row_sums = jnp.sum(frames.pixels.astype(jnp.int32), axis=2)
    total = jnp.sum(row_sums.astype(jnp.float32), axis=1)
    return total / jnp.prod(frames.sizes.astype(jnp.float32), -1)[:, None]


def crop_regions(
    frames: Frames,
    stream_T: jax.Array,
    corner_TxSx2: jax.Array,
    extent_TxSx2: jax.Array,
    pad_Tx3: jax.Array,
    out_size: int,
) -> jax.Array:
    """Cut S regions per target out of its frame and resize each to out_size x out_size.

    Bilinear with half-pixel centres: output pixel (i, j) of row i and column j samples the frame
    at corner + (j + .5, i + .5) * extent / out_size. Equal to padding the frame with `pad` first.

    Args:
      frames: F frames on one canvas.
      stream_T: int32, which frame each target lives in.
      corner_TxSx2: float32 upper-left corner (x, y) of each region in frame pixels (continuous,
        origin at the upper-left corner of the upper-left pixel); may lie outside the frame.
      extent_TxSx2: float32 (width, height) of each region in frame pixels, > 0.
      pad_Tx3: float32 RGB used beyond the frame.
      out_size: side of the result in pixels.

    Returns:
      [T, S, out_size, out_size, 3] float32, RGB 0..255.
    """
    height, width = frames.pixels.shape[1:3]
    grid = (jnp.arange(out_size, dtype=jnp.float32) + 0.5)[None, None, None]
    position = corner_TxSx2[..., None] + grid * (extent_TxSx2 / out_size)[..., None] - 0.5
    low = jnp.floor(position)
    weight = position - low
    limit = frames.sizes[stream_T].astype(jnp.float32)[:, None, :, None, None]
    taps = jnp.stack([low, low + 1], -1)  # [T, S, (x, y), out_size, 2]
    inside = (taps >= 0) & (taps < limit)
    last = jnp.asarray([width - 1, height - 1], jnp.float32)[None, None, :, None, None]
    index = jnp.clip(taps, 0.0, last).astype(jnp.int32)
    weights = jnp.stack([1 - weight, weight], -1)

    flat = frames.pixels.reshape(-1, 3)
    base = (stream_T * (height * width))[:, None, None, None]
    pad = pad_Tx3[:, None, None, None, :]
    crop = jnp.zeros((*extent_TxSx2.shape[:2], out_size, out_size, 3), jnp.float32)
    for dy in range(2):
        for dx in range(2):
            rows, columns = index[:, :, 1, :, None, dy], index[:, :, 0, None, :, dx]
            pixel = flat[base + rows * width + columns].astype(jnp.float32)
            visible = inside[:, :, 1, :, None, dy] & inside[:, :, 0, None, :, dx]
            share = weights[:, :, 1, :, None, dy] * weights[:, :, 0, None, :, dx]
            crop += share[..., None] * jnp.where(visible[..., None], pixel, pad)
    return crop


def crop_squares(
    frames: Frames,
    stream_T: jax.Array,
    corner_TxSx2: jax.Array,
    side_TxS: jax.Array,
    pad_Tx3: jax.Array,
    out_size: int,
) -> jax.Array:
    """`crop_regions` of squares with the sides `side_TxS`."""
    extent = jnp.repeat(side_TxS[..., None], 2, -1)
    return crop_regions(frames, stream_T, corner_TxSx2, extent, pad_Tx3, out_size)
