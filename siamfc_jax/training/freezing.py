"""Layers that are not trained, from the start until an epoch of their own or to the end.

A frozen layer keeps its parameters to the bit: it has no gradient, no weight decay, no momentum,
and its batch norm uses and keeps its running averages.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from siamfc_jax.models.layers import add_row
from siamfc_jax.training.settings import TrainSettings

Tree = Any
Trains = bool | jax.Array


@dataclass(frozen=True)
class Freezing:
    """Which layers are trained at `step` (int32 scalar, may be traced).

    What never changes is decided when the step is compiled: a layer that is always frozen costs no
    backward pass, one that is always trained nothing at all.
    """

    settings: TrainSettings
    step: jax.Array

    def trains(self, layer: str) -> Trains:
        """Whether `layer` is trained; Python's True or False if that is so at every step."""
        first = first_trained_epoch(self.settings, layer)
        if not first:
            return first == 0
        return self.step >= first * self.settings.steps_per_epoch

    def only_trained(self, tree: Tree) -> Tree:
        """`tree`, whose leaves lie in a layer each, with zeros in the frozen ones."""
        return self._choose(tree, lambda trains, leaf: jnp.where(trains, leaf, 0))

    def without_gradient(self, params: Tree) -> Tree:
        """`params`; nothing is differentiated for those of layers that are always frozen."""

        def stopped(path: Any, leaf: jax.Array) -> jax.Array:
            return lax.stop_gradient(leaf) if self.trains(_layer(path)) is False else leaf

        return jax.tree_util.tree_map_with_path(stopped, params)

    def averages(self, old: Tree, new: Tree) -> Tree:
        """`new` running averages, in the frozen layers the `old` ones."""
        return self._choose(new, jnp.where, old)

    @contextmanager
    def norms(self) -> Iterator[None]:
        """Within, the frozen batch norms of Linen modules use their running averages."""
        with nn.intercept_methods(self._normalise):
            yield

    def _normalise(
        self,
        next_call: Callable[..., Any],
        args: Any,
        kwargs: Any,
        context: nn.module.InterceptorContext,
    ) -> Any:
        norm = context.module
        if not isinstance(norm, nn.BatchNorm) or context.method_name != "__call__":
            return next_call(*args, **kwargs)
        trains = self.trains(norm.name or "")
        if trains is True:
            return next_call(*args, **kwargs)
        by_averages = _by_averages(norm, args[0])
        if trains is False:
            return by_averages
        before = dict(norm.variables["batch_stats"])
        by_batch = next_call(*args, **kwargs)
        if norm.is_mutable_collection("batch_stats"):
            # What follows in the same step must not see averages that have moved.
            for name, moved in dict(norm.variables["batch_stats"]).items():
                kept = jnp.where(trains, moved, before[name])
                norm.put_variable("batch_stats", name, kept)
        return jnp.where(trains, by_batch, by_averages)

    def _choose(self, tree: Tree, choose: Callable[..., jax.Array], *others: Tree) -> Tree:
        def chosen(path: Any, leaf: jax.Array, *rest: jax.Array) -> jax.Array:
            trains = self.trains(_layer(path))
            return leaf if trains is True else choose(trains, leaf, *rest)

        return jax.tree_util.tree_map_with_path(chosen, tree, *others)


def first_trained_epoch(settings: TrainSettings, layer: str) -> int | None:
    """The epoch, counted from 0, from which a layer is trained; None: never.

    A batch norm "bnX" goes with its convolution "convX".
    """
    name = layer.replace("bn", "conv")
    if not name.startswith(settings.frozen):
        return 0
    return min(
        (epoch for epoch, prefix in settings.unfreeze if name.startswith(prefix)), default=None
    )


def expect_layers(settings: TrainSettings, layers: Iterable[str]) -> None:
    """Raises ValueError where `settings` freeze or unfreeze nothing of these layers."""
    names = sorted({layer.replace("bn", "conv") for layer in layers})
    for prefix in settings.frozen:
        if not any(name.startswith(prefix) for name in names):
            raise ValueError(
                f"frozen: no layer begins with {prefix!r}; there are {' '.join(names)}"
            )
    frozen = [name for name in names if name.startswith(settings.frozen)]
    for _, prefix in settings.unfreeze:
        if not any(name.startswith(prefix) for name in frozen):
            raise ValueError(f"unfreeze: no frozen layer begins with {prefix!r}")


def _by_averages(norm: nn.BatchNorm, x_BxHxWxC: jax.Array) -> jax.Array:
    averages, params = norm.variables["batch_stats"], norm.variables["params"]
    factor = lax.rsqrt(averages["var"] + norm.epsilon) * params["scale"]
    centred = add_row(x_BxHxWxC, -averages["mean"])
    return add_row(centred * factor[None, None, None], params["bias"])


def _layer(path: Any) -> str:
    return path[-2].key
