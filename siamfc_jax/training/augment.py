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

from siamfc_jax.crops import Frames, crop_regions
from siamfc_jax.training.colours import blur, colour_offset, recolour, to_grey

_RANGES = {
    "stretch": (0.0, 0.9),
    "search_stretch": (0.0, 0.9),
    "scale": (0.0, 0.9),
    "shift": (0.0, 1e4),
    "colour": (0.0, 10.0),
    "contrast": (0.0, 10.0),
    "grey": (0.0, 1.0),
    "blur": (0.0, 1.0),
}


@dataclass(frozen=True)
class Augmentation:
    """How strongly a pair of stored crops is varied. Released values are the defaults, but for the
    labels: there they stay in the middle however the images are shifted. Affine in the sense of
    SiamRPN's released code: stretched and shifted, neither turned nor sheared.

    Attributes:
      stretch: each axis is scaled by a factor in 1 +- stretch.
      search_stretch: of the search image alone, instead of `stretch` (released SiamRPN: .18, with
        .05 for the exemplar).
      scale: the search image is besides scaled by a factor in 1 +- scale, both axes alike.
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
    search_stretch: float | None = None
    scale: float = 0.0
    shift: float = 4.0
    colour: float = 0.1
    contrast: float = 0.0
    grey: float = 0.25
    blur: float = 0.0
    flip: bool = False

    def __post_init__(self) -> None:
        expect_within(self, _RANGES)


def expect_within(settings: Any, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raises ValueError where a field of `settings` lies outside its range, or is no number; a
    field may be None."""
    for name, (low, high) in ranges.items():
        value = getattr(settings, name)
        if value is not None and not low <= value <= high:
            raise ValueError(f"{name} is {value}; it must be within {low:g} and {high:g}")


class Pairs(NamedTuple):
    """B augmented pairs.

    What lies p pixels (x, y) from the centre of the stored search crop, lies zoom * p +
    displacement from the centre of the search image.

    Attributes:
      exemplar: [B, 127, 127, 3] float32 RGB 0..255.
      search: [B, S, S, 3] float32.
      displacement: [B, 2] float32, (x, y) of the target from the centre of the search image.
      zoom: [B, 2] float32, (x, y); x's is negative where the pair is mirrored.
    """

    exemplar: jax.Array
    search: jax.Array
    displacement: jax.Array
    zoom: jax.Array


def carry_boxes(box_Bx4: jax.Array, room: int, pairs: Pairs) -> jax.Array:
    """Boxes of the stored search crops as they lie in the search images.

    Args:
      box_Bx4: float32 (x, y, w, h) in pixels of the stored crops (`Batch.search_box`).
      room: side of the stored crops.

    Returns:
      [B, 4] float32 (x, y, w, h), (x, y) being the boxes' centres from the centre of the search
      image, in its pixels.
    """
    centre = box_Bx4[:, :2] + box_Bx4[:, 2:] / 2 - room / 2
    return jnp.concatenate(
        [centre * pairs.zoom + pairs.displacement, box_Bx4[:, 2:] * jnp.abs(pairs.zoom)], -1
    )


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
    for_exemplar = _draw(exemplar_key, settings, settings.stretch, _exemplar_shift(settings))
    for_search = _draw(search_key, settings, _search_stretch(settings), settings.shift)
    if settings.scale:
        for_search = _scaled(search_key, for_search, settings.scale)
    chance = jax.vmap(lambda key: jax.random.uniform(key, (3,)))(pair_key)

    exemplar = _vary(exemplar_BxExEx3, exemplar_size, for_exemplar)
    search = _vary(search_BxMxMx3, search_size, for_search)
    displacement, zoom = for_search.displacement, for_search.zoom

    grey = _per_image(chance[:, 0] < settings.grey)
    exemplar = jnp.where(grey, to_grey(exemplar), exemplar)
    search = jnp.where(grey, to_grey(search), search)
    if settings.blur > 0:
        search = jnp.where(_per_image(chance[:, 1] < settings.blur), blur(search), search)
    if settings.flip:
        mirrored = chance[:, 2] < 0.5
        exemplar = jnp.where(_per_image(mirrored), exemplar[:, :, ::-1], exemplar)
        search = jnp.where(_per_image(mirrored), search[:, :, ::-1], search)
        sign = jnp.where(mirrored[:, None], jnp.asarray([[-1.0, 1.0]]), 1.0)
        displacement, zoom = displacement * sign, zoom * sign
    return Pairs(exemplar, search, displacement, zoom)


def validation_pairs(
    keys_B: jax.Array,
    exemplar_BxExEx3: jax.Array,
    search_BxMxMx3: jax.Array,
    *,
    exemplar_size: int,
    search_size: int,
    shift: float,
    stretch: float = 0.0,
) -> Pairs:
    """The middle of each exemplar, and search images in which the target is up to `shift` pixels
    off the centre, as far as the room allows, and each axis scaled by a factor in 1 +- `stretch`;
    nothing else is varied."""
    batch, room = search_BxMxMx3.shape[:2]
    reach = min(shift, max((room * (1 - stretch) - search_size) / 2, 0.0))
    still = _Image(
        jnp.ones((batch, 2)), jnp.zeros((batch, 2)), jnp.zeros((batch, 3)), jnp.zeros(batch)
    )
    away = jax.vmap(lambda key: jax.random.uniform(key, (2,), minval=-reach, maxval=reach))(keys_B)
    exemplar = _cut(exemplar_BxExEx3, exemplar_size, still)
    moved = still._replace(displacement=away)
    if stretch:
        keys = jax.vmap(jax.random.fold_in, (0, None))(keys_B, 0)
        moved = moved._replace(zoom=_factors(keys, stretch, 2))
    return Pairs(exemplar, _cut(search_BxMxMx3, search_size, moved), away, moved.zoom)


def room_for(size: int, stretch: float, shift: float) -> int:
    """Side of a stored crop out of which `size` pixels, stretched and shifted, need no padding."""
    return math.ceil((size + 2 * shift) / (1 - stretch))


def rooms_for(settings: Augmentation, exemplar_size: int, search_size: int) -> tuple[int, int]:
    """Sides of stored exemplars and search crops that augmentation never sees the end of."""
    exemplar = room_for(exemplar_size, settings.stretch, _exemplar_shift(settings))
    smallest = (1 - _search_stretch(settings)) * (1 - settings.scale)
    return exemplar, room_for(search_size, 1 - smallest, settings.shift)


def _exemplar_shift(settings: Augmentation) -> float:
    return min(4.0, settings.shift / 4)


def _search_stretch(settings: Augmentation) -> float:
    return settings.stretch if settings.search_stretch is None else settings.search_stretch


def _draw(keys_B: jax.Array, settings: Augmentation, stretch: float, shift: float) -> _Image:
    def of_one(key: jax.Array) -> _Image:
        zoom, displacement, colour, contrast = jax.random.split(key, 4)
        return _Image(
            1 + jax.random.uniform(zoom, (2,), minval=-stretch, maxval=stretch),
            jax.random.uniform(displacement, (2,), minval=-shift, maxval=shift),
            colour_offset(settings.colour, jax.random.normal(colour, (3,))),
            settings.contrast * jax.random.normal(contrast),
        )

    return jax.vmap(of_one)(keys_B)


def _scaled(keys_B: jax.Array, image: _Image, scale: float) -> _Image:
    """The same image with both axes scaled alike. Its randomness is folded in, so that the other
    draws are the same with and without."""
    keys = jax.vmap(jax.random.fold_in, (0, None))(keys_B, 4)
    return image._replace(zoom=image.zoom * _factors(keys, scale, 1))


def _factors(keys_B: jax.Array, reach: float, count: int) -> jax.Array:
    """Factors [B, count] in 1 +- reach."""
    return 1 + jax.vmap(lambda key: jax.random.uniform(key, (count,), minval=-reach, maxval=reach))(
        keys_B
    )


def _per_image(values_B: jax.Array) -> jax.Array:
    return values_B[:, None, None, None]


def _vary(stored: jax.Array, size: int, image: _Image) -> jax.Array:
    return recolour(_cut(stored, size, image), image.contrast, image.offset)


def _cut(stored: jax.Array, size: int, image: _Image) -> jax.Array:
    batch, room = stored.shape[:2]
    zoom = image.zoom[:, None]
    extent = size / zoom
    corner = room / 2 - image.displacement[:, None] / zoom - extent / 2
    frames = Frames(stored, jnp.full((batch, 2), room, jnp.int32))
    stream = jnp.arange(batch, dtype=jnp.int32)
    pad = stored.astype(jnp.float32).mean((1, 2))
    return crop_regions(frames, stream, corner, extent, pad, size)[:, 0]
