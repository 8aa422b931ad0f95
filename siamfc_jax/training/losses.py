"""The logistic loss of a response map (v2 paper §2.2, eqs. 3 and 4)."""

import jax
import jax.numpy as jnp


def logistic_loss(score: jax.Array, positive: jax.Array) -> jax.Array:
    """log(1 + exp(-y v)) with y = +1 where `positive` and -1 elsewhere (eq. 3); any shape."""
    return jax.nn.softplus(jnp.where(positive, -score, score))


def balanced_logistic_loss(response_BxHxW: jax.Array, positive_BxHxW: jax.Array) -> jax.Array:
    """Loss [B] of each response map: its positive and its negative cells count half each.

    "The losses of the positive and negative examples in the score map are weighted to eliminate
    class imbalance" (§2.2). A map without positives (or negatives) is the plain mean of eq. 4.
    """
    losses = logistic_loss(response_BxHxW, positive_BxHxW)
    positives = positive_BxHxW.astype(jnp.float32).sum((1, 2))
    negatives = positive_BxHxW[0].size - positives
    both = (positives > 0) & (negatives > 0)
    share = jnp.where(both, 0.5, 1.0)
    weight_positive = (share / jnp.maximum(positives, 1))[:, None, None]
    weight_negative = (share / jnp.maximum(negatives, 1))[:, None, None]
    return (jnp.where(positive_BxHxW, weight_positive, weight_negative) * losses).sum((1, 2))
