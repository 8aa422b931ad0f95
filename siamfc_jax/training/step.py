"""One step of training SiamFC (v2 paper §2.2 and §4.1 "Training")."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from siamfc_jax.models.alexnet import AlexNet, join_layers, split_layers
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.xcorr import xcorr
from siamfc_jax.training.augment import Augmentation, Pairs, augment_pairs
from siamfc_jax.training.labels import response_labels
from siamfc_jax.training.losses import balanced_logistic_loss, logistic_loss

Tree = Any


@dataclass(frozen=True)
class TrainSettings:
    """How SiamFC is trained; the defaults are the released settings.

    Attributes:
      steps: number of steps; the learning rate falls geometrically over them.
      batch: pairs per step (v2 §4.1: 8).
      first_rate, last_rate: learning rates (v2 §4.1: 1e-2 to 1e-5).
      warm_up: steps over which the learning rate rises linearly to its course (released: none).
      momentum, weight_decay: of SGD; decay on kernels only, biases learn twice as fast.
      exemplar_size, search_size: of the images that the network sees (released: 127 and 239, so
        that shifts stay inside the stored crop; response 15 x 15).
      radius: of the positive labels in search pixels (eq. 6).
      negatives: correlations of every exemplar with this many other search images of the batch,
        all cells negative.
      negative_weight: weight of their mean loss (v1 §3.1: a quarter of the pairs are negative).
    """

    steps: int = 1000
    batch: int = 8
    first_rate: float = 1e-2
    last_rate: float = 1e-5
    warm_up: int = 0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    exemplar_size: int = 127
    search_size: int = 239
    radius: float = 16.0
    negatives: int = 0
    negative_weight: float = 0.25
    augmentation: Augmentation = field(default_factory=Augmentation)


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


class Metrics(NamedTuple):
    """Scalars of one step: loss; mean distance in search pixels between the response's peak and
    the target; the learning rate; the norm of the gradient."""

    loss: jax.Array
    centre_error: jax.Array
    learning_rate: jax.Array
    gradient_norm: jax.Array


def learning_rate(settings: TrainSettings) -> optax.Schedule:
    """Geometric from `first_rate` to `last_rate` over the steps, after a linear warm-up."""
    ratio = settings.last_rate / settings.first_rate
    fall = optax.exponential_decay(settings.first_rate, max(settings.steps - 1, 1), ratio)
    if not settings.warm_up:
        return fall
    return lambda step: fall(step) * jnp.minimum(1.0, (step + 1) / settings.warm_up)


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
    image = jnp.zeros((1, settings.exemplar_size, settings.exemplar_size, 3), jnp.float32)
    variables = AlexNet(network.backbone).init(key, image, train=False)
    params = {"backbone": variables["params"], "head": {"bias": jnp.zeros((), jnp.float32)}}
    optimiser = make_optimiser(settings).init(params)
    return TrainState(jnp.zeros((), jnp.int32), params, variables["batch_stats"], optimiser)


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


def make_train_step(
    network: SiamFCNetwork, settings: TrainSettings
) -> Callable[[TrainState, jax.Array, jax.Array, jax.Array], tuple[TrainState, Metrics]]:
    """The pure function (state, seed key, exemplars, searches) -> (state, metrics).

    Crops are uint8 [B, M, M, 3] as in `augment_pairs`; the step's randomness is
    fold_in(seed key, state.step).
    """
    module = AlexNet(network.backbone)
    optimiser = make_optimiser(settings)

    def loss_of(params: Tree, averages: Tree, pairs: Pairs) -> tuple[jax.Array, tuple[Tree, Any]]:
        def embed(image: jax.Array, averages: Tree) -> tuple[jax.Array, Tree]:
            variables = {"params": params["backbone"], "batch_stats": averages}
            features, new = module.apply(variables, image, train=True, mutable=["batch_stats"])
            return features, new["batch_stats"]

        template, averages = embed(pairs.exemplar, averages)
        search, averages = embed(pairs.search, averages)
        response = network.gain * xcorr(template, search) + params["head"]["bias"]
        positive = response_labels(
            response.shape[-1], pairs.displacement, radius=settings.radius, stride=8
        )
        loss = balanced_logistic_loss(response, positive).mean()
        if settings.negatives:
            others = jnp.stack(
                [jnp.roll(search, shift + 1, 0) for shift in range(settings.negatives)], 1
            )
            strangers = network.gain * xcorr(template[:, None], others) + params["head"]["bias"]
            negative = logistic_loss(strangers, jnp.zeros(strangers.shape, bool)).mean()
            loss = loss + settings.negative_weight * negative
        return loss, (averages, response)

    def step(
        state: TrainState, seed_key: jax.Array, exemplars: jax.Array, searches: jax.Array
    ) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(seed_key, state.step)
        pairs = augment_pairs(
            key,
            exemplars,
            searches,
            settings.augmentation,
            exemplar_size=settings.exemplar_size,
            search_size=settings.search_size,
        )
        gradient_of = jax.value_and_grad(loss_of, has_aux=True)
        (loss, (averages, response)), gradient = gradient_of(state.params, state.averages, pairs)
        updates, optimiser_state = optimiser.update(gradient, state.optimiser, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = Metrics(
            loss,
            centre_error(response, pairs.displacement),
            jnp.asarray(learning_rate(settings)(state.step), jnp.float32),
            optax.tree.norm(gradient),
        )
        return TrainState(state.step + 1, params, averages, optimiser_state), metrics

    return step


def centre_error(response_BxHxW: jax.Array, displacement_Bx2: jax.Array) -> jax.Array:
    """Mean distance in search pixels between the highest cell and the target (stride 8)."""
    side = response_BxHxW.shape[-1]
    flat = jnp.argmax(response_BxHxW.reshape(len(response_BxHxW), -1), -1)
    peak = jnp.stack([flat % side, flat // side], -1).astype(jnp.float32)
    return jnp.linalg.norm((peak - (side - 1) / 2) * 8 - displacement_Bx2, axis=-1).mean()
