import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.anchors import A3, A7, Anchors
from siamfc_jax.models.backbone import split_layers
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.rpn_heads import DepthwiseHead, UpChannelHead
from siamfc_jax.models.siamrpn import SIAMRPN, SIAMRPN_DEPTHWISE, SiamRPNNetwork
from siamfc_jax.models.xcorr import xcorr_depthwise

NARROW = AlexNetConfig((8, 8, 8, 8, 6), (1, 1, 1, 1, 1), norm_last=True)
NETWORKS = {
    "up-channel": SiamRPNNetwork(NARROW, UpChannelHead(4)),
    "depthwise": SiamRPNNetwork(NARROW, DepthwiseHead(4)),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]


def settled(network, seed=0):
    """Random layers in training form; drawn by NumPy, as compiling `init` would take seconds."""
    rng = np.random.default_rng(seed)

    def drawn(path, leaf):
        kind = path[-1].key
        if kind == "kernel":
            return rng.normal(0, np.prod(leaf.shape[:3]) ** -0.5, leaf.shape).astype(np.float32)
        low, high = (0.5, 1.5) if kind in ("scale", "var") else (-0.3, 0.3)
        return rng.uniform(low, high, leaf.shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(drawn, jax.eval_shape(network.init, jax.random.key(0)))


def random_features(network, *shape):
    rng = np.random.default_rng(1)
    return jnp.asarray(rng.normal(size=(*shape, network.backbone.channels)), jnp.float32)


def of_head(layers):
    return {name: layer for name, layer in layers.items() if name.startswith("head")}


@partial(jax.jit, static_argnums=0)
def respond(network, params, template, search):
    return network.respond(params, network.template(params, template), search)


@pytest.mark.parametrize(("size", "cells"), [(255, 17), (271, 19), (287, 21)])
@pytest.mark.parametrize("full", [SIAMRPN, SIAMRPN_DEPTHWISE])
def test_the_published_sizes_come_out(full, size, cells):
    def run(layers, exemplar, search):
        params = fold_batch_norm(layers)
        kernels = full.template(params, full.embed(params, exemplar))
        return kernels, full.respond(params, kernels, full.embed(params, search))

    layers = jax.eval_shape(full.init, jax.random.key(0))
    images = [jax.ShapeDtypeStruct((2, side, side, 3), jnp.float32) for side in (127, size)]
    kernels, proposals = jax.eval_shape(run, layers, *images)
    shape = (2, 10, 4, 4, 256) if full is SIAMRPN else (2, 4, 4, 256)
    assert kernels.cls.shape == shape
    assert proposals.logits.shape == (2, cells, cells, 5, 2)
    assert proposals.offsets.shape == (2, cells, cells, 5, 4)


@pytest.mark.parametrize("anchors", [A3, A7])
def test_the_number_of_anchors_is_the_heads(network, anchors):
    network = dataclasses.replace(network, anchors=anchors)
    template, search = random_features(network, 1, 6, 6), random_features(network, 1, 10, 10)
    params = fold_batch_norm(settled(network))
    assert respond(network, params, template, search).offsets.shape == (1, 5, 5, anchors.count, 4)


def test_training_form_and_folded_form_agree(network):
    layers = settled(network)
    template, search = random_features(network, 3, 6, 6), random_features(network, 3, 9, 9)
    params, averages = split_layers(of_head(layers))
    variables = {"params": params, "batch_stats": averages}
    apply = jax.jit(partial(network.head_module().apply, train=False))
    trained = apply(variables, template, search)
    folded = respond(network, fold_batch_norm(layers), template, search)
    np.testing.assert_allclose(folded.logits, trained.logits, atol=1e-4)
    np.testing.assert_allclose(folded.offsets, trained.offsets, atol=1e-4)


def test_prepared_parameters_give_the_same(network):
    params = fold_batch_norm(settled(network))
    template, search = random_features(network, 1, 6, 6), random_features(network, 1, 9, 9)
    plain = respond(network, params, template, search)
    prepared = respond(network, network.prepare(params), template, search)
    np.testing.assert_allclose(prepared.offsets, plain.offsets, atol=1e-4)


def test_every_target_meets_its_own_exemplar(network):
    params = fold_batch_norm(settled(network))
    template, search = random_features(network, 3, 6, 6), random_features(network, 3, 9, 9)
    together = respond(network, params, template, search)
    for t in range(3):
        alone = respond(network, params, template[t : t + 1], search[t : t + 1])
        np.testing.assert_allclose(together.logits[t], alone.logits[0], atol=1e-5)
        np.testing.assert_allclose(together.offsets[t], alone.offsets[0], atol=1e-5)


def test_the_up_channel_head_correlates_in_a_group_manner():
    network = NETWORKS["up-channel"]
    params = fold_batch_norm(settled(network))
    template, search = random_features(network, 1, 6, 6)[0], random_features(network, 1, 9, 9)[0]
    proposals = respond(network, params, template[None], search[None])

    def convolved(name, features):
        kernel, bias = (np.asarray(params[name][key]) for key in ("kernel", "bias"))
        size = len(features) - 2
        return np.asarray(
            [
                [
                    np.einsum("ijc,ijco->o", features[y : y + 3, x : x + 3], kernel) + bias
                    for x in range(size)
                ]
                for y in range(size)
            ]
        )

    kernels = convolved("head_conv_cls_template", np.asarray(template)).reshape(4, 4, 10, 4)
    features = convolved("head_conv_cls_search", np.asarray(search))
    for channel in range(10):
        for y, x in [(0, 0), (3, 1)]:
            expected = (kernels[:, :, channel] * features[y : y + 4, x : x + 4]).sum()
            got = proposals.logits[0, y, x, channel // 2, channel % 2]
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("gain", [1.0, 1 / 16])
def test_fresh_up_channel_logits_have_a_deviation_of_about_one(gain):
    network = SiamRPNNetwork(NARROW, UpChannelHead(16, gain=gain))
    rng = np.random.default_rng(0)
    params = {
        name: {
            "kernel": rng.normal(
                0, layer.deviation, (layer.taps, layer.taps, layer.inputs, layer.outputs)
            ),
            "bias": np.zeros(layer.outputs),
        }
        for name, layer in network.head.layers(6, 5).items()
    }
    params = jax.tree.map(np.float32, params)
    template, search = random_features(network, 3, 6, 6), random_features(network, 3, 9, 9)
    assert 0.3 < float(respond(network, params, template, search).logits.std()) < 3


def test_the_gain_multiplies_the_correlation():
    network = SiamRPNNetwork(NARROW, UpChannelHead(4, adjust=False))
    half = dataclasses.replace(network, head=dataclasses.replace(network.head, gain=0.5))
    params = fold_batch_norm(settled(network))
    template, search = random_features(network, 1, 6, 6), random_features(network, 1, 9, 9)
    jax.tree.map(
        lambda with_half, whole: np.testing.assert_allclose(with_half, whole / 2, atol=1e-6),
        respond(half, params, template, search),
        respond(network, params, template, search),
    )


def test_without_adjustment_the_offsets_are_the_correlation():
    network = SiamRPNNetwork(NARROW, UpChannelHead(4, adjust=False))
    layers = settled(network)
    assert "head_conv_loc_adjust" not in layers
    adjusted = NETWORKS["up-channel"]
    identity = {"kernel": jnp.eye(20)[None, None], "bias": jnp.zeros(20)}
    template, search = random_features(network, 1, 6, 6), random_features(network, 1, 9, 9)
    params = fold_batch_norm(layers)
    plain = respond(network, params, template, search)
    same = respond(adjusted, {**params, "head_conv_loc_adjust": identity}, template, search)
    np.testing.assert_allclose(plain.offsets, same.offsets, atol=1e-5)


def test_the_norms_of_the_depthwise_head_follow_the_batch_in_training():
    network = NETWORKS["depthwise"]
    params, averages = split_layers(of_head(settled(network)))
    features = random_features(network, 3, 9, 9)

    @jax.jit
    def train(features):
        variables = {"params": params, "batch_stats": averages}
        arguments = {"train": True, "mutable": ["batch_stats"]}
        return network.head_module().apply(variables, features[:, :6, :6], features, **arguments)

    _, new = train(features)
    assert set(new["batch_stats"]) == set(averages) and len(averages) == 6
    for name, average in averages.items():
        assert not np.allclose(new["batch_stats"][name]["var"], average["var"])


@pytest.mark.parametrize("size", [(4, 4), (1, 1), (3, 5)])
def test_depthwise_correlation_is_the_inner_product_of_every_channel(size):
    rng = np.random.default_rng(0)
    template, search = rng.normal(size=(2, *size, 3)), rng.normal(size=(2, 7, 8, 3))
    got = xcorr_depthwise(jnp.asarray(template, jnp.float32), jnp.asarray(search, jnp.float32))
    h, w = size
    assert got.shape == (2, 7 - h + 1, 8 - w + 1, 3)
    for t, y, x, c in np.ndindex(*got.shape):
        expected = (template[t, :, :, c] * search[t, y : y + h, x : x + w, c]).sum()
        np.testing.assert_allclose(got[t, y, x, c], expected, atol=1e-4)


def test_a_template_larger_than_the_search_region_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        xcorr_depthwise(jnp.zeros((4, 4, 2)), jnp.zeros((5, 3, 2)))


def test_anchors_of_another_stride_are_refused():
    with pytest.raises(ValueError, match="stride of 4"):
        SiamRPNNetwork(NARROW, anchors=Anchors(stride=4))
