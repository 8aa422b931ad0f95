"""The ResNet-22 embeddings: sizes, what a cell sees, and the same features however computed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamfc_jax.models.backbone import init_backbone, split_layers
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.resnet import CIRESNET22, RESNET22, ResNetConfig
from siamfc_jax.models.siamfc import SiamFCNetwork

VALID = ResNetConfig(stem=4, widths=(4, 6))
CROPPED = ResNetConfig(stem=4, widths=(4, 6), variant="cropped")
both = pytest.mark.parametrize("config", [VALID, CROPPED], ids=lambda config: config.variant)

SHALLOW = [
    ResNetConfig(stem=4, widths=(4, 6), blocks=(1, 2), variant=v) for v in ("valid", "cropped")
]


def layers_of(config, seed=0):
    """Layers with norms that have seen something."""
    rng = np.random.default_rng(seed)

    def drawn(path, shape):
        name = path[-1].key
        if name == "kernel":
            deviation = np.sqrt(2 / np.prod(shape.shape[:3]))
            return rng.normal(0, deviation, shape.shape).astype(np.float32)
        low, high = (0.5, 2) if name in ("var", "scale") else (-0.5, 0.5)
        return rng.uniform(low, high, shape.shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(drawn, shapes_of(config))


def shapes_of(config):
    return jax.eval_shape(lambda: init_backbone(config, jax.random.key(0)))


def images(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (*shape, 3)).astype(np.float32)


def embedding(config):
    params = fold_batch_norm(layers_of(config))
    return jax.jit(lambda image: config.embed(params, image))


EMBED = {config: embedding(config) for config in (VALID, CROPPED)}


def assert_close(actual, expected, tolerance=1e-4):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.std(expected))


# Sizes


def test_sides_of_the_activations_of_siamesefc_resnet():
    assert list(RESNET22.sides(127).values()) == [61, 30, 28, 26, 24, 11, 9, 7, 5]
    assert list(RESNET22.sides(255).values()) == [125, 62, 60, 58, 56, 27, 25, 23, 21]


def test_sides_of_the_activations_of_ciresnet22():
    assert list(CIRESNET22.sides(127).values()) == [60, 30, 28, 26, 24, 22, 11, 9, 7, 5]
    assert list(CIRESNET22.sides(255).values()) == [124, 62, 60, 58, 56, 54, 27, 25, 23, 21]


def test_stride_receptive_field_and_channels_are_those_of_the_papers():
    assert (RESNET22.stride, RESNET22.receptive_field, RESNET22.channels) == (8, 91, 512)
    assert (CIRESNET22.stride, CIRESNET22.receptive_field, CIRESNET22.channels) == (8, 93, 512)


@pytest.mark.parametrize("config", [RESNET22, CIRESNET22])
def test_22_layers_lie_between_image_and_correlation(config):
    assert len(config.linears()) - 2 == 22, "two shortcuts are convolutions beside the path"
    layers = shapes_of(config).values()
    weights = sum(layer["kernel"].size for layer in layers if "kernel" in layer)
    assert weights == 1_434_816


@both
def test_an_exemplar_over_a_search_image_gives_17_x_17(config):
    def respond(exemplar, search):
        params = {**fold_batch_norm(layers_of(config)), "head": {"bias": np.float32(0)}}
        network = SiamFCNetwork(config)
        template = network.template(params, network.embed(params, exemplar))
        return network.respond(params, template, network.embed(params, search))

    response = jax.eval_shape(respond, images(1, 127, 127), images(1, 255, 255))
    assert response.shape == (1, 17, 17)


@both
@pytest.mark.parametrize("height, width", [(95, 95), (96, 109), (127, 112), (110, 143)])
def test_features_have_the_computed_size(config, height, width):
    expected = (1, config.output_size(height), config.output_size(width), config.channels)
    assert jax.eval_shape(EMBED[config], images(1, height, width)).shape == expected


@pytest.mark.parametrize("config, least", [(VALID, 91), (CROPPED, 95)])
def test_an_image_without_a_whole_cell_is_refused(config, least):
    assert config.output_size(least) == 1
    with pytest.raises(ValueError, match=f"{least - 1} pixels .* the least is {least}"):
        config.output_size(least - 1)


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="'padded' is neither"):
        ResNetConfig(variant="padded")


# What a cell sees


@both
def test_a_cell_sees_its_receptive_field_and_nothing_else(config):
    image, glaring = images(1, 127, 127), 2e3 * images(1, 127, 127, seed=1)
    cell = 2
    start = 8 * cell + (config.variant == "cropped")
    last = start + config.receptive_field - 1
    field = slice(start, last + 1)
    features = EMBED[config](image)[0, cell, cell]

    def change(altered):
        difference = EMBED[config](altered)[0, cell, cell] - features
        return np.abs(difference).max() / np.std(features)

    elsewhere = glaring.copy()
    elsewhere[:, field, field] = image[:, field, field]
    assert change(elsewhere) < 1e-3
    for edge in (np.s_[:, start], np.s_[:, last], np.s_[:, :, start], np.s_[:, :, last]):
        altered = image.copy()
        altered[edge] = glaring[edge]
        assert change(altered) > 1e-1


@both
@settings(max_examples=10, deadline=None)
@given(right=st.integers(0, 3), down=st.integers(0, 3), seed=st.integers(0, 99))
def test_moving_the_image_by_a_stride_moves_the_features_by_a_cell(config, right, down, seed):
    image = images(1, 127, 127, seed=seed)
    moved = np.roll(image, (8 * down, 8 * right), (1, 2))
    features, after = EMBED[config](image), EMBED[config](moved)
    cells = 5 - down, 5 - right
    assert_close(after[:, down:, right:], features[:, : cells[0], : cells[1]])


# The same features


def trained_form(config, layers, image, *, train):
    """Features, and the running averages afterwards."""
    params, averages = split_layers(layers)

    @jax.jit
    def apply(image):
        variables = {"params": params, "batch_stats": averages}
        return config.module().apply(variables, image, train=train, mutable=["batch_stats"])

    features, changed = apply(image)
    return np.asarray(features), changed["batch_stats"]


@pytest.mark.parametrize(
    "config, height, width", [(SHALLOW[0], 71, 73), (SHALLOW[1], 71, 73), (SHALLOW[1], 80, 74)]
)
def test_inference_with_folded_norms_equals_the_trained_form(config, height, width):
    layers, image = layers_of(config), images(2, height, width)
    expected, _ = trained_form(config, layers, image, train=False)
    embed = jax.jit(config.embed)
    assert_close(embed(fold_batch_norm(layers), image), expected)


def test_prepared_parameters_give_the_same():
    config = ResNetConfig(stem=16, widths=(16, 16), blocks=(1, 1))
    params, image = fold_batch_norm(layers_of(config)), images(1, 127, 127)
    embed = jax.jit(config.embed)
    assert_close(embed(config.prepare(params), image), np.asarray(embed(params, image)))


def test_features_in_bfloat16_are_those_of_float32_to_its_precision():
    config = ResNetConfig(stem=16, widths=(16, 16), blocks=(1, 1))
    params, image = fold_batch_norm(layers_of(config)), images(1, 127, 127)
    embed = jax.jit(config.embed)
    plain, short = embed(params, image), embed(config.prepare(params, "bfloat16"), image)
    assert short.dtype == np.float32
    assert 1e-4 < np.abs(short - plain).max() / np.abs(plain).max() < 0.05


def test_many_images_give_what_each_gives_alone():
    """More of them than are embedded at once."""
    config, many = SHALLOW[0], images(6, 127, 127)
    params, embed = fold_batch_norm(layers_of(config)), jax.jit(config.embed)
    each = [np.asarray(embed(params, image[None])) for image in many]
    assert_close(embed(params, many), np.concatenate(each))


def test_gradients_reach_every_layer():
    config = SHALLOW[0]
    params, averages = split_layers(layers_of(config))
    image, weight = jnp.asarray(images(2, 71, 71)), images(config.channels)[:, 0]

    def loss(params):
        variables = {"params": params, "batch_stats": averages}
        features, _ = config.module().apply(variables, image, train=True, mutable=["batch_stats"])
        return jnp.einsum("byxc,c->", features, weight)

    gradient = jax.jit(jax.grad(loss))(params)
    for name, array in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.isfinite(array).all() and np.abs(array).max() > 0, name
