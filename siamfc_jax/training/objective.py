"""What a network learns: the interface between the training step and the losses."""

from typing import Any, NamedTuple, Protocol

import jax

Tree = Any

AXIS = "data"
"""Name of the mesh axis over which a batch is split."""


class Batch(NamedTuple):
    """B stored pairs; see `siamfc_jax.data.pair_record.PairRecord`.

    Attributes:
      exemplar: uint8 [B, E, E, 3] RGB.
      search: uint8 [B, M, M, 3].
      exemplar_box, search_box: float32 [B, 4] (x, y, w, h) of the target in its crop.
      negative: bool [B], the search image shows another object.
      video: int32 [B], equal where the exemplars' videos are.
    """

    exemplar: jax.Array
    search: jax.Array
    exemplar_box: jax.Array
    search_box: jax.Array
    negative: jax.Array
    video: jax.Array


class Shown(NamedTuple):
    """What the network saw of B pairs, and what it answered.

    Attributes:
      exemplar: float32 [B, E, E, 3] RGB 0..255.
      search: float32 [B, S, S, 3].
      response: float32 [B, R, R], a cell for every stride in pixels around the search image's
        centre: higher where the target is.
    """

    exemplar: jax.Array
    search: jax.Array
    response: jax.Array


class Objective(Protocol):
    """What a network learns from a batch. Frozen and hashable."""

    def loss(
        self, params: Tree, averages: Tree, batch: Batch, keys_B: jax.Array, *, train: bool
    ) -> tuple[jax.Array, tuple[Tree, Any, Shown]]:
        """The loss of this device's share of a batch; runs inside `jax.shard_map` over AXIS.

        Args:
          params: {"backbone": parameters of the backbone's module, "head": of the head}: see
            `step.TrainState`.
          averages: running averages of all batch norms, {"bnX": {"mean", "var"}}.
          keys_B: all randomness, one key a pair, whatever share of the batch this is.
          train: pairs are augmented and batch norms use the batch; else the target is only moved
            off the centre, the same way every time, and the norms use their running averages.

        Returns:
          The mean loss of this share, from which gradients are taken; then the new averages (of
          this share), a NamedTuple of scalars (means over the whole batch; "loss", "centre_error"
          and others), and what is shown of the share's pairs.
        """
