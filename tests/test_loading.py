import dataclasses
import functools

import jax
import numpy as np
import pytest
from PIL import Image

import siamfc_jax
from data_prep.synthetic import render_demo
from siamfc_jax.boxes import iou
from siamfc_jax.loading import DEFAULT_TRACKING, default_tracking, model_config
from siamfc_jax.media.demo import demo_clip
from siamfc_jax.media.reading import open_frames
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.anchors import A3
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.resnet import ResNetConfig
from siamfc_jax.models.rpn_heads import DepthwiseHead, UpChannelHead
from siamfc_jax.models.siamfc import SIAMFC, SiamFCNetwork
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking.config import SIAMFC_PAPER
from siamfc_jax.tracking.trackers import PRESETS
from siamfc_jax.weights import WeightsError, describe, load_weights, save_weights

TINY = SiamFCNetwork(AlexNetConfig((8, 16, 16, 16, 8), norm_last=True), gain=0.5)
NARROW = AlexNetConfig((4, 4, 4, 4, 4), (1, 1, 1, 1, 1), norm_last=True)
NETWORKS = {
    "siamfc-alexnet": TINY,
    "siamfc-resnet22": SiamFCNetwork(ResNetConfig(4, (4, 8)), gain=1e-2),
    "siamfc-resnet22, cropped": SiamFCNetwork(ResNetConfig(4, (4, 8), variant="cropped")),
    "siamrpn-alexnet": SiamRPNNetwork(NARROW, UpChannelHead(4, adjust=False), A3),
    "siamrpn-alexnet, depth-wise": SiamRPNNetwork(NARROW, DepthwiseHead(4)),
}


def random_layers(network):
    """As from `network.init`, without the time that compiling it takes."""
    random = np.random.default_rng(0)
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: random.random(leaf.shape, np.float32), shapes)


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


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_every_kind_of_network_comes_back_from_its_file(tmp_path, name, dtype):
    network, layers = NETWORKS[name], random_layers(NETWORKS[name])
    tracking = dataclasses.replace(default_tracking(network), context=0.25)
    path = tmp_path / "net.safetensors"
    save_weights(path, layers, model_config(network, tracking), dtype=dtype)
    model = siamfc_jax.load_model(path)
    assert model.network == network and model.tracking == tracking
    assert describe(path).startswith(f"net.safetensors: {name.partition(',')[0]}, ")
    expected = fold_batch_norm(layers)
    assert model.params.keys() == expected.keys()
    same = functools.partial(np.testing.assert_allclose, rtol=3e-3, atol=1e-6)
    jax.tree.map(same, dict(model.params), expected)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_file_without_settings_is_tracked_as_its_kind_is_by_default(tmp_path, network):
    config = {"network": model_config(network, default_tracking(network))["network"]}
    save_weights(tmp_path / "net.safetensors", random_layers(network), config)
    assert siamfc_jax.load_model(tmp_path / "net.safetensors").tracking == default_tracking(network)


def test_settings_of_another_kind_of_network_are_refused(tiny_file):
    with pytest.raises(ValueError, match="SiamRPNTracking, but .* presets are siamfc-paper, siamf"):
        siamfc_jax.load_model(tiny_file, PRESETS["siamrpn-release"])


def test_an_embedding_without_a_head_is_no_tracker(tmp_path):
    layers = {name: layer for name, layer in random_layers(TINY).items() if name != "head"}
    save_weights(tmp_path / "half.safetensors", layers, model_config(TINY, SIAMFC_PAPER))
    with pytest.raises(WeightsError, match="half.safetensors: an embedding without a head"):
        siamfc_jax.load_model(tmp_path / "half.safetensors")


def test_settings_can_be_replaced(tiny_file):
    assert siamfc_jax.load_model(tiny_file, DEFAULT_TRACKING).tracking == DEFAULT_TRACKING


def test_the_fast_way_changes_the_pyramid_alone(tiny_file):
    expected = dataclasses.replace(SIAMFC_PAPER, pyramid="exemplars")
    assert siamfc_jax.load_model(tiny_file, fast=True).tracking == expected


def test_the_type_to_compute_in_is_said_when_it_is_loaded(tiny_file):
    for compute in ("float32", "bfloat16"):
        params = siamfc_jax.load_model(tiny_file, compute=compute).prepared()
        assert params["conv1"]["bias"].dtype == compute
        assert params["head"]["bias"].dtype == "float32"
    with pytest.raises(ValueError, match="compute must be float32 or bfloat16, not 'bf16'"):
        siamfc_jax.load(tiny_file, compute="bf16")


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
        {"network": {"arch": "siamrpn-alexnet", "backbone": {}, "head": {"kind": "odd"}}},
        {"network": {"arch": "siamrpn-alexnet", "backbone": {}, "head": 3, "anchors": {}}},
        {"network": {"arch": "siamfc-resnet22", "gain": 1, "variant": "padded"}},
        {"network": "siamfc-alexnet"},
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
    assert model.tracking.clip_to_frame
    assert 0 < model.tracking.confidence.lost_below < 1, "it is calibrated"


@pytest.mark.parametrize("fast", [False, True])
def test_the_shipped_weights_follow_the_demo_through_its_occlusion(fast):
    path, box = demo_clip()
    truth = render_demo().boxes[:, 0]
    tracker = siamfc_jax.load("siamfc-3s", fast=fast)
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


@pytest.mark.parametrize(
    ("zoom", "scale_index"), [(0.9, 0), (0.95, 0), (1.0, 1), (1.05, 2), (1.1, 2)]
)
def test_the_fast_way_sees_a_target_grow_and_shrink_alike(zoom, scale_index):
    path, box = demo_clip()
    with open_frames(path) as frames:
        first = next(iter(frames))
    x, y = box[:2] + box[2:] / 2
    image, back = Image.fromarray(first), (1 / zoom, 0, x - x / zoom, 0, 1 / zoom, y - y / zoom)
    zoomed = image.transform(image.size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    tracker = siamfc_jax.load_multi("siamfc-3s", fast=True)
    tracker.init(first, box[None])
    assert int(tracker.dispatch(np.asarray(zoomed)).scale_index[0]) == scale_index


def test_the_shipped_file_is_at_most_10_megabytes():
    from importlib import resources

    file = resources.files("siamfc_jax.assets") / "siamfc-3s.safetensors"
    assert len(file.read_bytes()) <= 10e6
    assert "trained" in load_weights(str(file)).notes
