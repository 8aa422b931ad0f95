import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.training.augment import Augmentation, augment_pairs, room_for, validation_pairs
from siamfc_jax.training.labels import response_labels
from siamfc_jax.training.losses import balanced_logistic_loss, logistic_loss
from siamfc_jax.training.parallel import (
    data_mesh,
    data_parallel_step,
    data_parallel_validation,
    put_batch,
    replicate,
)
from siamfc_jax.training.response_metrics import centre_errors, response_aucs
from siamfc_jax.training.settings import PRESETS, TrainSettings, learning_rate
from siamfc_jax.training.step import (
    init_state,
    make_optimiser,
    state_from_layers,
    trained_layers,
)
from tests.training_worlds import NO_AUGMENTATION, QUICK, TINY, batch_of, stored_crops


def test_a_centred_target_has_13_positive_cells():
    labels = np.asarray(response_labels(15, jnp.zeros((1, 2))))[0]
    assert labels.sum() == 13
    assert labels[7, 5:10].all() and labels[5:10, 7].all()


@given(st.floats(-40, 40), st.floats(-40, 40), st.floats(4, 40))
def test_labels_are_equation_6(dx, dy, radius):
    labels = np.asarray(response_labels(17, jnp.asarray([[dx, dy]], jnp.float32), radius=radius)[0])
    for row in range(17):
        for column in range(17):
            distance = np.hypot((column - 8) * 8 - dx, (row - 8) * 8 - dy)
            if abs(distance - radius) > 1e-3:
                assert labels[row, column] == (distance <= radius)


def test_the_logistic_loss_is_equation_3_and_never_overflows():
    score = jnp.asarray([-2.0, 0.0, 3.0, 500.0, -500.0])
    positive = jnp.asarray([True, True, False, False, True])
    expected = [np.log1p(np.exp(2.0)), np.log(2), np.log1p(np.exp(3.0)), 500, 500]
    np.testing.assert_allclose(logistic_loss(score, positive), expected, rtol=1e-6)


def test_the_positive_and_the_negative_cells_count_half_each():
    response = jnp.asarray(np.random.default_rng(0).normal(size=(2, 15, 15)), jnp.float32)
    positive = response_labels(15, jnp.zeros((2, 2)))
    losses = logistic_loss(response, positive)
    for index in range(2):
        inside, outside = losses[index][positive[index]], losses[index][~positive[index]]
        expected = 0.5 * inside.mean() + 0.5 * outside.mean()
        total = balanced_logistic_loss(response, positive)[index]
        np.testing.assert_allclose(total, expected, rtol=1e-5)


def test_a_map_without_positives_is_the_plain_mean():
    response = jnp.asarray(np.random.default_rng(0).normal(size=(1, 15, 15)), jnp.float32)
    nothing = jnp.zeros((1, 15, 15), bool)
    expected = logistic_loss(response, nothing).mean()
    np.testing.assert_allclose(balanced_logistic_loss(response, nothing)[0], expected, rtol=1e-5)


ROOM = 60


def augment(settings, seed=0, crops=None):
    """Small images: what is tested here does not hang on their size."""
    crops = stored_crops(room=ROOM) if crops is None else crops
    keys = jax.random.split(jax.random.key(seed), len(crops))
    return augment_pairs(keys, crops, crops, settings, exemplar_size=32, search_size=40)


def test_without_augmentation_the_middle_of_the_crops_is_cut_out():
    crops = stored_crops(room=ROOM)
    pairs = augment(NO_AUGMENTATION, crops=crops)
    np.testing.assert_allclose(pairs.search, crops[:, 10:50, 10:50], atol=1e-2)
    np.testing.assert_allclose(pairs.exemplar, crops[:, 14:46, 14:46], atol=1e-2)
    np.testing.assert_array_equal(pairs.displacement, np.zeros((4, 2)))


@pytest.mark.parametrize("flip", [False, True])
def test_the_displacement_says_where_the_target_went(flip):
    settings = Augmentation(stretch=0.1, shift=14.0, colour=0.0, grey=0.0, flip=flip)
    pairs = augment(settings)
    for search, displacement in zip(pairs.search, pairs.displacement, strict=True):
        bright = np.argwhere(np.asarray(search).mean(-1) > 150)
        centre = bright.mean(0)[::-1] + 0.5 - 40 / 2
        np.testing.assert_allclose(centre, displacement, atol=1.0)
    assert np.abs(pairs.displacement).max() > 5


def test_grey_pairs_are_grey_in_both_images():
    pairs = augment(dataclasses.replace(NO_AUGMENTATION, grey=1.0))
    for images in (pairs.exemplar, pairs.search):
        np.testing.assert_allclose(images[..., 0], images[..., 2], atol=1e-3)


def test_colour_and_blur_keep_the_range():
    pairs = augment(dataclasses.replace(NO_AUGMENTATION, colour=0.5, contrast=0.5, blur=1.0))
    assert float(pairs.search.min()) >= 0 and float(pairs.search.max()) <= 255
    sharp = augment(NO_AUGMENTATION)
    assert float(jnp.abs(jnp.diff(pairs.search, axis=1)).mean()) < 0.5 * float(
        jnp.abs(jnp.diff(sharp.search, axis=1)).mean()
    )


def test_augmentation_is_a_function_of_its_key():
    settings = Augmentation(shift=10.0, blur=0.5, flip=True)
    np.testing.assert_array_equal(augment(settings, 1).search, augment(settings, 1).search)
    assert not np.array_equal(augment(settings, 1).search, augment(settings, 2).search)


def test_the_learning_rate_falls_geometrically_from_epoch_to_epoch():
    settings = TrainSettings(epochs=50, pairs_per_epoch=24, batch=8)
    rates = np.asarray([float(learning_rate(settings)(step)) for step in range(settings.steps)])
    np.testing.assert_allclose(
        rates.reshape(50, 3), np.geomspace(1e-2, 1e-5, 50)[:, None] + [0] * 3, rtol=1e-3
    )


def test_the_learning_rate_rises_linearly_in_the_warm_up():
    settings = TrainSettings(epochs=2, pairs_per_epoch=80, batch=8, warm_up=4)
    rates = [float(learning_rate(settings)(step)) for step in range(5)]
    np.testing.assert_allclose(rates, [2.5e-3, 5e-3, 7.5e-3, 1e-2, 1e-2], rtol=1e-5)


def test_the_presets_are_those_of_the_papers():
    assert PRESETS["v2-paper"].steps == 50 * 6250
    assert PRESETS["v2-release"].pairs_per_epoch == 53_200 * 9 // 10
    assert PRESETS["v1"].search_size == 255 and PRESETS["v1"].augmentation == NO_AUGMENTATION


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"epochs": 0}, "epochs is 0; it must be within 1"),
        ({"batch": 9, "pairs_per_epoch": 8}, "8 pairs has no batch of 9"),
        ({"first_rate": 1e-6}, "must fall"),
        ({"warm_up": -1}, "warm_up is -1"),
        ({"warm_up": 10, "epochs": 1, "pairs_per_epoch": 80}, "never ends in 10 steps"),
        ({"momentum": float("nan")}, "momentum is nan"),
        ({"search_size": 100}, "less than exemplar_size"),
    ],
)
def test_settings_that_cannot_train_are_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        TrainSettings(**wrong)


@pytest.mark.parametrize("wrong", [{"stretch": 1.0}, {"grey": 7.0}, {"shift": -1.0}])
def test_augmentation_out_of_range_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} is .* it must be within"):
        Augmentation(**wrong)


def test_the_least_room_shows_no_padding():
    stretch, shift = 0.1, 5.0
    room = room_for(40, stretch, shift)
    crops = np.full((256, room, room, 3), 200, np.uint8)
    crops[:, [0, -1]] = crops[:, :, [0, -1]] = 100
    settings = dataclasses.replace(NO_AUGMENTATION, stretch=stretch, shift=shift)
    inner = augment(settings, crops=np.pad(crops, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge"))
    assert float(inner.search.min()) > 99.0


def test_colours_are_offset_along_the_axes_of_natural_images():
    crops = np.full((256, ROOM, ROOM, 3), 128, np.uint8)
    pairs = augment(dataclasses.replace(NO_AUGMENTATION, colour=0.1), crops=crops)
    offset = np.asarray(pairs.search[:, 0, 0]) - 128
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(offset.T)))[::-1]
    np.testing.assert_allclose(spread, [9.49, 2.79, 1.36], rtol=0.15)


def test_the_shares_of_grey_and_mirrored_pairs_are_as_asked():
    crops = stored_crops(count=256, room=ROOM)
    pairs = augment(dataclasses.replace(NO_AUGMENTATION, grey=0.25), crops=crops)
    grey = np.ptp(np.asarray(pairs.search[:, 5:9, 5:9]), axis=-1).max((1, 2)) < 1e-3
    assert 0.15 < grey.mean() < 0.35
    plain = augment(NO_AUGMENTATION, crops=crops)
    mirrored = augment(dataclasses.replace(NO_AUGMENTATION, flip=True), crops=crops)
    same = np.asarray(jnp.abs(plain.search - mirrored.search).max((1, 2, 3))) < 1e-3
    assert 0.4 < same.mean() < 0.6


def test_validation_moves_the_target_the_same_way_every_time():
    crops, keys = stored_crops(room=200), jax.random.split(jax.random.key(0), 4)
    first, again = (
        validation_pairs(keys, crops, crops, exemplar_size=127, search_size=159, shift=16.0)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.search, again.search)
    for search, displacement in zip(first.search, first.displacement, strict=True):
        bright = np.argwhere(np.asarray(search).mean(-1) > 150).mean(0)[::-1] + 0.5
        np.testing.assert_allclose(bright - 159 / 2, displacement, atol=1.0)
    assert 5 < np.abs(first.displacement).max() <= 16
    tight = validation_pairs(keys, crops, crops, exemplar_size=127, search_size=200, shift=16.0)
    np.testing.assert_array_equal(tight.displacement, np.zeros((4, 2)))


def test_weight_decay_touches_kernels_only_and_biases_learn_twice_as_fast():
    settings = TrainSettings(momentum=0.0)
    optimiser = make_optimiser(settings)
    params = {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    zero = jax.tree.map(jnp.zeros_like, params)
    decayed, _ = optimiser.update(zero, optimiser.init(params), params)
    np.testing.assert_allclose(decayed["kernel"], -1e-2 * 5e-4, rtol=1e-5)
    np.testing.assert_array_equal(decayed["bias"], 0)
    moved, _ = optimiser.update(params, optimiser.init(params), params)
    np.testing.assert_allclose(moved["bias"] / -1e-2, 2.0, rtol=1e-5)


def test_the_centre_error_is_in_search_pixels():
    response = np.zeros((1, 9, 9), np.float32)
    response[0, 5, 2] = 1
    error = centre_errors(jnp.asarray(response), jnp.asarray([[-16.0, 0.0]]))
    np.testing.assert_allclose(error, [8.0])


def test_the_auc_is_the_share_of_cell_pairs_in_the_right_order():
    random = np.random.default_rng(0)
    response = random.integers(0, 6, (3, 5, 5)).astype(np.float32)
    positive = random.random((3, 5, 5)) < 0.3
    expected = [
        np.mean([(a > b) + 0.5 * (a == b) for a in r[p] for b in r[~p]])
        for r, p in zip(response, positive, strict=True)
    ]
    aucs = response_aucs(jnp.asarray(response), jnp.asarray(positive))
    np.testing.assert_allclose(aucs, expected, rtol=1e-6)


@functools.cache
def compiled_step(settings, devices):
    return data_parallel_step(TINY, settings, data_mesh(jax.devices()[:devices]))


@functools.cache
def first_state():
    return jax.device_get(init_state(jax.random.key(0), TINY, QUICK))


def arguments(settings, batch, devices):
    mesh = data_mesh(jax.devices()[:devices])
    state = replicate(first_state(), mesh)
    key = jax.random.wrap_key_data(replicate(jax.random.key_data(jax.random.key(1)), mesh))
    return state, key, put_batch(batch, mesh)


def run(settings, batch, *, steps=1, devices=1):
    """State and metrics after some steps on the same batch."""
    state, key, batch = arguments(settings, batch, devices)
    step = compiled_step(settings, devices)
    history = []
    for _ in range(steps):
        state, metrics = step(state, key, batch)
        history.append(jax.device_get(metrics))
    assert step._cache_size() == 1, "a training step compiles once"
    return jax.device_get(state), history


@pytest.fixture(scope="module")
def trained():
    """Twenty steps on four fixed pairs."""
    return run(QUICK, batch_of(4), steps=20)


def test_the_loss_starts_near_ln_2_and_falls(trained):
    _, history = trained
    assert history[0].loss == pytest.approx(np.log(2), abs=0.2)
    assert history[-1].loss < 0.8 * history[0].loss
    assert history[-1].auc > 0.9 > history[0].auc


def test_training_continues_from_saved_layers(trained):
    state, _ = trained
    restored = state_from_layers(trained_layers(state), QUICK)
    jax.tree.map(
        np.testing.assert_array_equal,
        (state.params, state.averages),
        jax.device_get((restored.params, restored.averages)),
    )


def test_validation_is_what_the_folded_network_responds(trained):
    state, _ = trained
    mesh = data_mesh(jax.devices()[:1])
    batch = batch_of(4)
    validate = data_parallel_validation(TINY, QUICK, mesh)
    metrics, shown = validate(replicate(state, mesh), put_batch(batch, mesh))

    @jax.jit
    def respond(folded):
        template, search = (TINY.embed(folded, x) for x in (shown.exemplar, shown.search))
        return TINY.respond(folded, template, search)

    folded = fold_batch_norm(trained_layers(state))
    np.testing.assert_allclose(shown.response, respond(folded), atol=2e-3)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), jnp.arange(4))
    pairs = validation_pairs(
        keys, batch.exemplar, batch.search, exemplar_size=127, search_size=159, shift=16.0
    )
    positive = response_labels(shown.response.shape[-1], pairs.displacement)
    expected = balanced_logistic_loss(jnp.asarray(shown.response), positive).mean()
    assert float(metrics.loss) == pytest.approx(float(expected), rel=1e-3)


def test_a_negative_pair_has_no_positive_cell_and_is_not_measured():
    negative = np.asarray([False, False, True, True])
    _, (mixed,) = run(QUICK, batch_of(4)._replace(negative=negative))
    assert np.isfinite(mixed).all()
    _, pushed_down = run(QUICK, batch_of(4)._replace(negative=np.ones(4, bool)), steps=15)
    assert pushed_down[-1].loss < 0.45, "below the ln 2 of a response of 0"
    assert np.isnan(pushed_down[-1].auc) and np.isnan(pushed_down[-1].centre_error)


def test_strangers_are_pushed_down_when_asked():
    settings = dataclasses.replace(QUICK, batch_negatives=3, batch_negative_weight=1.0)
    batch = batch_of(4)
    _, (alone,) = run(QUICK, batch)
    _, (with_strangers,) = run(settings, batch)
    assert with_strangers.loss > alone.loss + 0.3
    same_video = batch._replace(video=np.zeros(4, np.int32))
    _, (without_any,) = run(settings, same_video)
    assert without_any.loss == pytest.approx(alone.loss, rel=1e-5)
    unknown = batch._replace(negative=np.ones(4, bool))
    _, (of_unknown,) = run(settings, unknown)
    _, (expected,) = run(QUICK, unknown)
    assert of_unknown.loss == pytest.approx(expected.loss, rel=1e-5)


def test_batch_negatives_must_be_other_pairs():
    settings = dataclasses.replace(QUICK, batch_negatives=4)
    with pytest.raises(ValueError, match="batch_negatives is 4; a device sees 4 / 1 pairs"):
        data_parallel_step(TINY, settings, data_mesh(jax.devices()[:1]))


ON_EIGHT = dataclasses.replace(
    QUICK, batch=8, sync_norm=True, augmentation=Augmentation(shift=10.0, flip=True, blur=0.5)
)


def test_eight_devices_do_what_one_does():
    batch = batch_of(8)._replace(negative=np.arange(8) == 3)
    one, of_one = run(ON_EIGHT, batch, steps=2)
    many, of_many = run(ON_EIGHT, batch, steps=2, devices=8)
    np.testing.assert_allclose(of_one, of_many, rtol=1e-3)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(many), strict=True):
        # Convolution biases before a norm have no gradient but rounding.
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_without_synchronised_norms_every_device_has_its_own():
    separate = dataclasses.replace(ON_EIGHT, sync_norm=False)
    _, (synchronised,) = run(ON_EIGHT, batch_of(8), devices=8)
    _, (by_itself,) = run(separate, batch_of(8), devices=8)
    assert abs(synchronised.loss - by_itself.loss) > 1e-4


def test_no_device_gathers_the_others_pairs():
    lowered = compiled_step(ON_EIGHT, 8).lower(*arguments(ON_EIGHT, batch_of(8), 8))
    text = lowered.compile().as_text()
    assert "all-reduce" in text and "all-gather" not in text


def test_a_batch_must_split_over_the_devices():
    with pytest.raises(ValueError, match="batch of 4 does not split over 3 devices"):
        data_parallel_step(TINY, QUICK, data_mesh(jax.devices()[:3]))


def test_bfloat16_is_close_to_float32():
    settings = dataclasses.replace(QUICK, compute="bfloat16")
    lowered = compiled_step(settings, 1).lower(*arguments(settings, batch_of(4), 1))
    assert "bf16" in lowered.as_text()
    _, of_float = run(QUICK, batch_of(4), steps=2)
    state, of_bfloat = run(settings, batch_of(4), steps=2)
    assert of_bfloat[1].loss == pytest.approx(of_float[1].loss, rel=0.03)
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(state.params))
