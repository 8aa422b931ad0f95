"""`max_pool` against the maximum of each window."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from siamfc_jax.models.pooling import max_pool

SIZES = [((2, 9, 12, 3), 3, 2), ((1, 8, 8, 2), 3, 2), ((1, 6, 7, 4), 2, 2), ((1, 9, 9, 1), 2, 3)]


def windows(size, window, stride):
    rows, columns = ((n - window) // stride + 1 for n in size)
    for i, j in itertools.product(range(rows), range(columns)):
        yield i, j, np.s_[:, i * stride : i * stride + window, j * stride : j * stride + window]


@pytest.mark.parametrize(("shape", "window", "stride"), SIZES)
def test_takes_the_maximum_of_every_whole_window(shape, window, stride):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    pooled = max_pool(jnp.asarray(x), window=window, stride=stride)
    count = 0
    for i, j, where in windows(shape[1:3], window, stride):
        np.testing.assert_array_equal(pooled[:, i, j], x[where].max((1, 2)))
        count += 1
    assert pooled.shape == (shape[0], *pooled.shape[1:3], shape[3])
    assert pooled.shape[1] * pooled.shape[2] == count


@pytest.mark.parametrize(("shape", "window", "stride"), SIZES)
def test_the_gradient_goes_to_the_maxima(shape, window, stride):
    x = np.random.default_rng(1).permutation(np.prod(shape)).reshape(shape).astype(np.float32)
    pool = functools.partial(max_pool, window=window, stride=stride)
    dy = np.random.default_rng(2).normal(size=pool(x).shape).astype(np.float32)
    expected = np.zeros_like(x)
    for i, j, where in windows(shape[1:3], window, stride):
        is_maximum = x[where] == x[where].max((1, 2), keepdims=True)
        expected[where] += is_maximum * dy[:, i : i + 1, j : j + 1]
    (dx,) = jax.jit(lambda x, dy: jax.vjp(pool, x)[1](dy))(x, dy)
    np.testing.assert_allclose(dx, expected, atol=1e-5)


def test_equal_maxima_receive_the_gradient_of_their_window_once():
    gradient = jax.grad(lambda x: max_pool(x).sum())(jnp.zeros((1, 3, 3, 1)))
    assert gradient.max() == gradient.sum() == 1
