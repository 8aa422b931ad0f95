"""Augmentation of stored crops on the device."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from siamfc_jax.crops import Frames, crop_regions


@dataclass(frozen=True)
class Augmentation:
    """How strongly a pair of stored crops is varied. Released values are the defaults.

    Attributes:
      stretch: each axis is scaled by a factor in 1 +- stretch.
      shift: greatest shift of the target from the centre of the search image, in pixels per axis.
        The labels follow it. The exemplar is shifted by at most 4 pixels and a quarter of this.
      colour: standard deviation of the random gain and offset of each colour channel, relative
        to the full range.
      grey: share of pairs turned grey (v2 §4.3: .25 for OTB only).
      blur: share of search images that are blurred.
      flip: mirror half of the pairs. Released code does not.
    """

    stretch: float = 0.05
    shift: float = 4.0
    colour: float = 0.1
    grey: float = 0.25
    blur: float = 0.0
    flip: bool = False


class Pairs(NamedTuple):
    """B augmented pairs.

    Attributes:
      exemplar: [B, 127, 127, 3] float32 RGB 0..255.
      search: [B, S, S, 3] float32.
      displacement: [B, 2] float32, (x, y) of the target from the centre of the search image.
    """

    exemplar: jax.Array
    search: jax.Array
    displacement: jax.Array


def augment_pairs(
    key: jax.Array,
    exemplar_BxMxMx3: jax.Array,
    search_BxMxMx3: jax.Array,
    settings: Augmentation,
    *,
    exemplar_size: int,
    search_size: int,
) -> Pairs:
    """Cut an exemplar and a search image out of each pair of stored crops, varied at random.

    Args:
      key: all randomness.
      exemplar_BxMxMx3, search_BxMxMx3: uint8 crops centred on their targets at the final scale
        with room around: M >= search_size * (1 + stretch) + 2 * shift leaves no padding.
    """
    keys = jax.random.split(key, 6)
    small_shift = min(4.0, settings.shift / 4)
    exemplar, _ = _cut(keys[0], exemplar_BxMxMx3, exemplar_size, settings.stretch, small_shift)
    search, displacement = _cut(
        keys[1], search_BxMxMx3, search_size, settings.stretch, settings.shift
    )
    exemplar = _colour(keys[2], exemplar, settings.colour)
    search = _colour(keys[3], search, settings.colour)

    batch = len(exemplar)
    chance = jax.random.uniform(keys[4], (3, batch))
    grey = (chance[0] < settings.grey)[:, None, None, None]
    exemplar = jnp.where(grey, _to_grey(exemplar), exemplar)
    search = jnp.where(grey, _to_grey(search), search)
    if settings.blur > 0:
        blurred = (chance[1] < settings.blur)[:, None, None, None]
        search = jnp.where(blurred, _blur(search), search)
    if settings.flip:
        mirrored = chance[2] < 0.5
        picked = mirrored[:, None, None, None]
        exemplar = jnp.where(picked, exemplar[:, :, ::-1], exemplar)
        search = jnp.where(picked, search[:, :, ::-1], search)
        sign = jnp.where(mirrored[:, None], jnp.asarray([[-1.0, 1.0]]), 1.0)
        displacement = displacement * sign
    return Pairs(exemplar, search, displacement)


def _cut(
    key: jax.Array, stored: jax.Array, size: int, stretch: float, shift: float
) -> tuple[jax.Array, jax.Array]:
    batch, room = stored.shape[:2]
    key_scale, key_shift = jax.random.split(key)
    zoom = 1 + jax.random.uniform(key_scale, (batch, 1, 2), minval=-stretch, maxval=stretch)
    displacement = jax.random.uniform(key_shift, (batch, 1, 2), minval=-shift, maxval=shift)
    extent = size / zoom
    corner = room / 2 - displacement / zoom - extent / 2
    frames = Frames(stored, jnp.full((batch, 2), room, jnp.int32))
    stream = jnp.arange(batch, dtype=jnp.int32)
    pad = stored.astype(jnp.float32).mean((1, 2))
    return crop_regions(frames, stream, corner, extent, pad, size)[:, 0], displacement[:, 0]


def _colour(key: jax.Array, images: jax.Array, strength: float) -> jax.Array:
    shared, per_channel = jax.random.split(key)
    batch = len(images)
    # Most of the variation is common to the channels: exposure; the rest is a colour cast.
    noise = jax.random.normal(shared, (2, batch, 1, 1, 1))
    noise += 0.5 * jax.random.normal(per_channel, (2, batch, 1, 1, 3))
    gain, offset = jnp.exp(strength * noise[0]), 255 * 0.5 * strength * noise[1]
    mean = images.mean((1, 2), keepdims=True)
    return jnp.clip((images - mean) * gain + mean + offset, 0.0, 255.0)


def _to_grey(images: jax.Array) -> jax.Array:
    weights = jnp.asarray([0.299, 0.587, 0.114])
    return jnp.broadcast_to((images @ weights)[..., None], images.shape)


def _blur(images: jax.Array) -> jax.Array:
    for axis in (1, 2):
        padded = jnp.concatenate(
            [jax.lax.slice_in_dim(images, 0, 1, axis=axis)] * 2
            + [images]
            + [jax.lax.slice_in_dim(images, -1, None, axis=axis)] * 2,
            axis,
        )
        size = images.shape[axis]
        taps = [jax.lax.slice_in_dim(padded, k, k + size, axis=axis) for k in range(5)]
        images = (taps[0] + 4 * taps[1] + 6 * taps[2] + 4 * taps[3] + taps[4]) / 16
    return images
