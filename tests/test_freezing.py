"""Layers that are not trained, the epochs from which they are, and gradients of bounded length."""

import dataclasses
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.models.layers import batch_norm
from siamfc_jax.training.freezing import Freezing, expect_layers, first_trained_epoch
from siamfc_jax.training.parallel import data_mesh, data_parallel_step, put_batch, replicate
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.step import clip_gradient, init_state, trained_layers
from tests.training_worlds import QUICK, TINY, batch_of

# Two steps an epoch: conv1 to conv3 never move, conv4 from the third step, conv5 from the fifth.
GRADUAL = dataclasses.replace(
    QUICK,
    epochs=3,
    pairs_per_epoch=8,
    frozen=("conv",),
    unfreeze=((1, "conv4"), (2, "conv5")),
    clip_norm=1e-4,
)


@pytest.fixture(scope="module")
def history():
    """Layers, momenta and metrics after every step of a training with gradual unfreezing."""
    mesh = data_mesh(jax.devices()[:1])
    step = data_parallel_step(TINY, GRADUAL, mesh)
    state = replicate(init_state(jax.random.key(0), TINY, GRADUAL), mesh)
    key = jax.random.wrap_key_data(replicate(jax.random.key_data(jax.random.key(1)), mesh))
    batch, seen = put_batch(batch_of(4), mesh), []
    seen.append((jax.device_get(trained_layers(state)), None))
    for _ in range(GRADUAL.steps):
        state, metrics = step(state, key, batch)
        seen.append((jax.device_get(trained_layers(state)), jax.device_get(metrics)))
    assert step._cache_size() == 1, "unfreezing compiles nothing anew"
    return seen


def moved(history, layer):
    """At which steps, counted from 0, any array of the layer changed."""
    layers = [after[layer] for after, _ in history]
    return [
        step
        for step, (before, after) in enumerate(pairwise(layers))
        if any(before[name].tobytes() != after[name].tobytes() for name in before)
    ]


@pytest.mark.parametrize("layer", ["conv1", "bn1", "conv2", "bn2", "conv3", "bn3"])
def test_a_frozen_layer_does_not_move_by_a_bit(history, layer):
    assert moved(history, layer) == []


@pytest.mark.parametrize(("layer", "first"), [("conv4", 2), ("bn4", 2), ("conv5", 4), ("head", 0)])
def test_a_layer_is_trained_from_its_epoch_on(history, layer, first):
    assert moved(history, layer) == list(range(first, GRADUAL.steps))


def test_the_averages_of_a_norm_follow_the_batch_only_once_it_is_trained(history):
    (before, _), (at_last, _) = history[0], history[-1]
    assert (at_last["bn4"]["mean"] != before["bn4"]["mean"]).all()
    np.testing.assert_array_equal(at_last["bn3"]["mean"], before["bn3"]["mean"])


def test_a_step_is_no_longer_than_the_clipped_gradient(history):
    (before, _), (after, metrics) = history[:2]
    assert metrics.gradient_norm > GRADUAL.clip_norm
    step = abs(after["head"]["bias"] - before["head"]["bias"])
    # Biases learn twice as fast.
    np.testing.assert_allclose(step, 2 * GRADUAL.first_rate * GRADUAL.clip_norm, rtol=1e-3)


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=3), st.floats(1e-3, 1e3))
def test_clipping_bounds_the_length_and_keeps_the_direction(values, greatest):
    gradient = {"a": jnp.asarray(values[:2], jnp.float32), "b": jnp.float32(values[2])}
    norm = optax.tree.norm(gradient)
    clipped = clip_gradient(gradient, norm, greatest)
    assert optax.tree.norm(clipped) <= greatest * (1 + 1e-5)
    factor = min(1.0, greatest / max(float(norm), 1e-30))
    np.testing.assert_allclose(clipped["a"], gradient["a"] * factor, rtol=1e-4, atol=1e-6)


class TwoNorms(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        return tuple(batch_norm(f"bn{n}", x, train=train, axis=None) for n in (1, 2))


@pytest.mark.parametrize("unfreeze", [(), ((1, "conv1"),)], ids=["for ever", "for an epoch"])
def test_a_frozen_norm_uses_and_keeps_its_averages(unfreeze):
    module, x = TwoNorms(), 5 + jax.random.normal(jax.random.key(0), (2, 3, 3, 4))
    variables = jax.jit(partial(module.init, train=False))(jax.random.key(0), x)
    settings = TrainSettings(frozen=("conv1",), unfreeze=unfreeze)

    @jax.jit
    def train(step):
        with Freezing(settings, step).norms():
            return module.apply(variables, x, train=True, mutable=["batch_stats"])

    seen, new = train(0)
    by_averages = jax.jit(partial(module.apply, train=False))(variables, x)
    np.testing.assert_allclose(seen[0], by_averages[0], rtol=1e-6)
    np.testing.assert_allclose(seen[1].mean(), 0.0, atol=1e-5)
    before, after = variables["batch_stats"], new["batch_stats"]
    jax.tree.map(np.testing.assert_array_equal, after["bn1"], before["bn1"])
    assert (after["bn2"]["mean"] != before["bn2"]["mean"]).all()
    if unfreeze:
        thawed, _ = train(settings.steps_per_epoch)
        np.testing.assert_allclose(thawed[0].mean(), 0.0, atol=1e-5)


def test_a_norm_is_frozen_with_its_convolution():
    settings = TrainSettings(frozen=("conv2_1", "conv1"), unfreeze=((7, "conv2_1b"), (9, "conv2")))
    epochs = {name: first_trained_epoch(settings, name) for name in ("bn1", "bn2_1a", "bn2_1b")}
    assert epochs == {"bn1": None, "bn2_1a": 9, "bn2_1b": 7}
    assert first_trained_epoch(settings, "conv2_2a") == first_trained_epoch(settings, "head") == 0


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (
            {"frozen": ("conv9",)},
            "frozen: no layer begins with 'conv9'; there are conv1 conv2 head",
        ),
        (
            {"frozen": ("conv1",), "unfreeze": ((1, "conv2"),)},
            "no frozen layer begins with 'conv2'",
        ),
    ],
)
def test_names_of_no_layer_are_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        expect_layers(TrainSettings(**wrong), ["conv1", "bn1", "conv2", "head"])


@pytest.mark.parametrize("epoch", [0, 50])
def test_a_layer_must_be_unfrozen_within_the_training(epoch):
    with pytest.raises(ValueError, match=f"unfreeze: 'conv' at epoch {epoch}; there are 50 epochs"):
        TrainSettings(frozen=("conv",), unfreeze=((epoch, "conv"),))
