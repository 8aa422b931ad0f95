"""One step of training SiamFC (v2 paper §2.2 and §4.1 "Training")."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from siamfc_jax.models.alexnet import AlexNet, join_layers, split_layers
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.xcorr import xcorr
from siamfc_jax.training.augment import Pairs, augment_pairs, validation_pairs
from siamfc_jax.training.labels import response_labels
from siamfc_jax.training.losses import balanced_logistic_loss, logistic_loss
from siamfc_jax.training.response_metrics import centre_errors, response_aucs
from siamfc_jax.training.settings import TrainSettings, learning_rate

Tree = Any

AXIS = "data"
"""Name of the mesh axis over which a batch is split."""

_VALIDATION_SHIFT = 16.0


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


class TrainState(NamedTuple):
    """Everything that training changes.

    Attributes:
      step: int32 scalar, steps done.
      params: {"backbone": Flax parameters, "head": {"bias"}}.
      averages: running averages of the batch norms.
      optimiser: optax state.
    """

    step: jax.Array
    params: Tree
    averages: Tree
    optimiser: optax.OptState


class ResponseMetrics(NamedTuple):
    """Means over a batch.

    Attributes:
      loss: of all pairs.
      centre_error: distance in search pixels of the response's peak from the target.
      auc: area under the ROC curve of the response's cells. This and the last leave negative
        pairs out.
    """

    loss: jax.Array
    centre_error: jax.Array
    auc: jax.Array


class Metrics(NamedTuple):
    """Scalars of one step: `ResponseMetrics`; the learning rate; the norm of the gradient."""

    loss: jax.Array
    centre_error: jax.Array
    auc: jax.Array
    learning_rate: jax.Array
    gradient_norm: jax.Array


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


def init_state(key: jax.Array, network: SiamFCNetwork, settings: TrainSettings) -> TrainState:
    """A fresh state; its parameters are a function of `key` alone."""
    return state_from_layers(network.init(key), settings)


def state_from_layers(layers: Tree, settings: TrainSettings) -> TrainState:
    """A state at step 0 that continues from `trained_layers`' parameters and averages."""
    backbone, averages = split_layers(layers)
    params = {"backbone": backbone, "head": jax.tree.map(jnp.asarray, dict(layers["head"]))}
    return TrainState(
        jnp.zeros((), jnp.int32), params, averages, make_optimiser(settings).init(params)
    )


def trained_layers(state: TrainState) -> dict[str, dict[str, jax.Array]]:
    """The state's parameters in the layout of weight files: convN, bnN, head."""
    layers = join_layers(state.params["backbone"], state.averages)
    return {**layers, "head": dict(state.params["head"])}


def make_train_step(network: SiamFCNetwork, settings: TrainSettings) -> Step:
    """The pure function (state, seed key, batch) -> (state, metrics).

    It runs inside `jax.shard_map` over the axis "data" (`parallel.data_parallel_step`), on this
    device's share of the batch. Its randomness is fold_in(fold_in(seed key, step), number of the
    pair in the whole batch).
    """
    optimiser = make_optimiser(settings)

    def loss_of(
        params: Tree, averages: Tree, pairs: Pairs, batch: Batch
    ) -> tuple[jax.Array, tuple[Tree, ResponseMetrics]]:
        embed = _embedding(network, settings, params["backbone"], train=True)
        template, averages = embed(pairs.exemplar, averages)
        search, averages = embed(pairs.search, averages)
        response = network.gain * xcorr(template, search) + params["head"]["bias"]
        loss, metrics = _judge(response, pairs, batch.negative, settings)
        if settings.batch_negatives:
            loss += settings.batch_negative_weight * _loss_of_batch_negatives(
                network, settings, params, template, search, batch
            )
        return loss, (averages, metrics._replace(loss=lax.pmean(loss, AXIS)))

    def step(state: TrainState, seed_key: jax.Array, batch: Batch) -> tuple[TrainState, Metrics]:
        pairs = augment_pairs(
            _keys_of_pairs(jax.random.fold_in(seed_key, state.step), len(batch.negative)),
            batch.exemplar,
            batch.search,
            settings.augmentation,
            exemplar_size=settings.exemplar_size,
            search_size=settings.search_size,
        )
        gradient_of = jax.grad(loss_of, has_aux=True)
        gradient, (averages, metrics) = gradient_of(state.params, state.averages, pairs, batch)
        gradient, averages = lax.pmean((gradient, averages), AXIS)
        updates, optimiser_state = optimiser.update(gradient, state.optimiser, state.params)
        params = optax.apply_updates(state.params, updates)
        rate = jnp.asarray(learning_rate(settings)(state.step), jnp.float32)
        norm = optax.tree.norm(gradient)
        new_state = TrainState(state.step + 1, params, averages, optimiser_state)
        return new_state, Metrics(metrics.loss, metrics.centre_error, metrics.auc, rate, norm)

    return step


def make_validation_step(
    network: SiamFCNetwork, settings: TrainSettings
) -> Callable[[TrainState, Batch], tuple[ResponseMetrics, Pairs, jax.Array]]:
    """The pure function (state, batch) -> (metrics, pairs, responses [B, R, R]).

    The target is shifted by up to 16 pixels, the same way every time, so that a network which
    always answers "the centre" shows; nothing else is varied, and the batch norms use their
    running averages. Like the training step it runs inside `jax.shard_map`.
    """

    def validate(state: TrainState, batch: Batch) -> tuple[ResponseMetrics, Pairs, jax.Array]:
        pairs = validation_pairs(
            _keys_of_pairs(jax.random.key(0), len(batch.negative)),
            batch.exemplar,
            batch.search,
            exemplar_size=settings.exemplar_size,
            search_size=settings.search_size,
            shift=_VALIDATION_SHIFT,
        )
        embed = _embedding(network, settings, state.params["backbone"], train=False)
        template, _ = embed(pairs.exemplar, state.averages)
        search, _ = embed(pairs.search, state.averages)
        response = network.gain * xcorr(template, search) + state.params["head"]["bias"]
        _, metrics = _judge(response, pairs, batch.negative, settings)
        return metrics, pairs, response

    return validate


def _embedding(
    network: SiamFCNetwork, settings: TrainSettings, params: Tree, *, train: bool
) -> Callable[[jax.Array, Tree], tuple[jax.Array, Tree]]:
    """The function (images, averages) -> (float32 features, averages)."""
    module = AlexNet(network.backbone, norm_axis=AXIS if settings.sync_norm else None)

    def embed(images: jax.Array, averages: Tree) -> tuple[jax.Array, Tree]:
        variables = {"params": params, "batch_stats": averages}
        inputs = images.astype(settings.compute)
        if not train:
            features = module.apply(variables, inputs, train=False)
            return jnp.asarray(features, jnp.float32), averages
        features, new = module.apply(variables, inputs, train=True, mutable=["batch_stats"])
        return jnp.asarray(features, jnp.float32), new["batch_stats"]

    return embed


def _judge(
    response: jax.Array, pairs: Pairs, negative_B: jax.Array, settings: TrainSettings
) -> tuple[jax.Array, ResponseMetrics]:
    """This share's loss, and the metrics of the whole batch."""
    of_target = response_labels(response.shape[-1], pairs.displacement, radius=settings.radius)
    loss = balanced_logistic_loss(response, of_target & ~negative_B[:, None, None]).mean()
    counts = (~negative_B).astype(jnp.float32)
    measured = jnp.stack(
        [
            counts,
            counts * centre_errors(response, pairs.displacement),
            counts * response_aucs(response, of_target),
        ]
    )
    count, error, auc = lax.psum(measured.sum(1), AXIS)
    return loss, ResponseMetrics(lax.pmean(loss, AXIS), error / count, auc / count)


def _loss_of_batch_negatives(
    network: SiamFCNetwork,
    settings: TrainSettings,
    params: Tree,
    template: jax.Array,
    search: jax.Array,
    batch: Batch,
) -> jax.Array:
    """Every exemplar over the search images of the next pairs, if they show nothing of it.

    That is known of the positive pairs of other videos: what a negative pair's search image shows
    is of any video.
    """
    shifts = range(1, settings.batch_negatives + 1)
    others = jnp.stack([jnp.roll(search, shift, 0) for shift in shifts], 1)
    strange = jnp.stack(
        [
            (jnp.roll(batch.video, shift) != batch.video) & ~jnp.roll(batch.negative, shift)
            for shift in shifts
        ],
        1,
    )
    response = network.gain * xcorr(template[:, None], others) + params["head"]["bias"]
    losses = logistic_loss(response, jnp.zeros(response.shape, bool)).mean((2, 3))
    count = strange.astype(jnp.float32).sum()
    return jnp.where(strange, losses, 0.0).sum() / jnp.maximum(count, 1.0)


def _keys_of_pairs(key: jax.Array, share: int) -> jax.Array:
    first = lax.axis_index(AXIS) * share
    return jax.vmap(jax.random.fold_in, (None, 0))(key, first + jnp.arange(share))
