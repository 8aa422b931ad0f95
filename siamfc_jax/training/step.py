"""One step of training (SiamFC: v2 paper §2.2 and §4.1 "Training")."""

from collections import namedtuple
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from siamfc_jax.models.backbone import Layers, Params, is_of_head, join_layers, split_layers
from siamfc_jax.models.network import Network
from siamfc_jax.training.freezing import Freezing, expect_layers
from siamfc_jax.training.objective import AXIS, Batch, Shown
from siamfc_jax.training.objectives import objective_of
from siamfc_jax.training.settings import TrainSettings, learning_rate

Tree = Any


class TrainState(NamedTuple):
    """Everything that training changes.

    Attributes:
      step: int32 scalar, steps done.
      params: {"backbone": Flax parameters by layer, "head": the arrays of the layer "head", and
        those of layers "head..." by layer}.
      averages: running averages of the batch norms, {"bnX": {"mean", "var"}}.
      optimiser: optax state.
    """

    step: jax.Array
    params: Tree
    averages: Tree
    optimiser: optax.OptState


Metrics = Any
"""A NamedTuple of scalars: those of the objective; learning_rate; gradient_norm, before clipping
and without frozen layers."""

Step = Callable[[TrainState, jax.Array, Batch], tuple[TrainState, Metrics]]


def make_optimiser(settings: TrainSettings) -> optax.GradientTransformation:
    """SGD with momentum, weight decay on kernels, double rate for biases and norms."""

    def is_kernel(params: Tree) -> Tree:
        return jax.tree.map(lambda leaf: leaf.ndim > 1, params)

    def is_bias(params: Tree) -> Tree:
        return jax.tree.map(lambda leaf: leaf.ndim <= 1, params)

    return optax.chain(
        optax.masked(optax.add_decayed_weights(settings.weight_decay), is_kernel),
        optax.masked(optax.scale(2.0), is_bias),
        optax.sgd(learning_rate(settings), momentum=settings.momentum),
    )


def init_state(key: jax.Array, network: Network, settings: TrainSettings) -> TrainState:
    """A fresh state; its parameters are a function of `key` alone."""
    return state_from_layers(network.init(key), settings)


def state_from_layers(layers: Params, settings: TrainSettings) -> TrainState:
    """A state at step 0 that continues from `trained_layers`' parameters and averages.

    Raises:
      ValueError: `settings` freeze or unfreeze layers that there are not.
    """
    expect_layers(settings, layers)
    flat, averages = split_layers(layers)
    backbone = {name: layer for name, layer in flat.items() if not is_of_head(name)}
    head = {name: layer for name, layer in flat.items() if is_of_head(name)}
    params = {"backbone": backbone, "head": head.pop("head", {}) | head}
    return TrainState(
        jnp.zeros((), jnp.int32), params, averages, make_optimiser(settings).init(params)
    )


def trained_layers(state: TrainState) -> Layers:
    """The state's parameters in the layout of weight files: convX, bnX, head."""
    head = state.params["head"]
    of_head = {name: layer for name, layer in head.items() if isinstance(layer, dict)}
    own = {name: array for name, array in head.items() if name not in of_head}
    flat = {**state.params["backbone"], **of_head} | ({"head": own} if own else {})
    return join_layers(flat, state.averages)


def make_train_step(network: Network, settings: TrainSettings) -> Step:
    """The pure function (state, seed key, batch) -> (state, metrics).

    It runs inside `jax.shard_map` over the axis "data" (`parallel.data_parallel_step`), on this
    device's share of the batch. Its randomness is fold_in(fold_in(seed key, step), number of the
    pair in the whole batch).
    """
    optimiser, objective = make_optimiser(settings), objective_of(network, settings)

    def step(state: TrainState, seed_key: jax.Array, batch: Batch) -> tuple[TrainState, Metrics]:
        freezing = Freezing(settings, state.step)
        keys = _keys_of_pairs(jax.random.fold_in(seed_key, state.step), len(batch.negative))

        def loss_of(params: Tree) -> tuple[jax.Array, tuple[Tree, Any]]:
            open_params = freezing.without_gradient(params)
            with freezing.norms():
                loss, (averages, metrics, _) = objective.loss(
                    open_params, state.averages, batch, keys, train=True
                )
            return loss, (averages, metrics)

        gradient, (averages, metrics) = jax.grad(loss_of, has_aux=True)(state.params)
        gradient, averages = lax.pmean((gradient, averages), AXIS)
        gradient = freezing.only_trained(gradient)
        norm = optax.tree.norm(gradient)
        updates, optimiser_state = optimiser.update(
            clip_gradient(gradient, norm, settings.clip_norm),
            state.optimiser,
            freezing.only_trained(state.params),
        )
        new_state = TrainState(
            state.step + 1,
            optax.apply_updates(state.params, updates),
            freezing.averages(state.averages, averages),
            optimiser_state,
        )
        rate = jnp.asarray(learning_rate(settings)(state.step), jnp.float32)
        return new_state, _step_metrics(metrics._fields)(*metrics, rate, norm)

    return step


def make_validation_step(
    network: Network, settings: TrainSettings
) -> Callable[[TrainState, Batch], tuple[Any, Shown]]:
    """The pure function (state, batch) -> (the objective's metrics, what it shows of each pair).

    The same pairs are always moved the same way, and the batch norms use their running averages.
    Like the training step it runs inside `jax.shard_map`.
    """
    objective = objective_of(network, settings)

    def validate(state: TrainState, batch: Batch) -> tuple[Any, Shown]:
        keys = _keys_of_pairs(jax.random.key(0), len(batch.negative))
        _, (_, metrics, shown) = objective.loss(
            state.params, state.averages, batch, keys, train=False
        )
        return metrics, shown

    return validate


def clip_gradient(gradient: Tree, norm: jax.Array, greatest: float) -> Tree:
    """`gradient`, of length `norm`, scaled down to the length `greatest` if it is longer (0: any
    length will do)."""
    if not greatest:
        return gradient
    factor = jnp.minimum(1.0, greatest / jnp.maximum(norm, jnp.finfo(jnp.float32).tiny))
    return jax.tree.map(lambda leaf: leaf * factor, gradient)


@cache
def _step_metrics(of_objective: tuple[str, ...]) -> Any:
    return namedtuple("Metrics", (*of_objective, "learning_rate", "gradient_norm"))


def _keys_of_pairs(key: jax.Array, share: int) -> jax.Array:
    first = lax.axis_index(AXIS) * share
    return jax.vmap(jax.random.fold_in, (None, 0))(key, first + jnp.arange(share))
