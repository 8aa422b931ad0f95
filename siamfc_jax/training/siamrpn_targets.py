"""Which anchors of a pair SiamRPN learns from, and what (paper §3.2 and §3.3)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from siamfc_jax.models.anchors import Anchors, encode
from siamfc_jax.training.siamrpn_settings import RPNTraining

_CELLS_AROUND_OTHER = 3.5


class AnchorTargets(NamedTuple):
    """What each anchor of B pairs is to say, Y x X x k of them.

    Attributes:
      positive, negative: bool [B, Y, X, k], the anchors that are learnt from as such.
      offsets: float32 [B, Y, X, k, 4] from the positive anchors to the box (eq. 3); else 0.
      overlap: float32 [B, Y, X, k], IoU of the anchor with the box; 0 where that has no area.
    """

    positive: jax.Array
    negative: jax.Array
    offsets: jax.Array
    overlap: jax.Array


def anchor_targets(
    keys_B: jax.Array,
    anchors: Anchors,
    cells: int,
    box_Bx4: jax.Array,
    other_B: jax.Array,
    settings: RPNTraining,
) -> AnchorTargets:
    """Draw the anchors that are learnt from, of a response of cells x cells.

    From a box that is not finite or has no area nothing is learnt.

    Args:
      keys_B: all randomness, a key each pair, so that it is drawn alike in whatever batch it is.
      box_Bx4: float32 (cx, cy, w, h) in search pixels from the search image's centre.
      other_B: bool, the box shows another object than the exemplar.
    """
    usable = jnp.isfinite(box_Bx4).all(-1) & (box_Bx4[:, 2:] > 0).all(-1)
    anywhere = jnp.asarray([0.0, 0.0, 1.0, 1.0])[None]
    box = jnp.where(usable[:, None], box_Bx4, anywhere)[:, None, None, None]
    grid = jnp.asarray(anchors.grid(cells))[None]
    overlap = jnp.where(_of_each(usable), overlaps(grid, box), 0.0)
    target, other = _of_each(usable & ~other_B), _of_each(usable & other_B)

    positive_keys, negative_keys = jax.vmap(jax.random.split)(keys_B).T
    enough = target & (overlap > settings.positive_iou)
    positive = draw(positive_keys, enough, jnp.asarray(settings.most_positives))
    taken: int | jax.Array = settings.most_positives
    if settings.classification == "mean":
        taken = positive.sum((1, 2, 3))
    away = jnp.abs(grid[..., :2] - box[..., :2]).max(-1)
    near = other & (away < _CELLS_AROUND_OTHER * anchors.stride)
    background = target & (overlap < settings.negative_iou)
    most = jnp.where(other_B, settings.of_other_object, settings.most_samples - taken)
    negative = draw(negative_keys, background | near, most)

    offsets = jnp.where(positive[..., None], encode(box, grid), 0.0)
    return AnchorTargets(positive, negative, offsets, overlap)


def overlaps(a: jax.Array, b: jax.Array) -> jax.Array:
    """IoU [...] of boxes (cx, cy, w, h) [..., 4] of positive sizes."""
    low = jnp.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    high = jnp.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    shared = jnp.prod(jnp.maximum(high - low, 0.0), -1)
    return shared / (jnp.prod(a[..., 2:], -1) + jnp.prod(b[..., 2:], -1) - shared)


def draw(keys_B: jax.Array, among: jax.Array, most: jax.Array) -> jax.Array:
    """At most so many of each pair's True elements ([B], or one number for all): bool [B, ...]."""

    def of_one(key: jax.Array, among_N: jax.Array, most: jax.Array) -> jax.Array:
        order = jax.random.permutation(key, among_N.size)
        lot = jnp.where(among_N, order, among_N.size)
        last = jnp.sort(lot)[jnp.clip(most - 1, 0, among_N.size - 1)]
        return among_N & (lot <= last) & (most > 0)

    flat = among.reshape(len(among), -1)
    most_B = jnp.broadcast_to(most, (len(among),))
    return jax.vmap(of_one)(keys_B, flat, most_B).reshape(among.shape)


def _of_each(value_B: jax.Array) -> jax.Array:
    return value_B[:, None, None, None]
