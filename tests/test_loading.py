import jax
import numpy as np
import pytest

import siamfc_jax
from data_prep.synthetic import render_demo
from siamfc_jax.boxes import iou
from siamfc_jax.loading import DEFAULT_TRACKING, model_config
from siamfc_jax.media.demo import demo_clip
from siamfc_jax.media.reading import open_frames
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.siamfc import SIAMFC, SiamFCNetwork
from siamfc_jax.tracking.config import SIAMFC_PAPER
from siamfc_jax.weights import WeightsError, load_weights, save_weights

TINY = SiamFCNetwork(AlexNetConfig((8, 16, 16, 16, 8), norm_last=True), gain=0.5)


@pytest.fixture
def tiny_file(tmp_path):
    layers = jax.device_get(TINY.init(jax.random.key(0)))
    save_weights(tmp_path / "tiny.safetensors", layers, model_config(TINY, SIAMFC_PAPER))
    return tmp_path / "tiny.safetensors"


def test_a_file_brings_its_network_and_its_settings(tiny_file):
    model = siamfc_jax.load_model(tiny_file)
    assert model.network == TINY
    assert model.tracking == SIAMFC_PAPER
    assert not any(name.startswith("bn") for name in model.params)


def test_settings_can_be_replaced(tiny_file):
    assert siamfc_jax.load_model(tiny_file, DEFAULT_TRACKING).tracking == DEFAULT_TRACKING


def test_an_unknown_name_lists_the_shipped_models():
    with pytest.raises(WeightsError, match="shipped: siamfc-3s"):
        siamfc_jax.load("siamfc-9s")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"network": {"arch": "resnet"}},
        {"network": {"arch": "siamfc-alexnet", "widths": [1, 2]}},
        {"network": {"arch": "siamfc-alexnet", "gain": 1, "depth": 3}},
    ],
)
def test_a_file_of_another_network_is_refused(tmp_path, config):
    save_weights(tmp_path / "other.safetensors", {"conv1": {"bias": np.zeros(3)}}, config)
    with pytest.raises(WeightsError, match=r"other.safetensors: "):
        siamfc_jax.load(tmp_path / "other.safetensors")


def test_the_default_weights_ship_small_and_with_their_card():
    assert "siamfc-3s" in siamfc_jax.shipped_models()
    model = siamfc_jax.load_model("siamfc-3s")
    assert model.network == SIAMFC
    assert model.tracking == DEFAULT_TRACKING


def test_the_shipped_weights_follow_the_demo_through_its_occlusion():
    path, box = demo_clip()
    truth = render_demo().boxes[:, 0]
    tracker = siamfc_jax.load("siamfc-3s")
    overlaps = []
    with open_frames(path) as frames:
        for image, true_box in zip(frames, truth, strict=True):
            if not overlaps:
                np.testing.assert_allclose(box, true_box, atol=0.01)
                tracker.init(image, box)
                overlaps.append(1.0)
            else:
                overlaps.append(float(iou(tracker.update(image), true_box)))
    assert np.mean(overlaps) > 0.6
    assert overlaps[-1] > 0.5


def test_the_shipped_file_is_at_most_10_megabytes():
    from importlib import resources

    file = resources.files("siamfc_jax.assets") / "siamfc-3s.safetensors"
    assert len(file.read_bytes()) <= 10e6
    assert "trained" in load_weights(str(file)).notes
