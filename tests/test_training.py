import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.data.crop_bank import TrackCrops, make_bank, sample_pairs
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.training.augment import Augmentation, augment_pairs
from siamfc_jax.training.labels import response_labels
from siamfc_jax.training.losses import balanced_logistic_loss, logistic_loss
from siamfc_jax.training.step import (
    TrainSettings,
    centre_error,
    init_state,
    learning_rate,
    make_optimiser,
    make_train_step,
    state_from_layers,
    trained_layers,
)

# Fewer channels correlate less: the gain makes up for it.
TINY = SiamFCNetwork(AlexNetConfig((8, 16, 16, 16, 8)), gain=1e-2)
NO_AUGMENTATION = Augmentation(stretch=0.0, shift=0.0, colour=0.0, grey=0.0)
QUICK = TrainSettings(steps=40, batch=4, search_size=159, augmentation=NO_AUGMENTATION)


def test_a_centred_target_has_13_positive_cells():
    labels = np.asarray(response_labels(15, jnp.zeros((1, 2))))[0]
    assert labels.sum() == 13
    assert labels[7, 5:10].all() and labels[5:10, 7].all()


@given(st.floats(-40, 40), st.floats(-40, 40), st.floats(4, 40))
def test_labels_are_equation_6(dx, dy, radius):
    labels = response_labels(17, jnp.asarray([[dx, dy]], jnp.float32), radius=radius)[0]
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


def stored_crops(count=4, room=240, seed=0):
    """Crops with a bright dot at their centre."""
    crops = np.random.default_rng(seed).integers(0, 90, (count, room, room, 3), np.uint8)
    middle = room // 2
    crops[:, middle - 2 : middle + 2, middle - 2 : middle + 2] = 255
    return crops


def augment(settings, seed=0, crops=None):
    crops = stored_crops() if crops is None else crops
    return augment_pairs(
        jax.random.key(seed), crops, crops, settings, exemplar_size=127, search_size=159
    )


def test_without_augmentation_the_middle_of_the_crops_is_cut_out():
    crops = stored_crops(room=241)
    pairs = augment(NO_AUGMENTATION, crops=crops)
    np.testing.assert_allclose(pairs.search, crops[:, 41:200, 41:200], atol=1e-2)
    np.testing.assert_allclose(pairs.exemplar, crops[:, 57:184, 57:184], atol=1e-2)
    np.testing.assert_array_equal(pairs.displacement, np.zeros((4, 2)))


@pytest.mark.parametrize("flip", [False, True])
def test_the_displacement_says_where_the_target_went(flip):
    settings = Augmentation(stretch=0.1, shift=20.0, colour=0.0, grey=0.0, flip=flip)
    pairs = augment(settings)
    for search, displacement in zip(pairs.search, pairs.displacement, strict=True):
        bright = np.argwhere(np.asarray(search).mean(-1) > 150)
        centre = bright.mean(0)[::-1] + 0.5 - 159 / 2
        np.testing.assert_allclose(centre, displacement, atol=1.0)
    assert np.abs(pairs.displacement).max() > 5


def test_grey_pairs_are_grey_in_both_images():
    pairs = augment(dataclasses.replace(NO_AUGMENTATION, grey=1.0))
    for images in (pairs.exemplar, pairs.search):
        np.testing.assert_allclose(images[..., 0], images[..., 2], atol=1e-3)


def test_colour_and_blur_keep_the_range():
    pairs = augment(dataclasses.replace(NO_AUGMENTATION, colour=0.5, blur=1.0))
    assert float(pairs.search.min()) >= 0 and float(pairs.search.max()) <= 255
    sharp = augment(NO_AUGMENTATION)
    assert float(jnp.abs(jnp.diff(pairs.search, axis=1)).mean()) < 0.5 * float(
        jnp.abs(jnp.diff(sharp.search, axis=1)).mean()
    )


def test_augmentation_is_a_function_of_its_key():
    settings = Augmentation(shift=10.0, blur=0.5, flip=True)
    np.testing.assert_array_equal(augment(settings, 1).search, augment(settings, 1).search)
    assert not np.array_equal(augment(settings, 1).search, augment(settings, 2).search)


def bank_of(lengths, weights=None):
    weights = weights or [1.0] * len(lengths)
    tracks = []
    for index, (length, weight) in enumerate(zip(lengths, weights, strict=True)):
        crops = np.full((length, 4, 4, 3), index, np.uint8)
        crops[:, 0, 0, 0] = np.arange(length)
        tracks.append(TrackCrops(crops, np.arange(length, dtype=np.int32) * 10, weight))
    return make_bank(tracks)


def test_pairs_come_from_one_track_and_near_frames():
    bank = bank_of([9, 5, 1, 7])
    for step in range(50):
        exemplars, searches = sample_pairs(bank, seed=0, step=step, batch=3, max_gap=30)
        np.testing.assert_array_equal(exemplars[:, 1, 1], searches[:, 1, 1])
        gap = exemplars[:, 0, 0, 0].astype(int) - searches[:, 0, 0, 0]
        assert np.abs(gap).max() <= 3
        assert len(set(exemplars[:, 1, 1, 0].tolist())) == 3, "tracks of a batch are distinct"


def test_pairs_are_a_function_of_seed_and_step():
    bank = bank_of([9, 5, 1, 7])
    same = [sample_pairs(bank, 3, 8, 4, 100)[1] for _ in range(2)]
    np.testing.assert_array_equal(*same)
    drawn = {sample_pairs(bank, 3, step, 4, 100)[1].tobytes() for step in range(20)}
    assert len(drawn) > 10


def test_tracks_are_drawn_by_weight():
    bank = bank_of([3, 3], weights=[9.0, 1.0])
    drawn = [sample_pairs(bank, 0, step, 1, 100)[0][0, 1, 1, 0] for step in range(400)]
    assert np.mean(np.asarray(drawn) == 0) == pytest.approx(0.9, abs=0.05)


def test_a_bank_without_crops_is_refused():
    with pytest.raises(ValueError, match="at least one track"):
        make_bank([])


def test_the_learning_rate_falls_geometrically_from_first_to_last():
    settings = TrainSettings(steps=50)
    rates = [float(learning_rate(settings)(step)) for step in range(50)]
    assert rates[0] == pytest.approx(1e-2) and rates[-1] == pytest.approx(1e-5, rel=1e-3)
    np.testing.assert_allclose(np.diff(np.log(rates)), np.log(rates[1] / rates[0]), rtol=1e-2)


def test_weight_decay_touches_kernels_only_and_biases_learn_twice_as_fast():
    settings = TrainSettings(steps=10, momentum=0.0)
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
    error = centre_error(jnp.asarray(response), jnp.asarray([[-16.0, 0.0]]))
    assert float(error) == pytest.approx(8.0)


@pytest.fixture(scope="module")
def trained():
    """Twenty steps on four fixed pairs."""
    step = jax.jit(make_train_step(TINY, QUICK))
    state = init_state(jax.random.key(0), TINY, QUICK)
    crops = np.random.default_rng(1).integers(0, 256, (4, 170, 170, 3), np.uint8)
    losses = []
    for _ in range(20):
        state, metrics = step(state, jax.random.key(1), crops, crops)
        losses.append(float(metrics.loss))
    return state, losses


def test_the_loss_starts_near_ln_2_and_falls(trained):
    _, losses = trained
    assert losses[0] == pytest.approx(np.log(2), abs=0.2)
    assert losses[-1] < 0.8 * losses[0]


def test_training_continues_from_saved_layers(trained):
    state, _ = trained
    restored = state_from_layers(trained_layers(state), QUICK)
    for before, after in zip(
        jax.tree.leaves((state.params, state.averages)),
        jax.tree.leaves((restored.params, restored.averages)),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)


def test_strangers_are_pushed_down_when_asked():
    settings = dataclasses.replace(QUICK, negatives=3, negative_weight=1.0)
    step = jax.jit(make_train_step(TINY, settings))
    state = init_state(jax.random.key(0), TINY, settings)
    crops = stored_crops(room=170)
    _, metrics = step(state, jax.random.key(1), crops, crops)
    _, alone = jax.jit(make_train_step(TINY, QUICK))(state, jax.random.key(1), crops, crops)
    # Every stranger of this batch is the target itself: the loss of calling it negative is high.
    assert float(metrics.loss) > float(alone.loss) + np.log(2)
