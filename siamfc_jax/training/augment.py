"""Augmentation of stored crops on the device.

All random numbers of a pair are drawn from a key of its own, so a batch is augmented alike however
it is split over devices.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from siamfc_jax.crops import Frames, crop_regions

# Principal components of ImageNet's colours (columns, for R, G, B; Krizhevsky et al. 2012 §4.1, as
# commonly published), and the standard deviation of 0..255 pixels along each.
_COLOUR_AXES = np.asarray(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]],
    np.float32,
)
_COLOUR_SPREAD = np.asarray([94.9, 27.9, 13.6], np.float32)

_RANGES = {
    "stretch": (0.0, 0.9),
    "shift": (0.0, 1e4),
    "colour": (0.0, 10.0),
    "contrast": (0.0, 10.0),
    "grey": (0.0, 1.0),
    "blur": (0.0, 1.0),
}


@dataclass(frozen=True)
class Augmentation:
    """How strongly a pair of stored crops is varied. Released values are the defaults, but for the
    labels: there they stay in the middle however the images are shifted.

    Attributes:
      stretch: each axis is scaled by a factor in 1 +- stretch.
      shift: greatest shift of the target from the centre of the search image, in pixels per axis.
        The labels follow it. The exemplar is shifted by at most 4 pixels and a quarter of this.
      colour: each image's colours are offset along the principal components of natural colours,
        by this many standard deviations (released: .1).
      contrast: standard deviation of the logarithm of each image's contrast (released: none).
      grey: share of pairs turned grey (v2 §4.3: .25 for OTB only).
      blur: share of search images that are blurred (released: none).
      flip: mirror half of the pairs (released: not).
    """

    stretch: float = 0.05
    shift: float = 4.0
    colour: float = 0.1
    contrast: float = 0.0
    grey: float = 0.25
    blur: float = 0.0
    flip: bool = False

    def __post_init__(self) -> None:
        expect_within(self, _RANGES)


def expect_within(settings: Any, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raises ValueError where a field of `settings` lies outside its range, or is no number."""
    for name, (low, high) in ranges.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}; it must be within {low:g} and {high:g}")


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


class _Image(NamedTuple):
    """Random numbers of one image: zoom [2], displacement [2], colour offset [3], log contrast."""

    zoom: jax.Array
    displacement: jax.Array
    offset: jax.Array
    contrast: jax.Array


def augment_pairs(
    keys_B: jax.Array,
    exemplar_BxExEx3: jax.Array,
    search_BxMxMx3: jax.Array,
    settings: Augmentation,
    *,
    exemplar_size: int,
    search_size: int,
) -> Pairs:
    """Cut an exemplar and a search image out of each pair of stored crops, varied at random.

    Args:
      keys_B: all randomness, one key a pair.
      exemplar_BxExEx3, search_BxMxMx3: uint8 crops centred on their targets at the final scale
        with room around; `room_for` tells how much leaves no padding.
    """
    exemplar_key, search_key, pair_key = jax.vmap(lambda key: jax.random.split(key, 3))(keys_B).T
    small_shift = min(4.0, settings.shift / 4)
    for_exemplar = jax.vmap(lambda key: _draw(key, settings, small_shift))(exemplar_key)
    for_search = jax.vmap(lambda key: _draw(key, settings, settings.shift))(search_key)
    chance = jax.vmap(lambda key: jax.random.uniform(key, (3,)))(pair_key)

    exemplar = _recolour(_cut(exemplar_BxExEx3, exemplar_size, for_exemplar), for_exemplar)
    search = _recolour(_cut(search_BxMxMx3, search_size, for_search), for_search)
    displacement = for_search.displacement

    grey = _per_image(chance[:, 0] < settings.grey)
    exemplar = jnp.where(grey, _to_grey(exemplar), exemplar)
    search = jnp.where(grey, _to_grey(search), search)
    if settings.blur > 0:
        search = jnp.where(_per_image(chance[:, 1] < settings.blur), _blur(search), search)
    if settings.flip:
        mirrored = chance[:, 2] < 0.5
        exemplar = jnp.where(_per_image(mirrored), exemplar[:, :, ::-1], exemplar)
        search = jnp.where(_per_image(mirrored), search[:, :, ::-1], search)
        sign = jnp.where(mirrored[:, None], jnp.asarray([[-1.0, 1.0]]), 1.0)
        displacement = displacement * sign
    return Pairs(exemplar, search, displacement)


def validation_pairs(
    keys_B: jax.Array,
    exemplar_BxExEx3: jax.Array,
    search_BxMxMx3: jax.Array,
    *,
    exemplar_size: int,
    search_size: int,
    shift: float,
) -> Pairs:
    """The middle of each exemplar, and search images in which the target is up to `shift` pixels
    off the centre, as far as the room allows; nothing else is varied."""
    batch, room = search_BxMxMx3.shape[:2]
    reach = min(shift, max((room - search_size) / 2, 0.0))
    still = _Image(
        jnp.ones((batch, 2)), jnp.zeros((batch, 2)), jnp.zeros((batch, 3)), jnp.zeros(batch)
    )
    away = jax.vmap(lambda key: jax.random.uniform(key, (2,), minval=-reach, maxval=reach))(keys_B)
    exemplar = _cut(exemplar_BxExEx3, exemplar_size, still)
    search = _cut(search_BxMxMx3, search_size, still._replace(displacement=away))
    return Pairs(exemplar, search, away)


def room_for(size: int, stretch: float, shift: float) -> int:
    """Side of a stored crop out of which `size` pixels, stretched and shifted, need no padding."""
    return math.ceil((size + 2 * shift) / (1 - stretch))


def _draw(key: jax.Array, settings: Augmentation, shift: float) -> _Image:
    zoom, displacement, colour, contrast = jax.random.split(key, 4)
    along_axes = settings.colour * _COLOUR_SPREAD * jax.random.normal(colour, (3,))
    return _Image(
        1 + jax.random.uniform(zoom, (2,), minval=-settings.stretch, maxval=settings.stretch),
        jax.random.uniform(displacement, (2,), minval=-shift, maxval=shift),
        jnp.asarray(_COLOUR_AXES) @ along_axes,
        settings.contrast * jax.random.normal(contrast),
    )


def _per_image(values_B: jax.Array) -> jax.Array:
    return values_B[:, None, None, None]


def _cut(stored: jax.Array, size: int, image: _Image) -> jax.Array:
    batch, room = stored.shape[:2]
    zoom = image.zoom[:, None]
    extent = size / zoom
    corner = room / 2 - image.displacement[:, None] / zoom - extent / 2
    frames = Frames(stored, jnp.full((batch, 2), room, jnp.int32))
    stream = jnp.arange(batch, dtype=jnp.int32)
    pad = stored.astype(jnp.float32).mean((1, 2))
    return crop_regions(frames, stream, corner, extent, pad, size)[:, 0]


def _recolour(images: jax.Array, image: _Image) -> jax.Array:
    gain = _per_image(jnp.exp(image.contrast))
    mean = images.mean((1, 2), keepdims=True)
    return jnp.clip((images - mean) * gain + mean + image.offset[:, None, None], 0.0, 255.0)


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
