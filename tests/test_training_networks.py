"""Networks other than SiamFC's AlexNet are trained, validated and tracked by the same code."""

import dataclasses

import numpy as np
import pytest
from tracking_worlds import scene

import siamfc_jax
from experiments.metric_log import read_metrics
from experiments.training_plan import TrainingPlan
from experiments.training_run import train
from siamfc_jax.loading import default_tracking
from siamfc_jax.models.resnet import ResNetConfig
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.trackers import PRESETS
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.weights import load_weights
from tests.rpn_worlds import SMALLEST as SIAMRPN
from tests.training_worlds import NO_AUGMENTATION, write_dataset

RESNET = SiamFCNetwork(ResNetConfig(4, (4, 4)))
SETTINGS = TrainSettings(
    epochs=1,
    pairs_per_epoch=4,
    batch=2,
    search_size=159,
    clip_norm=10.0,
    augmentation=NO_AUGMENTATION,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("pairs") / "shards", pairs=8, validation=2)


def trained(network, settings, data, out):
    plan = TrainingPlan(data, out, network, settings, workers=1, log_every=1, devices=1)
    return plan, train(plan)


def test_a_siamrpn_is_trained_as_a_siamfc_is(data, tmp_path):
    plan, result = trained(SIAMRPN, SETTINGS, data, tmp_path / "run")
    assert result.finished and {"loss", "classification", "iou"} <= result.pairs.keys()
    assert {"regression", "gradient_norm"} <= read_metrics(plan.out, "train")[0].keys()
    assert (plan.out / "responses.png").exists()
    assert train(plan).step == result.step, "a finished run is not repeated"
    model = siamfc_jax.load_model(result.weights)
    assert model.network == SIAMRPN and model.tracking == default_tracking(SIAMRPN)


@pytest.mark.slow
def test_a_residual_network_goes_on_from_its_weights_and_moves_no_frozen_layer(data, tmp_path):
    plan, result = trained(RESNET, SETTINGS, data, tmp_path / "first")
    images, boxes = scene(2)
    tracker = siamfc_jax.load(result.weights)
    tracker.init(images[0], boxes[0])
    assert np.isfinite(tracker.update(images[1])).all()
    some = dataclasses.replace(SETTINGS, frozen=("conv1", "conv2", "conv3_1"))
    again = dataclasses.replace(plan, settings=some, out=tmp_path / "again", initial=result.weights)
    frozen, moved = (
        [load_weights(weights).params[name]["kernel"] for name in ("conv3_1a", "conv3_2a")]
        for weights in (result.weights, train(again).weights)
    )
    np.testing.assert_array_equal(frozen[0], moved[0])
    assert (frozen[1] != moved[1]).any()


def test_nothing_is_frozen_that_nothing_has_trained(data, tmp_path):
    settings = dataclasses.replace(SETTINGS, frozen=("conv1", "head"))
    plan = TrainingPlan(data, tmp_path / "run", SIAMRPN, settings, devices=1)
    with pytest.raises(ValueError, match="layers conv1 are frozen.*: give --initial=WEIGHTS, or"):
        train(plan)
    assert not (tmp_path / "run" / "run.json").exists()


def test_settings_of_another_kind_of_network_are_refused(data, tmp_path):
    plan = TrainingPlan(
        data, tmp_path / "run", SIAMRPN, SETTINGS, tracking=PRESETS["siamfc-3s-release"], devices=1
    )
    with pytest.raises(ValueError, match="settings are SiamFCTracking, but the network is a Siam"):
        train(plan)
    assert not (tmp_path / "run" / "run.json").exists()
