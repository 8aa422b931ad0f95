"""SiamRPN's losses against their equations, an anchor at a time."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.sharding import PartitionSpec as P

from siamfc_jax.models.rpn_heads import Proposals
from siamfc_jax.training.objective import AXIS
from siamfc_jax.training.parallel import data_mesh
from siamfc_jax.training.siamrpn_losses import (
    classification_loss,
    cross_entropies,
    offset_losses,
    regression_loss,
    smooth_l1,
)
from siamfc_jax.training.siamrpn_settings import RPNTraining
from siamfc_jax.training.siamrpn_targets import AnchorTargets

NUMBERS = st.floats(-20, 20)


@given(NUMBERS, NUMBERS, st.booleans())
def test_the_cross_entropy_is_that_of_the_softmax(background, foreground, truth):
    own, other = (foreground, background) if truth else (background, foreground)
    expected = -math.log(math.exp(own) / (math.exp(own) + math.exp(other)))
    found = cross_entropies(jnp.asarray([background, foreground]), jnp.asarray(truth))
    assert float(found) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_the_cross_entropy_of_extreme_logits_is_finite_and_so_is_its_gradient():
    logits = jnp.asarray([[1e4, -1e4], [-1e4, 1e4]])
    truth = jnp.asarray([True, True])
    np.testing.assert_allclose(cross_entropies(logits, truth), [2e4, 0])
    gradient = jax.grad(lambda logits: cross_entropies(logits, truth).sum())(logits)
    np.testing.assert_allclose(gradient, [[1, -1], [0, 0]])


@given(NUMBERS, st.floats(0.3, 5))
def test_the_smooth_l1_distance_is_equation_4(x, sigma):
    near = abs(x) < 1 / sigma**2
    expected = 0.5 * sigma**2 * x**2 if near else abs(x) - 1 / (2 * sigma**2)
    assert float(smooth_l1(jnp.asarray(x), sigma)) == pytest.approx(expected, rel=1e-4, abs=1e-6)


@given(st.floats(0.3, 5))
def test_the_smooth_l1_distance_is_smooth(sigma):
    corner = 1 / sigma**2
    derivative = jax.grad(lambda x: smooth_l1(x, sigma))
    left, right = float(derivative(corner * 0.999)), float(derivative(corner * 1.001))
    assert left == pytest.approx(1, abs=2e-3) and right == pytest.approx(1, abs=2e-3)
    assert float(derivative(0.0)) == 0


@given(st.lists(NUMBERS, min_size=4, max_size=4), st.lists(NUMBERS, min_size=4, max_size=4))
def test_the_distance_sums_over_the_four_offsets(offsets, truth):
    found = (jnp.asarray(offsets), jnp.asarray(truth))
    distances = [abs(a - b) for a, b in zip(offsets, truth, strict=True)]
    assert float(offset_losses(*found, None)) == pytest.approx(sum(distances), rel=1e-4, abs=1e-4)
    smooth = [0.5 * 9 * d**2 if d < 1 / 9 else d - 1 / 18 for d in distances]
    assert float(offset_losses(*found, 3.0)) == pytest.approx(sum(smooth), rel=1e-3, abs=1e-4)


def proposals_and_targets(seed=0):
    """Of 8 pairs of 3 x 3 x 2 anchors; the first pair has no positive ones, the next only such."""
    random = np.random.default_rng(seed)
    shape = (8, 3, 3, 2)
    logits, offsets, truth = (random.normal(size=(*shape, n)).astype(np.float32) for n in (2, 4, 4))
    kind = random.integers(0, 3, shape)
    kind[0], kind[1] = 2, 1
    targets = AnchorTargets(kind == 1, kind == 2, truth, np.zeros(shape, np.float32))
    return Proposals(logits, offsets), targets


@functools.partial(jax.jit, static_argnames=("loss", "settings", "devices"))
def loss_and_gradient(proposals, targets, loss, settings, devices):
    """Of a batch split over devices, as the training step takes them."""

    def of_share(proposals, targets):
        value, gradient = jax.value_and_grad(loss)(proposals, targets, settings)
        # The step averages the gradients of shared parameters; these are of a share's own.
        return jax.lax.pmean(value, AXIS), jax.tree.map(lambda leaf: leaf / devices, gradient)

    return jax.shard_map(
        of_share,
        mesh=data_mesh(jax.devices()[:devices]),
        in_specs=(P(AXIS), P(AXIS)),
        out_specs=(P(), P(AXIS)),
        check_vma=False,
    )(proposals, targets)


def slow_classification(proposals, targets, settings):
    losses = {True: [], False: []}
    for index in np.ndindex(targets.positive.shape):
        if targets.positive[index] or targets.negative[index]:
            positive = bool(targets.positive[index])
            probabilities = np.exp(proposals.logits[index].astype(float))
            losses[positive].append(-np.log(probabilities[int(positive)] / probabilities.sum()))
    if settings.classification == "mean":
        return np.mean(losses[True] + losses[False])
    return 0.5 * np.mean(losses[True]) + 0.5 * np.mean(losses[False])


def slow_regression(proposals, targets, settings):
    of_pairs = []
    for offsets, truth, positive in zip(
        proposals.offsets, targets.offsets, targets.positive, strict=True
    ):
        losses = []
        for index in np.argwhere(positive):
            distance = np.abs(offsets[*index] - truth[*index]).astype(float)
            if settings.regression == "smooth-l1":
                near = distance < settings.sigma**-2
                distance = np.where(
                    near, settings.sigma**2 * distance**2 / 2, distance - settings.sigma**-2 / 2
                )
            losses.append(distance.sum())
        of_pairs.append(np.mean(losses) if losses else 0.0)
    return np.mean(of_pairs)


@pytest.mark.parametrize(
    ("loss", "slow", "settings"),
    [
        (classification_loss, slow_classification, RPNTraining()),
        (classification_loss, slow_classification, RPNTraining(classification="mean")),
        (regression_loss, slow_regression, RPNTraining()),
        (regression_loss, slow_regression, RPNTraining(regression="smooth-l1", sigma=1.5)),
    ],
)
def test_the_losses_of_a_batch_are_those_of_the_loops_on_any_number_of_devices(
    loss, slow, settings
):
    proposals, targets = proposals_and_targets()
    one, gradient = loss_and_gradient(proposals, targets, loss, settings, 1)
    assert float(one) == pytest.approx(slow(proposals, targets, settings), rel=1e-5)
    eight, split = loss_and_gradient(proposals, targets, loss, settings, 8)
    assert float(eight) == pytest.approx(float(one), rel=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), gradient, split)
    towards = np.random.default_rng(1).normal(size=8)[:, None, None, None, None]
    moved = jax.tree.map(lambda leaf: leaf + np.float32(1e-3 * towards), proposals)
    rise = sum((leaf * 1e-3 * towards).sum() for leaf in jax.tree.leaves(gradient))
    difference = slow(moved, targets, settings) - slow(proposals, targets, settings)
    assert float(rise) == pytest.approx(difference, rel=0.05, abs=1e-6)


@pytest.mark.parametrize("loss", [classification_loss, regression_loss])
def test_a_batch_without_chosen_anchors_has_no_loss(loss):
    proposals, targets = proposals_and_targets()
    nothing = np.zeros_like(targets.positive)
    none = targets._replace(positive=nothing, negative=nothing)
    value, gradient = loss_and_gradient(proposals, none, loss, RPNTraining(), 8)
    assert value == 0 and all((leaf == 0).all() for leaf in gradient)
