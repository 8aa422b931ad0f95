"""From the flags of `experiments.train` to a network and its settings."""

import json
from dataclasses import fields, replace

import pytest
from absl import flags
from absl.testing import flagsaver

from experiments import training_flags
from siamfc_jax.models.network import NETWORKS, network_config
from siamfc_jax.models.siamfc import SIAMFC, SIAMFC_TINY
from siamfc_jax.models.siamrpn import SIAMRPN
from siamfc_jax.tracking.trackers import PRESETS as TRACKING
from siamfc_jax.training.augment import Augmentation
from siamfc_jax.training.settings import PRESETS
from siamfc_jax.training.siamrpn_settings import RPNTraining


@pytest.fixture(autouse=True)
def parsed():
    with flagsaver.flagsaver():
        flags.FLAGS.mark_as_parsed()
        yield


def given(**values):
    for name, value in values.items():
        flags.FLAGS[name].parse(value)


def choices(name):
    return flags.FLAGS[name].parser.enum_values


def test_every_network_has_a_name():
    for name, network in NETWORKS.items():
        given(network=name)
        assert training_flags.network() == network
        assert name in flags.FLAGS["network"].help


def test_a_network_may_be_described_in_a_file(tmp_path):
    file = tmp_path / "small.json"
    file.write_text(json.dumps(network_config(SIAMFC_TINY)))
    given(network=str(file))
    assert training_flags.network() == SIAMFC_TINY


def test_the_gain_may_be_another_where_there_is_one():
    given(network="siamfc-resnet22", gain=1e-4)
    assert training_flags.network() == replace(NETWORKS["siamfc-resnet22"], gain=1e-4)
    given(network="siamrpn", gain=1)
    assert training_flags.network() == replace(SIAMRPN, head=replace(SIAMRPN.head, gain=1))
    given(network="siamrpn-depthwise")
    with pytest.raises(ValueError, match="--gain: --network=siamrpn-depthwise has none"):
        training_flags.network()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("siamfc9", None, "no network 'siamfc9'; there are siamfc, siamfc-v1"),
        ("none.json", None, "none.json: there is no such file"),
        ("bad.json", "{", "bad.json: describes no network"),
        ("bad.json", "[]", "bad.json: describes no network"),
        ("bad.json", '{"arch": "siamfc-vgg", "gain": 1}', "'vgg' is missing or unknown"),
    ],
)
def test_a_network_that_there_is_not_is_refused(tmp_path, monkeypatch, name, content, why):
    monkeypatch.chdir(tmp_path)
    if content:
        (tmp_path / name).write_text(content)
    given(network=name)
    with pytest.raises(ValueError, match=f"--network: .*{why}"):
        training_flags.network()


def test_all_presets_can_be_chosen():
    assert choices("preset") == list(PRESETS)
    assert sorted(choices("tracking")) == sorted(TRACKING)


@pytest.mark.parametrize(
    ("network", "preset"),
    [
        ("siamfc", "v2-release"),
        ("siamfc-resnet22", "resnet22"),
        ("siamfc-ciresnet22", "ciresnet22-release"),
        ("siamrpn", "siamrpn-release"),
    ],
)
def test_the_default_preset_is_the_networks_released_one(network, preset):
    assert training_flags.settings(NETWORKS[network]) == PRESETS[preset]


def test_flags_override_the_preset():
    given(
        preset="siamrpn-paper", frozen="conv1,conv2", unfreeze="3:conv2,9:conv1", clip_norm="2",
        shift="20", sigma="1",
    )  # fmt: skip
    settings = training_flags.settings(SIAMRPN)
    assert settings.frozen == ("conv1", "conv2") and settings.clip_norm == 2
    assert settings.unfreeze == ((3, "conv2"), (9, "conv1"))
    assert settings.augmentation.shift == 20 and settings.rpn.sigma == 1
    given(frozen="", unfreeze="")
    assert (
        training_flags.settings(SIAMRPN).frozen == training_flags.settings(SIAMRPN).unfreeze == ()
    )


@pytest.mark.parametrize("part", [Augmentation, RPNTraining])
def test_every_field_of_the_parts_has_a_flag(part):
    assert {field.name for field in fields(part)} <= set(flags.FLAGS)


@pytest.mark.parametrize("text", ["conv1", "x:conv1", "3:"])
def test_unfreeze_takes_epochs_and_names(text):
    given(unfreeze=text)
    with pytest.raises(ValueError, match=f"--unfreeze: '{text}' is not EPOCH:NAME"):
        training_flags.settings(SIAMFC)
