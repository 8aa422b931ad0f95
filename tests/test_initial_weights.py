"""Beginning a training with a weight file that holds all of the network, or its backbone."""

import dataclasses

import jax
import numpy as np
import pytest

from experiments.initial_weights import layers_from
from experiments.run_record import RunError
from siamfc_jax.loading import default_tracking, model_config
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.backbone import is_of_head
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.resnet import ResNetConfig
from siamfc_jax.models.rpn_heads import UpChannelHead
from siamfc_jax.models.siamfc import SIAMFC_TINY, SiamFCNetwork
from siamfc_jax.models.siamrpn import SIAMRPN_TINY
from siamfc_jax.weights import save_weights

RESNET = SiamFCNetwork(ResNetConfig(4, (4, 8)))


def layers_of(network, seed):
    """As from `network.init`, without the time that compiling it takes."""
    random = np.random.default_rng(seed)
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: random.random(leaf.shape, np.float32), shapes)


def saved(folder, network, layers):
    path = folder / "initial.safetensors"
    save_weights(path, layers, model_config(network, default_tracking(network)))
    return path


def assert_same(layers, others, names):
    for name in names:
        jax.tree.map(np.testing.assert_array_equal, layers[name], others[name])


def test_a_whole_network_is_taken_without_a_word(tmp_path, capsys):
    stored = layers_of(SIAMFC_TINY, 1)
    layers = layers_from(
        saved(tmp_path, SIAMFC_TINY, stored), SIAMFC_TINY, layers_of(SIAMFC_TINY, 2)
    )
    assert_same(layers, stored, stored)
    assert capsys.readouterr().out == ""


def test_a_backbone_gets_a_fresh_head(tmp_path, capsys):
    stored = {name: layer for name, layer in layers_of(RESNET, 1).items() if not is_of_head(name)}
    fresh = layers_of(RESNET, 2)
    layers = layers_from(saved(tmp_path, RESNET, stored), RESNET, fresh)
    assert_same(layers, stored, stored)
    assert_same(layers, fresh, ["head"])
    assert (
        f"gives {len(stored)} of {len(stored) + 1} layers; fresh: head\n" in capsys.readouterr().out
    )


def test_another_head_is_left_out_and_missing_layers_begin_afresh(tmp_path, capsys):
    stored = layers_of(SIAMRPN_TINY, 1)
    stored = {name: layer for name, layer in stored.items() if not is_of_head(name)}
    del stored["conv5"], stored["bn5"]
    fresh = layers_of(SIAMRPN_TINY, 2)
    path = saved(tmp_path, SIAMRPN_TINY, {**stored, "head": {"bias": np.zeros(())}})
    layers = layers_from(path, SIAMRPN_TINY, fresh)
    assert layers.keys() == fresh.keys()
    assert_same(layers, stored, stored)
    assert_same(layers, fresh, ["conv5", "bn5", "head_conv_cls_search"])
    assert "gives 8 of 15 layers; fresh: bn5 conv5 head_conv_" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (fold_batch_norm(layers_of(SIAMFC_TINY, 1)), "batch norm is folded: conv1 lacks bn1"),
        (
            layers_of(RESNET, 1),
            "another network, or one whose batch norm is folded: .* does not fit",
        ),
        ({"head": {"bias": np.zeros((), np.float32)}}, "holds no layer of this network"),
    ],
)
def test_layers_that_do_not_fit_are_refused(tmp_path, stored, why):
    path = saved(tmp_path, SIAMFC_TINY, stored)
    with pytest.raises(RunError, match=why):
        layers_from(path, SIAMFC_TINY, layers_of(SIAMFC_TINY, 2))


@pytest.mark.parametrize(
    ("network", "other", "gain"),
    [
        (SIAMFC_TINY, dataclasses.replace(SIAMFC_TINY, gain=0.5), 0.01),
        (SIAMRPN_TINY, dataclasses.replace(SIAMRPN_TINY, head=UpChannelHead(16, gain=0.5)), 1.0),
    ],
)
def test_a_head_that_was_trained_with_another_gain_is_pointed_out(
    tmp_path, capsys, network, other, gain
):
    stored = layers_of(network, 1)
    layers_from(saved(tmp_path, other, stored), network, stored)
    assert f"trained with a gain of 0.5, and is now given {gain}" in capsys.readouterr().out


def test_an_ungrouped_backbone_begins_as_a_grouped_one_computes(tmp_path, capsys):
    grouped = SiamFCNetwork(AlexNetConfig((8, 16, 16, 16, 16), (1, 2, 1, 2, 2)))
    stored = layers_of(grouped, 1)
    path = saved(tmp_path, grouped, stored)
    layers = layers_from(path, SIAMRPN_TINY, layers_of(SIAMRPN_TINY, 2))
    assert "gives 9 of 15 layers; fresh: bn5 head_conv_" in capsys.readouterr().out
    image = np.random.default_rng(3).random((1, 127, 127, 3), np.float32)
    without_last_norm = dataclasses.replace(SIAMRPN_TINY.backbone, norm_last=False)
    ours = without_last_norm.embed(fold_batch_norm(without(layers, "bn5")), image)
    theirs = grouped.backbone.embed(fold_batch_norm(stored), image)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def without(layers, name):
    return {key: layer for key, layer in layers.items() if key != name}
