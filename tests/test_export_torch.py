"""Weights in PyTorch's layout: back bit for bit, and right in PyTorch's modules."""

import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from data_prep.weights.reading import import_file
from siamfc_jax.export.torch_files import read_torch, write_torch
from siamfc_jax.loading import model_config
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.resnet import ResNetConfig
from siamfc_jax.models.rpn_heads import DepthwiseHead, UpChannelHead
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking.trackers import PRESETS
from siamfc_jax.weights import WeightsError, load_weights, save_weights

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

ROOT = Path(__file__).parents[1]
GROUPED = AlexNetConfig((8, 12, 16, 16, 12), (1, 2, 1, 2, 2))
UNGROUPED = AlexNetConfig((8, 12, 16, 16, 12), (1,) * 5, norm_last=True)
NETWORKS = {
    "siamfc": (SiamFCNetwork(GROUPED), "siamfc-3s-release"),
    "siamfc-v1": (SiamFCNetwork(UNGROUPED, gain=0.01), "siamfc-v1-paper"),
    "resnet22": (SiamFCNetwork(ResNetConfig(8, (4, 4))), "siamfc-3s-paper"),
    "ciresnet22": (
        SiamFCNetwork(ResNetConfig(8, (4, 4), variant="cropped"), gain=0.1),
        "siamfc-ciresnet22-release",
    ),
    "siamrpn": (SiamRPNNetwork(UNGROUPED, UpChannelHead(8, gain=1 / 64)), "siamrpn-release"),
    "siamrpn, paper's head": (
        SiamRPNNetwork(UNGROUPED, UpChannelHead(8, adjust=False)),
        "siamrpn-paper",
    ),
    "siamrpn-depthwise": (SiamRPNNetwork(UNGROUPED, DepthwiseHead(8)), "siamrpn-release"),
}
READ_BY_NAME = ("siamfc", "siamfc-v1", "siamrpn-depthwise")
"""Of which a state dict says all, so that it need not say where it comes from."""


def random_layers(network, seed=0):
    """Layers in training form, none of whose arrays is at its initial value."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    return jax.tree.map(lambda a: rng.uniform(0.25, 2, a.shape).astype(np.float32), shapes)


@pytest.fixture
def weight_file(request, tmp_path):
    network, preset = NETWORKS[request.param]
    path = tmp_path / "weights.safetensors"
    config = model_config(network, PRESETS[preset])
    save_weights(path, random_layers(network), config, notes="of a test")
    return path


def expect_same(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


@pytest.mark.parametrize("weight_file", NETWORKS, indirect=True)
def test_weights_come_back_bit_for_bit_with_their_settings(weight_file, tmp_path):
    back = read_torch(write_torch(weight_file, tmp_path / "torch.safetensors"))
    original = load_weights(weight_file)
    expect_same(back.params, original.params)
    assert back._replace(params={}) == original._replace(params={})


@pytest.mark.parametrize("weight_file", NETWORKS, indirect=True)
def test_folded_weights_come_back_bit_for_bit(weight_file, tmp_path):
    back = read_torch(write_torch(weight_file, tmp_path / "torch.safetensors", folded=True))
    folded = jax.tree.map(np.asarray, fold_batch_norm(load_weights(weight_file).params))
    expect_same(back.params, folded)


@pytest.mark.parametrize("weight_file", READ_BY_NAME, indirect=True)
def test_saved_by_torch_the_importer_reads_the_same_arrays(weight_file, tmp_path):
    written = write_torch(weight_file, tmp_path / "torch.safetensors")
    state = safetensors_torch.load_file(written)
    # A safetensors file has no order, and the importer takes layers by theirs.
    order = sorted(state, key=lambda name: [int(p) if p.isdigit() else 0 for p in name.split(".")])
    order.sort(key=lambda name: name.split(".")[1] if "backbone.conv" in name else "")
    torch.save({name: state[name] for name in order}, tmp_path / "torch.pth")
    expect_same(import_file(tmp_path / "torch.pth").params, load_weights(weight_file).params)


class Got10kAlexNet(torch.nn.Module):
    """The modules of got-10k/siamfc's network, by their names there."""

    def __init__(self, config):
        super().__init__()
        layers = zip(config.widths, config.groups, (11, 5, 3, 3, 3), strict=True)
        channels = 3
        for n, (width, groups, taps) in enumerate(layers, start=1):
            parts = [torch.nn.Conv2d(channels, width, taps, 2 if n == 1 else 1, groups=groups)]
            parts += [torch.nn.BatchNorm2d(width), torch.nn.ReLU()] if n < 5 else []
            parts += [torch.nn.MaxPool2d(3, 2)] if n < 3 else []
            setattr(self, f"conv{n}", torch.nn.Sequential(*parts))
            channels = width

    def forward(self, x):
        return self.conv5(self.conv4(self.conv3(self.conv2(self.conv1(x)))))


@pytest.mark.parametrize("weight_file", ["siamfc"], indirect=True)
def test_torch_modules_load_strictly_and_embed_as_ours(weight_file, tmp_path):
    state = safetensors_torch.load_file(write_torch(weight_file, tmp_path / "torch.safetensors"))
    module = Got10kAlexNet(GROUPED).eval()
    own = {name.removeprefix("backbone."): a for name, a in state.items() if "backbone" in name}
    module.load_state_dict(own)
    image = np.random.default_rng(1).uniform(0, 255, (1, 127, 127, 3)).astype(np.float32)
    with torch.inference_mode():
        theirs = module(torch.tensor(image).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    folded = fold_batch_norm(load_weights(weight_file).params)
    ours = np.asarray(NETWORKS["siamfc"][0].embed(folded, image))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


def test_the_kernels_of_siamrpns_template_take_up_its_gain(tmp_path):
    network, preset = NETWORKS["siamrpn"]
    layers = random_layers(network)
    save_weights(tmp_path / "a.safetensors", layers, model_config(network, PRESETS[preset]))
    arrays = load_file(write_torch(tmp_path / "a.safetensors", tmp_path / "torch.safetensors"))
    assert arrays["conv_cls_z.bias"].sum() == layers["head_conv_cls_template"]["bias"].sum() / 64
    np.testing.assert_array_equal(arrays["conv_cls_x.bias"], layers["head_conv_cls_search"]["bias"])


def test_a_gain_that_would_lose_bits_is_refused(tmp_path):
    network = SiamRPNNetwork(UNGROUPED, UpChannelHead(8, gain=0.3))
    config = model_config(network, PRESETS["siamrpn-release"])
    save_weights(tmp_path / "a.safetensors", random_layers(network), config)
    with pytest.raises(ValueError, match=r"gain, 0\.3, is no power of two"):
        write_torch(tmp_path / "a.safetensors", tmp_path / "torch.safetensors")


@pytest.mark.parametrize("weight_file", ["siamfc"], indirect=True)
def test_the_model_is_never_overwritten(weight_file):
    with pytest.raises(ValueError, match="the model lies there"):
        write_torch(weight_file, weight_file)


@pytest.mark.parametrize("weight_file", list(NETWORKS)[:1], indirect=True)
def test_files_that_are_not_ours_or_damaged_are_refused(weight_file, tmp_path):
    with pytest.raises(WeightsError, match="was not written by"):
        read_torch(weight_file)
    written = write_torch(weight_file, tmp_path / "torch.safetensors")
    written.write_bytes(written.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"torch\.safetensors: is damaged"):
        read_torch(written)
    with pytest.raises(WeightsError, match="there is no such file"):
        read_torch(tmp_path / "none.safetensors")


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_write_and_import_the_shipped_weights(tmp_path):
    written, back = tmp_path / "torch.safetensors", tmp_path / "back.safetensors"
    done = command("experiments.export", "--format=torch", f"--out={written}")
    assert done.returncode == 0, done.stderr
    assert f"wrote {written}, 9." in done.stdout
    done = command("data_prep.import_weights", written, f"--out={back}")
    assert done.returncode == 0, done.stderr
    shipped = load_weights(ROOT / "siamfc_jax" / "assets" / "siamfc-3s.safetensors")
    expect_same(load_weights(back).params, shipped.params)
    assert load_weights(back).config == shipped.config


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--format"),
        (["--format=tflite"], "tflite"),
        (["--format=onnx", "--folded"], "--folded is for --format=torch"),
        (["--format=onnx", "--model=no_such"], "no_such: neither a weight file nor a shipped"),
        (["--format=torch", "--out=here.pth"], "here.pth: is not called .safetensors"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, complaint):
    done = command("experiments.export", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
