import jax
import jax.numpy as jnp
import numpy as np
import pytest

from siamfc_jax.models.alexnet import ALEXNET_V1, ALEXNET_V2, AlexNet, AlexNetConfig
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.siamfc import SIAMFC, SIAMFC_V1, SiamFCNetwork

TINY = SiamFCNetwork(AlexNetConfig((8, 16, 16, 16, 8)))


def random_layers(network, seed=0):
    """Parameters whose batch norms are not the identity."""
    layers = network.init(jax.random.key(seed))
    random = np.random.default_rng(seed)
    for name, layer in layers.items():
        if name.startswith("bn"):
            width = layer["scale"].shape
            layer["scale"] = jnp.asarray(random.uniform(0.5, 2, width), jnp.float32)
            layer["bias"] = jnp.asarray(random.normal(0, 1, width), jnp.float32)
            layer["mean"] = jnp.asarray(random.normal(0, 9, width), jnp.float32)
            layer["var"] = jnp.asarray(random.uniform(1, 99, width), jnp.float32)
    return layers


def images(count, size, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3))
    return jnp.asarray(pixels, jnp.float32)


@pytest.mark.parametrize(
    ("config", "channels"),
    [(ALEXNET_V2, (96, 256, 384, 384, 256)), (ALEXNET_V1, (48, 128, 192, 192, 128))],
)
@pytest.mark.parametrize(
    ("size", "sides"),
    [(127, (59, 29, 25, 12, 10, 8, 6)), (255, (123, 61, 57, 28, 26, 24, 22))],
)
def test_activations_have_the_sizes_of_table_1(config, channels, size, sides):
    module = AlexNet(config)

    def activations(image):
        variables = module.init(jax.random.key(0), image, train=False)
        _, captured = module.apply(variables, image, train=False, capture_intermediates=True)
        return captured["intermediates"]

    image = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    captured = jax.eval_shape(activations, image)
    convolved = [captured[f"conv{k}"]["__call__"][0].shape for k in range(1, 6)]
    expected = [sides[0], sides[2], sides[4], sides[5], sides[6]]
    assert convolved == [(1, s, s, c) for s, c in zip(expected, channels, strict=True)]
    assert config.output_size(size) == sides[-1]


def test_grouped_convolutions_see_half_of_the_channels():
    layers = jax.eval_shape(SIAMFC.init, jax.random.key(0))
    inputs = [layers[f"conv{k}"]["kernel"].shape[2] for k in range(1, 6)]
    assert inputs == [3, 48, 256, 192, 192]
    assert sum(np.prod(x.shape) for x in jax.tree.leaves(layers)) > 2.33e6


def test_v1_normalises_after_every_linear_layer_and_v2_not_after_the_last():
    assert "bn5" in jax.eval_shape(SIAMFC_V1.init, jax.random.key(0))
    assert "bn5" not in jax.eval_shape(SIAMFC.init, jax.random.key(0))


@pytest.mark.parametrize("norm_last", [False, True])
def test_folding_the_batch_norm_changes_nothing(norm_last):
    network = SiamFCNetwork(AlexNetConfig((8, 16, 16, 16, 8), norm_last=norm_last))
    layers = random_layers(network)
    params = {
        k: {n: v for n, v in layer.items() if n not in ("mean", "var")}
        for k, layer in layers.items()
        if k != "head"
    }
    averages = {
        k: {n: layer[n] for n in ("mean", "var")}
        for k, layer in layers.items()
        if k.startswith("bn")
    }
    image = images(2, 127)
    trained = AlexNet(network.backbone).apply(
        {"params": params, "batch_stats": averages}, image, train=False
    )
    folded = network.embed(fold_batch_norm(layers), image)
    np.testing.assert_allclose(folded, trained, rtol=1e-3, atol=1e-3 * np.abs(trained).max())


def test_prepared_parameters_give_the_same_features():
    params = fold_batch_norm(random_layers(TINY))
    image = images(2, 127)
    plain = TINY.embed(params, image)
    prepared = TINY.embed(TINY.prepare(params), image)
    np.testing.assert_allclose(prepared, plain, atol=1e-5 * np.abs(plain).max())


def test_features_in_bfloat16_are_those_of_float32_to_its_precision():
    params = fold_batch_norm(random_layers(TINY))
    image = images(2, 127)
    plain = TINY.embed(params, image)
    short = TINY.embed(TINY.prepare(params, "bfloat16"), image)
    assert short.dtype == np.float32
    # Eight bits of five layers; equal features would mean that nothing was shortened.
    assert 1e-4 < np.abs(short - plain).max() / np.abs(plain).max() < 0.05


def test_any_size_from_the_receptive_field_upwards_can_be_embedded():
    params = fold_batch_norm(TINY.init(jax.random.key(0)))
    for size in (87, 88, 127, 150):
        side = TINY.backbone.output_size(size)
        assert TINY.embed(params, images(1, size)).shape == (1, side, side, 8)
    with pytest.raises(ValueError, match="87"):
        TINY.backbone.output_size(86)


def test_the_embedding_commutes_with_translation():
    """v2 paper, eq. 1: h(L_{k tau} x) = L_tau h(x), exactly, for the stride k = 8."""
    params = fold_batch_norm(random_layers(TINY))
    wide = images(1, 167)
    features = TINY.embed(params, wide)
    for dx, dy in [(1, 0), (0, 2), (3, 4)]:
        window = wide[:, 8 * dy : 8 * dy + 127, 8 * dx : 8 * dx + 127]
        expected = features[:, dy : dy + 6, dx : dx + 6]
        np.testing.assert_allclose(
            TINY.embed(params, window), expected, atol=1e-4 * np.abs(features).max()
        )


def test_the_response_is_the_inner_product_with_every_translated_window():
    """v1 paper §2.1: one correlation equals the inner product on each sub-window."""
    layers = random_layers(TINY)
    layers["head"]["bias"] = jnp.asarray(0.25)
    params = fold_batch_norm(layers)
    exemplar, search = images(1, 127, 1), images(1, 151, 2)
    response = TINY.respond(params, TINY.embed(params, exemplar), TINY.embed(params, search))
    assert response.shape == (1, 4, 4)
    template = TINY.embed(params, exemplar)
    for row, column in [(0, 0), (1, 3), (3, 2)]:
        window = search[:, 8 * row : 8 * row + 127, 8 * column : 8 * column + 127]
        product = jnp.sum(template * TINY.embed(params, window))
        expected = TINY.gain * product + 0.25
        np.testing.assert_allclose(response[0, row, column], expected, rtol=1e-3)


def test_the_response_map_of_the_papers_is_17_by_17():
    params = jax.eval_shape(fold_batch_norm, jax.eval_shape(SIAMFC.init, jax.random.key(0)))
    shape = jax.eval_shape(
        lambda p, z, x: SIAMFC.respond(p, SIAMFC.embed(p, z), SIAMFC.embed(p, x)),
        params,
        jax.ShapeDtypeStruct((1, 127, 127, 3), jnp.float32),
        jax.ShapeDtypeStruct((1, 255, 255, 3), jnp.float32),
    ).shape
    assert shape == (1, 17, 17)


def test_kernels_start_as_the_improved_xavier_of_released_code():
    kernel = SIAMFC.init(jax.random.key(0))["conv3"]["kernel"]
    assert float(kernel.std()) == pytest.approx((2 / (9 * 384)) ** 0.5, rel=0.01)
