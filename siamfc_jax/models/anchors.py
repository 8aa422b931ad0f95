"""Anchors: the boxes that SiamRPN's offsets are relative to (SiamRPN paper §3.2-3.3)."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Anchors:
    """One box of every ratio in every cell of the response.

    Attributes:
      ratios: height over width; their number is k (§3.3 and Table 3).
      scale: size in units of the stride, one for all (§3.3; released 8).
      stride: search pixels between neighbouring cells, the network's total stride.
    """

    ratios: tuple[float, ...] = (0.33, 0.5, 1.0, 2.0, 3.0)
    scale: int = 8
    stride: int = 8

    def __post_init__(self) -> None:
        if not self.ratios or min(self.ratios) <= 0:
            raise ValueError(f"anchor ratios must be positive, not {self.ratios}")
        if min(min(size) for size in self.sizes) < 1:
            raise ValueError(f"anchors of ratios {self.ratios} and scale {self.scale} have no area")

    @property
    def count(self) -> int:
        """Anchors in a cell, the paper's k."""
        return len(self.ratios)

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(width, height) of each ratio's anchor in search pixels, rounded as in released code.

        The default ratios give 104x32, 88x40, 64x64, 40x80 and 32x96.
        """
        widths = [int(math.sqrt(self.stride**2 / ratio)) for ratio in self.ratios]
        return tuple(
            (width * self.scale, int(width * ratio) * self.scale)
            for width, ratio in zip(widths, self.ratios, strict=True)
        )

    def grid(self, cells: int) -> NDArray[np.float32]:
        """All anchors of a response of cells x cells.

        Returns:
          float32 [Y, X, k, 4] (cx, cy, w, h), whole search pixels, relative to the centre of the
          search image. Released code puts the first cell at -(cells // 2) * stride; this is the
          same where the number of cells is odd (search images of 255, 271 and 287 pixels), and
          else half a stride further, where the cells are.
        """
        place = np.arange(cells) * self.stride - (cells - 1) * self.stride // 2
        grid = np.empty((cells, cells, self.count, 4), np.float32)
        grid[..., 0] = place[None, :, None]
        grid[..., 1] = place[:, None, None]
        grid[..., 2:] = np.asarray(self.sizes)
        return grid


A3 = Anchors((0.5, 1.0, 2.0))
A5 = Anchors()
A7 = Anchors((0.25, 0.33, 0.5, 1.0, 2.0, 3.0, 4.0))
"""The sets of ratios of Table 3; A5 was best."""


def encode(boxes: jax.Array, anchors: jax.Array) -> jax.Array:
    """Offsets [..., 4] that take anchors to boxes (eq. 3).

    Args:
      boxes, anchors: [..., 4] (cx, cy, w, h) in the same pixels, of sizes > 0; they broadcast.

    Returns:
      ((cx - cx') / w', (cy - cy') / h', ln(w / w'), ln(h / h')), the anchors' primed. The paper
      prints ln(w' / w), but decodes ln(w / w') in eq. 12.
    """
    centre = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return jnp.concatenate([centre, jnp.log(boxes[..., 2:] / anchors[..., 2:])], -1)


def decode(offsets: jax.Array, anchors: jax.Array) -> jax.Array:
    """Boxes [..., 4] (cx, cy, w, h), the inverse of `encode` (eq. 12)."""
    centre = offsets[..., :2] * anchors[..., 2:] + anchors[..., :2]
    return jnp.concatenate([centre, jnp.exp(offsets[..., 2:]) * anchors[..., 2:]], -1)
