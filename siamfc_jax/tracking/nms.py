"""Non-maximum suppression on the device."""

import jax
import jax.numpy as jnp
from jax import lax


def suppress(boxes_TxNx4: jax.Array, overlap: float) -> jax.Array:
    """Which of N boxes are left when each drops those after it that it overlaps too much.

    Args:
      boxes_TxNx4: (cx, cy, w, h), the best first; T independent lists.
      overlap: greatest IoU with a box before it, itself left, that a box may have.

    Returns:
      bool [T, N]; the first of each list is always left.
    """
    rank = jnp.arange(boxes_TxNx4.shape[1])
    earlier_NxN = rank[:, None] < rank[None]
    drops_TxNxN = (_ious(boxes_TxNx4) > overlap) & earlier_NxN[None]

    def settle(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        left, _ = state
        new = ~jnp.any(drops_TxNxN & left[:, :, None], axis=1)
        return new, jnp.any(new != left)

    # The first n entries are right after n rounds; mostly a few rounds settle all of them.
    start = jnp.ones(boxes_TxNx4.shape[:2], bool), jnp.asarray(True)
    left, _ = lax.while_loop(lambda state: state[1], settle, start)
    return left


def _ious(boxes_TxNx4: jax.Array) -> jax.Array:
    """IoU [T, N, N] of all pairs."""
    centre, size = boxes_TxNx4[..., :2], boxes_TxNx4[..., 2:]
    low, high = centre - size / 2, centre + size / 2
    shared = jnp.minimum(high[:, :, None], high[:, None]) - jnp.maximum(
        low[:, :, None], low[:, None]
    )
    intersection = jnp.prod(jnp.maximum(shared, 0.0), -1)
    area = jnp.prod(size, -1)
    return intersection / (area[:, :, None] + area[:, None] - intersection)
