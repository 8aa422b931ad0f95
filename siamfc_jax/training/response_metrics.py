"""How good a response map is, beside its loss."""

import jax
import jax.numpy as jnp


def centre_errors(response_BxHxW: jax.Array, displacement_Bx2: jax.Array) -> jax.Array:
    """Distance [B] in search pixels between the highest cell and the target (stride 8)."""
    side = response_BxHxW.shape[-1]
    flat = jnp.argmax(response_BxHxW.reshape(len(response_BxHxW), -1), -1)
    peak = jnp.stack([flat % side, flat // side], -1).astype(jnp.float32)
    return jnp.linalg.norm((peak - (side - 1) / 2) * 8 - displacement_Bx2, axis=-1)


def response_aucs(
    response_BxHxW: jax.Array,
    positive_BxHxW: jax.Array,
    negative_BxHxW: jax.Array | None = None,
) -> jax.Array:
    """Area [B] under the ROC curve of each map's cells: the chance that a positive cell scores
    higher than a negative one, ties counting half. NaN where a map lacks either kind.

    Cells that are not positive are negative, if it is not said which are.
    """

    def auc(score_N: jax.Array, positive_N: jax.Array, negative_N: jax.Array) -> jax.Array:
        higher = (score_N[:, None] > score_N[None]).astype(jnp.float32)
        equal = (score_N[:, None] == score_N[None]).astype(jnp.float32)
        opposed = positive_N[:, None] & negative_N[None]
        wins = jnp.where(opposed, higher + 0.5 * equal, 0.0).sum()
        return wins / opposed.astype(jnp.float32).sum()

    negative = ~positive_BxHxW if negative_BxHxW is None else negative_BxHxW
    maps = (response_BxHxW, positive_BxHxW, negative)
    return jax.vmap(auc)(*(each.reshape(len(each), -1) for each in maps))
