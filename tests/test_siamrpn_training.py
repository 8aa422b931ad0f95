import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from siamfc_jax.models.anchors import decode
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.training.embedding import training_embedding
from siamfc_jax.training.parallel import (
    data_mesh,
    data_parallel_step,
    data_parallel_validation,
    put_batch,
    replicate,
)
from siamfc_jax.training.settings import PRESETS, learning_rate
from siamfc_jax.training.siamrpn_objective import statistics_of_batch
from siamfc_jax.training.step import init_state, state_from_layers, trained_layers
from tests.rpn_worlds import QUICK, SMALLEST, batch_of


@functools.cache
def compiled_step(devices):
    return data_parallel_step(SMALLEST, QUICK, data_mesh(jax.devices()[:devices]))


@functools.cache
def first_state():
    return jax.device_get(init_state(jax.random.key(0), SMALLEST, QUICK))


def run(batches, *, devices=1):
    """State and metrics of a step on each batch."""
    mesh = data_mesh(jax.devices()[:devices])
    state = replicate(first_state(), mesh)
    key = jax.random.wrap_key_data(replicate(jax.random.key_data(jax.random.key(1)), mesh))
    history = []
    for batch in batches:
        state, metrics = compiled_step(devices)(state, key, put_batch(batch, mesh))
        history.append(jax.device_get(metrics))
    return jax.device_get(state), history


def validate(state, batch):
    mesh = data_mesh(jax.devices()[:1])
    step = data_parallel_validation(SMALLEST, QUICK, mesh)
    return jax.device_get(step(replicate(state, mesh), put_batch(batch, mesh)))


@pytest.fixture(scope="module")
def trained():
    """Forty steps on the same 32 pairs."""
    return run([batch_of(8, seed=seed) for seed in range(4)] * 10)


def test_it_learns_to_put_a_box_on_the_target(trained):
    _, history = trained
    start, end = (np.mean([np.asarray(m) for m in part], 0) for part in (history[:4], history[-4:]))
    start, end = type(history[0])(*start), type(history[0])(*end)
    assert end.loss < 0.6 * start.loss
    assert end.iou > 0.4 > start.iou
    assert end.centre_error < 0.5 * start.centre_error
    assert end.auc > 0.97


def test_the_loss_is_that_of_both_branches_weighted(trained):
    for metrics in trained[1]:
        weighted = metrics.classification + QUICK.rpn.regression_weight * metrics.regression
        np.testing.assert_allclose(metrics.loss, weighted, rtol=1e-5)


def test_pairs_of_strangers_teach_the_background_and_are_not_measured():
    _, history = run([batch_of(8, negative=range(8))] * 8)
    for metrics in history:
        assert metrics.regression == 0 and metrics.classification > 0
        assert np.isnan([metrics.iou, metrics.centre_error, metrics.auc]).all()
    assert history[-1].loss < 0.5 * history[0].loss, [float(m.loss) for m in history]


def test_a_degenerate_box_is_learnt_nothing_from():
    batch = batch_of(8)
    boxes = batch.search_box.copy()
    boxes[:3] = [(10, 10, 0, 40), (10, 10, 40, -40), (np.nan, 10, 40, 40)]
    state, (metrics,) = run([batch._replace(search_box=boxes)])
    assert np.isfinite(metrics).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


def test_what_norms_used_of_a_batch_is_found_in_their_averages():
    settings = dataclasses.replace(QUICK, sync_norm=False)
    embed = functools.partial(training_embedding, SMALLEST.backbone, settings)
    state = first_state()
    images = jnp.asarray(batch_of(4).exemplar, jnp.float32)
    backbone, averages = state.params["backbone"], state.averages
    own_norms, new_averages = jax.jit(embed(backbone, train=True))(images, averages)
    found = statistics_of_batch(averages, new_averages)
    by_averages, _ = jax.jit(embed(backbone, train=False))(images, found)
    np.testing.assert_allclose(own_norms, by_averages, atol=2e-3)


@pytest.mark.slow
def test_the_boxes_take_the_shape_of_the_target_and_are_the_folded_networks():
    state, _ = run([batch_of(8, seed=seed) for seed in range(50)] * 7)
    batch = batch_of(32, seed=999)
    metrics, shown = validate(state, batch)
    assert metrics.iou > 0.65 and metrics.centre_error < 8
    probability, best = answers(trained_layers(state), shown.exemplar, shown.search)
    np.testing.assert_allclose(shown.response, probability, atol=2e-3)
    aspect, truth = (np.log(box[:, 3] / box[:, 2]) for box in (np.asarray(best), batch.search_box))
    assert np.corrcoef(aspect, truth)[0, 1] > 0.7
    assert aspect.min() < -0.4 and aspect.max() > 0.4


@jax.jit
def answers(layers, exemplar, search):
    """The foreground's probability [B, Y, X], and the best box [B, 4] (cx, cy, w, h)."""
    folded = fold_batch_norm(layers)
    template = SMALLEST.template(folded, SMALLEST.embed(folded, exemplar))
    logits, offsets = SMALLEST.respond(folded, template, SMALLEST.embed(folded, search))
    probability = jax.nn.softmax(logits, -1)[..., 1]
    boxes = decode(offsets, jnp.asarray(SMALLEST.anchors.grid(logits.shape[1]))[None])
    best = jnp.argmax(probability.reshape(len(search), -1), -1)
    return probability.max(-1), boxes.reshape(len(search), -1, 4)[jnp.arange(len(search)), best]


@pytest.mark.slow
def test_eight_devices_do_what_one_does():
    batches = [batch_of(8, negative=[1, 6])]
    one, of_one = run(batches)
    many, of_many = run(batches, devices=8)
    np.testing.assert_allclose(of_one, of_many, rtol=2e-3)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(many), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("name", ["siamrpn-paper", "siamrpn-release"])
def test_the_presets_freeze_what_there_is(name):
    state_from_layers(trained_layers(first_state()), PRESETS[name])


def test_the_presets_have_the_papers_and_the_released_rates():
    paper, release = PRESETS["siamrpn-paper"], PRESETS["siamrpn-release"]
    assert float(learning_rate(paper)(0)) == pytest.approx(1e-2)
    assert float(learning_rate(paper)(paper.steps - 1)) == pytest.approx(1e-6, rel=1e-3)
    assert float(learning_rate(release)(release.warm_up // 2)) < 6e-3
    assert float(learning_rate(release)(release.steps - 1)) == pytest.approx(5e-4, rel=1e-3)
