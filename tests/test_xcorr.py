"""`xcorr` against the inner products it stands for, in both lowerings."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from siamfc_jax.models import xcorr as module
from siamfc_jax.models.xcorr import xcorr

BATCHES = [  # leading axes of the template, of the search region
    ((), ()),
    ((1,), (3,)),
    ((3,), (3,)),
    ((3,), ()),
    ((2, 1), (2, 3)),
    ((2, 1), (3,)),
    ((2, 1, 4), (2, 3, 1)),
    ((3, 2), (1, 2)),
]


def loop_xcorr(template, search):
    h, w, height, width = *template.shape[-3:-1], *search.shape[-3:-1]
    batch = np.broadcast_shapes(template.shape[:-3], search.shape[:-3])
    response = np.zeros((*batch, height - h + 1, width - w + 1))
    for i, j in itertools.product(range(height - h + 1), range(width - w + 1)):
        window = search[..., i : i + h, j : j + w, :]
        response[..., i, j] = (template * window).sum((-3, -2, -1))
    return response


def loop_gradients(template, search, d_response):
    """A bilinear function's derivative along a unit vector is its value there."""

    def along(function, a):
        units = np.eye(a.size).reshape(a.size, *a.shape)
        return np.array([(function(unit) * d_response).sum() for unit in units]).reshape(a.shape)

    d_template = along(lambda unit: loop_xcorr(unit, search), template)
    return d_template, along(lambda unit: loop_xcorr(template, unit), search)


def random(*shape):
    return np.random.default_rng(shape).normal(size=shape)


@pytest.fixture(params=["of this platform", "by convolution"])
def correlate(request, monkeypatch):
    if request.param == "by convolution":
        monkeypatch.setattr(module, "_by_products", module._by_convolution)
    return xcorr


@pytest.mark.parametrize("batches", BATCHES, ids=str)
def test_equals_the_inner_products(batches, correlate):
    template, search = random(*batches[0], 2, 3, 5), random(*batches[1], 6, 5, 5)
    response = jax.jit(correlate)(jnp.float32(template), jnp.float32(search))
    np.testing.assert_allclose(response, loop_xcorr(template, search), atol=1e-4)


@pytest.mark.parametrize("batches", BATCHES[:6], ids=str)
def test_gradients_equal_those_of_the_inner_products(batches, correlate):
    template, search = random(*batches[0], 2, 1, 2), random(*batches[1], 3, 4, 2)
    d_response = random(*loop_xcorr(template, search).shape)
    gradients = jax.jit(lambda t, s, d: jax.vjp(correlate, t, s)[1](d))(
        *(jnp.float32(a) for a in (template, search, d_response))
    )
    for gradient, expected in zip(
        gradients, loop_gradients(template, search, d_response), strict=True
    ):
        np.testing.assert_allclose(gradient, expected, atol=1e-4)


def test_works_under_jit_vmap_and_scan():
    template, search = random(3, 2, 2, 4), random(3, 5, 5, 4)
    expected = loop_xcorr(template, search)
    t, s = jnp.float32(template), jnp.float32(search)
    np.testing.assert_allclose(jax.jit(jax.vmap(xcorr))(t, s), expected, atol=1e-4)
    _, scanned = jax.lax.scan(lambda carry, pair: (carry, xcorr(*pair)), None, (t, s))
    np.testing.assert_allclose(scanned, expected, atol=1e-4)


def test_bfloat16_works():
    template, search = jnp.bfloat16(random(2, 2, 4)), jnp.bfloat16(random(5, 5, 4))
    response = xcorr(template, search)
    assert response.dtype == jnp.bfloat16
    expected = loop_xcorr(np.float64(template), np.float64(search))
    np.testing.assert_allclose(np.float64(response), expected, atol=0.1)


def test_template_larger_than_the_search_region_is_an_error():
    with pytest.raises(ValueError, match="does not fit"):
        xcorr(jnp.zeros((3, 2, 4)), jnp.zeros((2, 5, 4)))


def test_different_channels_are_an_error():
    with pytest.raises(ValueError, match="does not fit"):
        xcorr(jnp.zeros((2, 2, 3)), jnp.zeros((5, 5, 4)))
