"""`conv2d` against the plain sum it stands for, whatever lowering the sizes lead to."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamfc_jax.models import conv_strips, conv_tiles
from siamfc_jax.models.conv import PreparedKernel, conv2d, prepare_kernel
from siamfc_jax.models.winograd import MAX_MULTIPLICATIONS, minimal_filtering


def loop_conv(x, kernel, stride=1, groups=1):
    """One output pixel at a time, in float64."""
    taps_y, taps_x, _, out_channels = kernel.shape
    out_h, out_w = (x.shape[1] - taps_y) // stride + 1, (x.shape[2] - taps_x) // stride + 1
    inputs = np.split(np.arange(x.shape[3]), groups)
    outputs = np.split(np.arange(out_channels), groups)
    y = np.zeros((x.shape[0], out_h, out_w, out_channels))
    for i, j in itertools.product(range(out_h), range(out_w)):
        window = x[:, i * stride : i * stride + taps_y, j * stride : j * stride + taps_x]
        for seen, made in zip(inputs, outputs, strict=True):
            y[:, i, j, made] = np.tensordot(window[..., seen], kernel[..., made], 3)
    return y


def loop_conv_gradients(x, kernel, dy, stride, groups):
    """Each output pixel's share of the gradients, added up."""
    taps_y, taps_x, _, out_channels = kernel.shape
    inputs = np.split(np.arange(x.shape[3]), groups)
    outputs = np.split(np.arange(out_channels), groups)
    dx, d_kernel = np.zeros_like(x), np.zeros_like(kernel)
    for i, j in itertools.product(range(dy.shape[1]), range(dy.shape[2])):
        rows = slice(i * stride, i * stride + taps_y)
        columns = slice(j * stride, j * stride + taps_x)
        for seen, made in zip(inputs, outputs, strict=True):
            here = dy[:, i, j][:, made]
            dx[:, rows, columns, seen] += np.einsum("bo,yxio->byxi", here, kernel[..., made])
            window = x[:, rows, columns][..., seen]
            d_kernel[..., made] += np.einsum("bo,byxi->yxio", here, window)
    return dx, d_kernel


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def assert_close(actual, expected, tolerance=1e-4):
    """Within `tolerance` of the expected root mean square."""
    assert actual.shape == expected.shape
    scale = np.sqrt(np.mean(expected**2)) + 1e-12
    np.testing.assert_allclose(actual / scale, expected / scale, rtol=0, atol=tolerance)


def f32(*arrays):
    return [jnp.asarray(a, jnp.float32) for a in arrays]


# name: images, kernel, stride, groups
LAYERS = {
    "conv1": ((2, 37, 42, 3), (11, 11, 3, 8), 2, 1),
    "conv1 in several strips": ((1, 129, 215, 3), (11, 11, 3, 2), 2, 1),
    "7 x 7 stem at stride 2": ((1, 20, 19, 3), (7, 7, 3, 4), 2, 1),
    "stride 3": ((1, 20, 22, 2), (5, 5, 2, 4), 3, 1),
    "conv2": ((2, 13, 17, 32), (5, 5, 16, 6), 1, 2),
    "conv3": ((3, 12, 9, 16), (3, 3, 16, 5), 1, 1),
    "tile larger than the output": ((2, 3, 3, 16), (3, 3, 16, 4), 1, 1),
    "few channels": ((2, 8, 9, 8), (3, 3, 8, 4), 1, 1),
    "1 x 1": ((2, 4, 5, 8), (1, 1, 8, 4), 1, 1),
    "oblong kernel": ((1, 8, 9, 16), (3, 5, 16, 4), 1, 1),
    "grouped at stride 2": ((1, 13, 13, 32), (3, 3, 16, 4), 2, 2),
    "large kernel": ((1, 12, 12, 16), (9, 9, 16, 2), 1, 1),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_value_and_gradients_equal_the_plain_sum(layer):
    image_shape, kernel_shape, stride, groups = LAYERS[layer]
    x, kernel = random(*image_shape), random(*kernel_shape)
    expected = loop_conv(x, kernel, stride, groups)
    dy = random(*expected.shape, seed=1)

    @jax.jit
    def value_and_gradients(x, kernel, dy):
        y, transpose = jax.vjp(lambda x, k: conv2d(x, k, stride=stride, groups=groups), x, kernel)
        return y, transpose(dy)

    y, (dx, d_kernel) = value_and_gradients(*f32(x, kernel, dy))

    expected_dx, expected_d_kernel = loop_conv_gradients(x, kernel, dy, stride, groups)
    assert_close(y, expected)
    assert_close(dx, expected_dx)
    assert_close(d_kernel, expected_d_kernel)


@settings(max_examples=5, deadline=None)
@given(
    taps=st.integers(2, 5),
    margin=st.tuples(st.integers(0, 13), st.integers(0, 13)),
    images=st.integers(1, 3),
    groups=st.integers(1, 2),
)
def test_tiles_equal_the_plain_sum_at_any_size(taps, margin, images, groups):
    x = random(images, taps + margin[0], taps + margin[1], 2 * groups)
    kernel = random(taps, taps, 2, 3 * groups)
    options = {"stride": 1, "groups": groups}

    @jax.jit
    def convolve(x, kernel):
        products = conv_tiles.to_products(kernel, **options)
        return conv_tiles.convolve(x, products, taps=taps, **options)

    assert_close(convolve(*f32(x, kernel)), loop_conv(x, kernel, groups=groups))


@pytest.mark.parametrize("at_once", [(3, 4), (1, 4), (3, 2), (1, 1)], ids=str)
def test_tiles_in_chunks_equal_the_plain_sum(monkeypatch, at_once):
    monkeypatch.setattr(conv_tiles, "_chunk_sizes", lambda *_: at_once)
    x, kernel, dy = random(4, 14, 14, 4), random(3, 3, 2, 6), random(4, 12, 12, 6)
    options = {"stride": 1, "groups": 2}

    @jax.jit
    def value_and_gradient(x, kernel, dy):
        y = conv_tiles.convolve(x, conv_tiles.to_products(kernel, **options), taps=3, **options)
        return y, conv_tiles.kernel_gradient(x, dy, taps=3, **options)

    y, d_kernel = value_and_gradient(*f32(x, kernel, dy))
    assert_close(y, loop_conv(x, kernel, groups=2))
    assert_close(d_kernel, loop_conv_gradients(x, kernel, dy, 1, 2)[1])


@pytest.mark.parametrize("layer", ["conv1", "conv2", "tile larger than the output", "1 x 1"])
def test_a_prepared_kernel_gives_the_same(layer):
    image_shape, kernel_shape, stride, groups = LAYERS[layer]
    x, kernel = f32(random(*image_shape), random(*kernel_shape))
    options = {"stride": stride, "groups": groups}
    prepared = prepare_kernel(kernel, **options)
    assert isinstance(prepared, PreparedKernel)
    y = conv2d(x, prepared, **options)
    assert_close(y, conv2d(x, kernel, **options), 5e-5)


def test_the_layers_of_alexnet_have_a_fast_lowering():
    assert conv_strips.accepts((11, 11, 3, 96), stride=2, groups=1)
    for image, kernel, groups in [
        ((1, 61, 61, 96), (5, 5, 48, 256), 2),
        ((1, 28, 28, 256), (3, 3, 256, 384), 1),
        ((1, 8, 8, 384), (3, 3, 192, 256), 2),
    ]:
        assert conv_tiles.accepts(kernel, 1, groups)
        assert conv_tiles.is_profitable(image, kernel[0])


def test_float32_error_is_far_below_what_matters():
    x, kernel = random(1, 21, 21, 96), random(5, 5, 48, 16)
    error = conv2d(*f32(x, kernel), groups=2) - loop_conv(x, kernel, groups=2)
    assert np.sqrt(np.mean(error**2)) < 5e-6 * np.sqrt(kernel[..., 0].size)


def test_bfloat16_works():
    x, kernel = (jnp.bfloat16(a) for a in (random(1, 9, 9, 16), random(3, 3, 16, 4)))
    y = conv2d(x, kernel)
    assert y.dtype == jnp.bfloat16
    assert_close(np.float64(y), loop_conv(np.float64(x), np.float64(kernel)), 0.05)


def test_gradients_under_vmap_and_scan():
    x, kernels = random(1, 10, 10, 16), random(2, 3, 3, 16, 4)
    dy = random(1, 8, 8, 4)
    expected = np.stack([loop_conv_gradients(x, kernel, dy, 1, 1)[1] for kernel in kernels])
    x32, kernels32, dy32 = f32(x, kernels, dy)
    gradient = jax.grad(lambda kernel: (conv2d(x32, kernel) * dy32).sum())
    assert_close(jax.jit(jax.vmap(gradient))(kernels32), expected)
    _, scanned = jax.lax.scan(lambda _, kernel: (None, gradient(kernel)), None, kernels32)
    assert_close(scanned, expected)


@pytest.mark.parametrize("taps", range(1, 7))
def test_minimal_filtering_is_a_correlation(taps):
    for outputs in range(1, MAX_MULTIPLICATIONS + 2 - taps):
        to_input, to_kernel, to_output = minimal_filtering(outputs, taps)
        data, weights = random(outputs + taps - 1), random(taps)
        y = to_output @ ((to_kernel @ weights) * (to_input @ data))
        np.testing.assert_allclose(y, np.correlate(data, weights, "valid"), atol=1e-4)


def test_minimal_filtering_has_a_limit():
    with pytest.raises(ValueError, match="more points"):
        minimal_filtering(MAX_MULTIPLICATIONS, 2)
