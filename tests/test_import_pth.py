"""SiamFC's ports, recognised in PyTorch's state dicts."""

from collections import OrderedDict

import numpy as np
import pytest
from pth_files import GROUPS, KERNELS, STRIDES, WIDTHS, legacy_file, state_dict, zip_file

from data_prep.weights.reading import import_file
from data_prep.weights.torch_file import read_state_dict
from siamfc_jax.weights import WeightsError


@pytest.fixture(params=[zip_file, legacy_file], ids=["zip", "legacy"])
def write_pth(request, tmp_path):
    def write(value):
        path = tmp_path / "net.pth"
        path.write_bytes(request.param(value))
        return path

    return write


def assert_is_the_net(imported, arrays, conv="features.{0}"):
    assert imported.config["widths"] == list(WIDTHS)
    assert imported.config["groups"] == list(GROUPS)
    first = arrays[conv.format(0, 1, n=1) + ".weight"]
    np.testing.assert_array_equal(imported.params["conv1"]["kernel"], first.transpose(2, 3, 1, 0))


def test_both_containers_give_the_arrays(write_pth):
    arrays = state_dict(double=np.arange(3.0), half=np.float16([1, 2]))
    read = read_state_dict(write_pth(arrays))
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].shape == array.shape and read[name].dtype == np.float32


def test_strided_views_are_resolved(write_pth):
    transposed = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)
    read = read_state_dict(write_pth({"weight": transposed}))
    np.testing.assert_array_equal(read["weight"], transposed)


def test_big_endian_files_are_read(tmp_path):
    (tmp_path / "net.pth").write_bytes(zip_file({"weight": np.float32([1, 2])}, "big"))
    np.testing.assert_array_equal(read_state_dict(tmp_path / "net.pth")["weight"], [1, 2])


@pytest.mark.parametrize(
    ("conv", "bn"),
    [
        ("backbone.conv{n}.0", "backbone.conv{n}.1"),
        ("features.{0}", "features.{1}"),
        ("module.features.{0}", "module.features.{1}"),
        ("feat_extraction.{0}", "feat_extraction.{1}"),
        ("feat_extraction.conv{n}", "feat_extraction.bn{n}"),
        ("conv{n}", "bn{n}"),
        ("alexnet.conv{n}", "alexnet.bn{n}"),
        ("embedding_net.fully_conv.{0}", "embedding_net.fully_conv.{1}"),
    ],
)
def test_ports_are_recognised_by_shape_and_order(write_pth, conv, bn):
    arrays = state_dict(conv, bn)
    imported = import_file(write_pth(arrays))
    assert_is_the_net(imported, arrays, conv)
    assert imported.config["batch_norm"] == [True, True, True, True, False]
    assert imported.config["gain"] == 0.001 and imported.params["head"]["bias"] == 0
    third = bn.format(8, 9, n=3)
    np.testing.assert_array_equal(imported.params["bn3"]["scale"], arrays[f"{third}.weight"])


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "net"])
def test_wrapped_state_dicts_are_found(write_pth, wrapper):
    arrays = state_dict()
    optimizer = {"state": {0: {"momentum_buffer": np.zeros(3, np.float32)}}, "lr": 0.1}
    checkpoint = {"epoch": 3, "optimizer": optimizer, wrapper: arrays}
    assert_is_the_net(import_file(write_pth(checkpoint)), arrays)


@pytest.mark.parametrize(
    ("head", "gain", "bias"),
    [
        ({"corr_bias": [0.5]}, 0.001, 0.5),
        ({"module.corr_bias": [0.5]}, 0.001, 0.5),
        ({"adjust.bias": [0.5]}, 0.001, 0.5),
        ({"adjust.weight": [[[[0.25]]]], "adjust.bias": [0.5]}, 0.25, 0.5),
    ],
)
def test_heads_are_read(write_pth, head, gain, bias):
    head = {name: np.array(value, np.float32) for name, value in head.items()}
    imported = import_file(write_pth(state_dict(**head)))
    assert imported.config["gain"] == gain
    assert imported.params["head"]["bias"] == np.float32(bias)


def test_batch_norm_of_the_response_becomes_gain_and_bias(write_pth):
    values = {"weight": 3.0, "bias": 0.5, "running_mean": 40.0, "running_var": 400.0}
    head = {f"match_batchnorm.{k}": np.array([v], np.float32) for k, v in values.items()}
    imported = import_file(write_pth(state_dict(**head)))
    response = 17.0
    expected = 3.0 * (response - 40.0) / np.sqrt(400.0 + 1e-5) + 0.5
    score = imported.config["gain"] * response + imported.params["head"]["bias"]
    assert score == pytest.approx(expected, rel=1e-6)


def test_layers_registered_twice_are_read_once(tmp_path):
    torch = pytest.importorskip("torch")
    conv = torch.nn.Conv2d(3, 8, 11)
    twice = torch.nn.Module()
    twice.conv1, twice.branch = torch.nn.Sequential(conv), torch.nn.Sequential(conv)
    torch.save(twice.state_dict(), tmp_path / "net.pth")
    assert import_file(tmp_path / "net.pth").config["widths"] == [8]


def test_narrow_embeddings_have_total_stride_four(tmp_path):
    arrays = state_dict()
    arrays["features.14.weight"] = np.ones((32, 6, 3, 3), np.float32)
    arrays["features.14.bias"] = np.ones(32, np.float32)
    (tmp_path / "net.pth").write_bytes(zip_file(arrays))
    imported = import_file(tmp_path / "net.pth")
    assert imported.config["pool_strides"] == [2, 1, 0, 0, 0]
    assert any("total stride 4" in note for note in imported.notes)


def test_bgr_nets_are_flipped_once(write_pth):
    path = write_pth(state_dict())
    rgb, bgr = import_file(path), import_file(path, color_order="bgr")
    assert (rgb.color_order, bgr.color_order) == ("rgb", "bgr")
    flipped = bgr.params["conv1"]["kernel"][:, :, ::-1]
    np.testing.assert_array_equal(flipped, rgb.params["conv1"]["kernel"])
    np.testing.assert_array_equal(bgr.params["conv2"]["kernel"], rgb.params["conv2"]["kernel"])


def test_siamrpn_family_defaults_to_bgr_and_leaves_its_heads_out(write_pth):
    head = {"rpn_head.cls.conv.weight": np.ones((20, 8, 3, 3), np.float32)}
    arrays = state_dict("backbone.layer{n}.0", "backbone.layer{n}.1", norms=5, **head)
    imported = import_file(write_pth(arrays))
    assert imported.color_order == "bgr"
    assert imported.config["widths"] == list(WIDTHS) and "bn5" in imported.params
    assert any("rpn_head.cls.conv" in note for note in imported.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features.0.weight": np.ones((8, 3, 7, 7), np.float32)}, "expected 11x11"),
        ({"features.4.weight": np.ones((16, 3, 5, 5), np.float32)}, "features.4.*cannot follow 8"),
        ({"features.5.running_mean": np.ones(3, np.float32)}, "features.5|features.4"),
        ({"features.1.running_var": -np.ones(8, np.float32)}, "not positive"),
        ({"features.2.weight": np.ones(8, np.float32)}, "features.2"),
    ],
)
def test_other_networks_are_refused(write_pth, change, message):
    with pytest.raises(WeightsError, match=message):
        import_file(write_pth(OrderedDict(state_dict(), **change)))


@pytest.mark.parametrize("new_format", [True, False], ids=["zip", "legacy"])
def test_imported_net_computes_what_torch_computes(tmp_path, new_format):
    torch = pytest.importorskip("torch")
    from torch import nn

    torch.manual_seed(0)
    layers, channels = [], 3
    for n in range(5):
        layers.append(nn.Conv2d(channels, WIDTHS[n], KERNELS[n], STRIDES[n], groups=GROUPS[n]))
        channels = WIDTHS[n]
        if n < 4:
            layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if n < 2:
            layers.append(nn.MaxPool2d(3, 2))
    net = nn.Sequential(*layers)
    for module in net:
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(1e-6, 2)
    holder = nn.Module()
    holder.features = net.eval()
    holder.corr_bias = nn.Parameter(torch.full((1,), 0.25))
    path = tmp_path / "net.pth"
    torch.save(holder.state_dict(), path, _use_new_zipfile_serialization=new_format)

    image = np.random.default_rng(0).uniform(0, 255, (1, 127, 127, 3)).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(image.transpose(0, 3, 1, 2))).numpy()
    imported = import_file(path)
    assert imported.params["head"]["bias"] == 0.25
    embedding = embed(imported, image)
    np.testing.assert_allclose(
        embedding, expected.transpose(0, 2, 3, 1), atol=1e-4 * np.abs(expected).max()
    )


def embed(imported, x_BxHxWxC):
    """The network that parameters and configuration describe."""
    from jax import lax, nn
    from jax import numpy as jnp

    def row(vector_C):
        return jnp.asarray(vector_C)[None, None, None, :]

    x, config = x_BxHxWxC, imported.config
    for n in range(1, config["n_layers"] + 1):
        layer = imported.params[f"conv{n}"]
        x = lax.conv_general_dilated(
            x, layer["kernel"], (config["strides"][n - 1],) * 2, "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=config["groups"][n - 1],
        ) + row(layer["bias"])  # fmt: skip
        if config["batch_norm"][n - 1]:
            bn = imported.params[f"bn{n}"]
            sigma = jnp.sqrt(jnp.asarray(bn["var"]) + config["bn_epsilon"])
            x = row(bn["scale"] / sigma) * (x - row(bn["mean"])) + row(bn["bias"])
        x = nn.relu(x) if config["relu"][n - 1] else x
        if stride := config["pool_strides"][n - 1]:
            window, strides = (1, 3, 3, 1), (1, stride, stride, 1)
            x = lax.reduce_window(x, -jnp.inf, lax.max, window, strides, "VALID")
    return np.asarray(x)


def test_bfloat16_and_parameters_of_torch_are_read(tmp_path):
    torch = pytest.importorskip("torch")
    value = torch.tensor([1.5, -2.0], dtype=torch.bfloat16)
    torch.save({"weight": torch.nn.Parameter(value)}, tmp_path / "net.pth")
    np.testing.assert_array_equal(read_state_dict(tmp_path / "net.pth")["weight"], [1.5, -2.0])
