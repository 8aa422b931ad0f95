"""Labels of a response map (v2 paper §2.2, eq. 6)."""

import jax
import jax.numpy as jnp


def response_labels(
    cells: int, displacement_Bx2: jax.Array, *, radius: float = 16.0, stride: int = 8
) -> jax.Array:
    """Which cells of each response map belong to the target, bool [B, cells, cells].

    Cell u is positive where stride * |u - c| <= radius, c being the cell of the target (eq. 6).

    Args:
      cells: side of the response map.
      displacement_Bx2: float32 (x, y), the target's centre relative to the centre of the search
        image, in search pixels.
      radius: in search pixels; 16 is 2 cells: 13 positive cells when the target is centred.
    """
    offset = (jnp.arange(cells, dtype=jnp.float32) - (cells - 1) / 2) * stride
    dx = offset[None, :] - displacement_Bx2[:, 0, None]
    dy = offset[None, :] - displacement_Bx2[:, 1, None]
    return dy[:, :, None] ** 2 + dx[:, None, :] ** 2 <= radius**2
