"""Crops of whole pixels, resized bilinearly when they grow and by area when they shrink.

The authors' camera-ready tracker resized so (OpenCV's INTER_LINEAR and INTER_AREA); their released
code notes that its own `imresize` differs from it slightly. It costs a product with the whole
frame; the crops of `siamfc_jax.crops` cost four pixels each, and are what everything else uses.
"""

import jax
import jax.numpy as jnp
from jax import lax

from siamfc_jax.crops import Frames


def resize_squares(
    frames: Frames,
    stream_T: jax.Array,
    corner_TxSx2: jax.Array,
    side_TxS: jax.Array,
    pad_Tx3: jax.Array,
    out_TxS: jax.Array,
    room: int,
) -> jax.Array:
    """Cut S squares of whole pixels per target and resize each to its own size.

    Each square is padded with `pad` beyond the frame, then resized alone.

    Args:
      frames, stream_T, pad_Tx3: as in `crops.crop_regions`.
      corner_TxSx2, side_TxS: float32 corner and side in frame pixels, whole numbers.
      out_TxS: float32 sizes of the results in pixels, whole numbers up to `room`.
      room: static size of the returned arrays; pixels from a result's size on mean nothing.

    Returns:
      [T, S, room, room, 3] float32.
    """
    height, width = frames.pixels.shape[1:3]
    size = frames.sizes[stream_T].astype(jnp.float32)
    columns = _weights(corner_TxSx2[..., 0], side_TxS, out_TxS, size[:, 0], room, width)
    rows = _weights(corner_TxSx2[..., 1], side_TxS, out_TxS, size[:, 1], room, height)
    # With the padding colour as zero, what lies beyond the frame adds nothing.
    pixels = frames.pixels[stream_T].astype(jnp.float32) - pad_Tx3[:, None, None]
    exact = lax.Precision.HIGHEST
    shrunk = jnp.einsum("tsuh,thwc->tsuwc", rows, pixels, precision=exact)
    resized = jnp.einsum("tsvw,tsuwc->tsuvc", columns, shrunk, precision=exact)
    return resized + pad_Tx3[:, None, None, None]


def _weights(
    corner_TxS: jax.Array,
    side_TxS: jax.Array,
    out_TxS: jax.Array,
    limit_T: jax.Array,
    room: int,
    canvas: int,
) -> jax.Array:
    """Weight [T, S, room, canvas] of every canvas pixel in every pixel of the result."""
    pixel = jnp.arange(canvas, dtype=jnp.float32)[None, None, None]
    ratio = (side_TxS / out_TxS)[..., None, None]
    output = jnp.arange(room, dtype=jnp.float32)[None, None, :, None]
    centre = (output + 0.5) * ratio - 0.5
    place = pixel - corner_TxS[..., None, None]
    # Beyond its border a square repeats its outermost pixels.
    nearest = jnp.clip(centre, 0.0, side_TxS[..., None, None] - 1)
    centre = jnp.where(ratio < 1, nearest, centre)
    # The share of a pixel under an output pixel `ratio` wide; for growing squares, its bilinear
    # weight. At ratio 1 both are 1 - distance.
    width = jnp.maximum(ratio, 1.0)
    weights = jnp.clip((width + 1) / 2 - jnp.abs(centre - place), 0.0, 1.0) / width
    inside = (
        (place >= 0) & (place < side_TxS[..., None, None]) & (pixel < limit_T[:, None, None, None])
    )
    return jnp.where(inside, weights, 0.0)
