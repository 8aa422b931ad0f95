"""The losses of SiamRPN (paper §3.2, eqs. 4 to 6), normalised as in released code."""

import jax
import jax.numpy as jnp
from jax import lax

from siamfc_jax.models.rpn_heads import Proposals
from siamfc_jax.training.objective import AXIS
from siamfc_jax.training.siamrpn_settings import RPNTraining
from siamfc_jax.training.siamrpn_targets import AnchorTargets


def classification_loss(
    proposals: Proposals, targets: AnchorTargets, settings: RPNTraining
) -> jax.Array:
    """This share's part of the mean cross-entropy of the chosen anchors of the whole batch.

    Runs inside `jax.shard_map` over AXIS; the mean of all shares' parts is that mean, although they
    have chosen unequal numbers. The positive and the negative anchors have a mean each, which count
    half, if `settings` say so; what has no anchor counts 0.
    """
    losses = cross_entropies(proposals.logits, targets.positive)
    if settings.classification == "mean":
        return _mean(losses, targets.positive | targets.negative)
    return 0.5 * _mean(losses, targets.positive) + 0.5 * _mean(losses, targets.negative)


def regression_loss(
    proposals: Proposals, targets: AnchorTargets, settings: RPNTraining
) -> jax.Array:
    """Mean over a share's pairs of the mean over a pair's positive anchors, 0 where it has none."""
    sigma = settings.sigma if settings.regression == "smooth-l1" else None
    losses = offset_losses(proposals.offsets, targets.offsets, sigma)
    sums = jnp.where(targets.positive, losses, 0.0).sum((1, 2, 3))
    counts = targets.positive.astype(jnp.float32).sum((1, 2, 3))
    return (sums / jnp.maximum(counts, 1.0)).mean()


def cross_entropies(logits: jax.Array, foreground: jax.Array) -> jax.Array:
    """-ln of the probability [...] that the softmax of `logits` gives to the truth.

    Args:
      logits: [..., 2], background and foreground.
      foreground: bool [...], the truth.
    """
    margin = logits[..., 1] - logits[..., 0]
    return jax.nn.softplus(jnp.where(foreground, -margin, margin))


def offset_losses(offsets: jax.Array, truth: jax.Array, sigma: float | None) -> jax.Array:
    """Sum [...] over the four offsets [..., 4] of the smooth L1 distance (eq. 6), or with sigma
    None of the L1 distance."""
    distance = offsets - truth
    losses = jnp.abs(distance) if sigma is None else smooth_l1(distance, sigma)
    return losses.sum(-1)


def smooth_l1(x: jax.Array, sigma: float) -> jax.Array:
    """sigma^2 x^2 / 2 where |x| < 1 / sigma^2, |x| - 1 / (2 sigma^2) elsewhere (eq. 4)."""
    size = jnp.abs(x)
    return jnp.where(size < 1 / sigma**2, 0.5 * sigma**2 * x**2, size - 0.5 / sigma**2)


def _mean(values: jax.Array, chosen: jax.Array) -> jax.Array:
    of_each_share = lax.pmean(chosen.astype(jnp.float32).sum(), AXIS)
    return jnp.where(chosen, values, 0.0).sum() / jnp.maximum(of_each_share, 1e-6)
