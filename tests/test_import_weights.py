import contextlib
import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.weights.imported import BN_EPSILON, batch_norm, table
from data_prep.weights.reading import import_file
from data_prep.weights.symbolic_pickle import read_pickle
from data_prep.weights.torch_file import read_state_dict
from siamfc_jax.weights import WeightsError, load_weights, save_weights

WEIGHTS = Path(__file__).parents[2] / "shared" / "data" / "weights"
WIDTHS, GROUPS = (8, 16, 12, 12, 8), (1, 2, 1, 2, 2)
KERNELS, STRIDES = (11, 5, 3, 3, 3), (2, 1, 1, 1, 1)


def needs(name):
    path = WEIGHTS / name
    return pytest.param(
        path, marks=pytest.mark.skipif(not path.exists(), reason=f"../shared has no {name}")
    )


def state_dict(conv="features.{0}", bn="features.{1}", norms=4, **more):
    """A SiamFC port's arrays, named by `conv` and `bn` from the layer number (from 1)."""
    rng = np.random.default_rng(0)
    at = [(0, 1), (4, 5), (8, 9), (11, 12), (14, 15)]
    arrays, channels = OrderedDict(), 3
    for n in range(5):
        name = conv.format(*at[n], n=n + 1)
        shape = (WIDTHS[n], channels // GROUPS[n], KERNELS[n], KERNELS[n])
        arrays[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32)
        arrays[f"{name}.bias"] = rng.normal(size=WIDTHS[n]).astype(np.float32)
        channels = WIDTHS[n]
        if n < norms:
            name = bn.format(*at[n], n=n + 1)
            for kind in ("weight", "bias", "running_mean", "running_var"):
                arrays[f"{name}.{kind}"] = rng.uniform(0.5, 2, channels).astype(np.float32)
            arrays[f"{name}.num_batches_tracked"] = np.array(7, np.int64)
    return OrderedDict(arrays, **more)


# Files as PyTorch writes them, made without PyTorch.


class Name:
    """Pickled as a global that need not exist."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self):
        raise AssertionError("never called")


class FakeStorage:
    def __init__(self, array, kind):
        self.array, self.kind = array, kind


class TorchPickler(pickle._Pickler):
    def __init__(self, file, legacy):
        super().__init__(file, protocol=2)
        self.legacy, self.storages = legacy, []

    def persistent_id(self, obj):
        if not isinstance(obj, FakeStorage):
            return None
        self.storages.append(obj.array)
        key = str(len(self.storages) - 1)
        described = ("storage", Name("torch", obj.kind), key, "cuda:0", obj.array.size)
        return (*described, None) if self.legacy else described

    def save_name(self, obj):
        self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())

    def save_array(self, array):
        kind = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long"}[array.dtype.str[1:]]
        strides = tuple(s // array.itemsize for s in array.strides)
        # Ravelled in memory order, so that a transposed array is stored as a strided view.
        storage = FakeStorage(array.ravel("K"), f"{kind}Storage")
        arguments = (storage, 0, array.shape, strides, False, OrderedDict())
        self.save_reduce(Name("torch._utils", "_rebuild_tensor_v2"), arguments, obj=array)

    dispatch = dict(pickle._Pickler.dispatch)
    dispatch[Name] = save_name
    dispatch[np.ndarray] = save_array


def pickled(value, legacy):
    stream = io.BytesIO()
    pickler = TorchPickler(stream, legacy)
    pickler.dump(value)
    return stream.getvalue(), pickler.storages


def zip_file(value, byteorder="little"):
    pickle_bytes, storages = pickled(value, legacy=False)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("net/data.pkl", pickle_bytes)
        archive.writestr("net/byteorder", byteorder)
        for key, array in enumerate(storages):
            order = "<" if byteorder == "little" else ">"
            archive.writestr(f"net/data/{key}", array.astype(array.dtype.newbyteorder(order)).data)
        archive.writestr("net/version", "3\n")
    return stream.getvalue()


def legacy_file(value):
    body, storages = pickled(value, legacy=True)
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    header = [pickle.dumps(v, 2) for v in (0x1950A86A20F9469CFC6C, 1001, system)]
    keys = pickle.dumps([str(key) for key in range(len(storages))], 2)
    raw = [array.size.to_bytes(8, "little") + array.tobytes() for array in storages]
    return b"".join([*header, body, keys, *raw])


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


# PyTorch


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


# Hostile and damaged PyTorch files


class Malicious:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_code_in_a_pickle_is_refused_and_not_executed(write_pth, tmp_path):
    marker = tmp_path / "executed"
    path = write_pth({**state_dict(), "extra": Malicious(f"touch {marker}")})
    with pytest.raises(WeightsError, match=r"net\.pth.*(posix|nt)\.system.*nothing was executed"):
        import_file(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("hostile", "named"),
    [
        (b"\x80\x02cbuiltins\neval\n.", "builtins.eval"),
        (b"\x80\x02ctorch\nload\n.", "torch.load"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "torch.FloatStorage"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "NEWOBJ"),
        (b"(S'id'\nios\nsystem\n.", "STRING"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x02]}b.", "list"),
    ],
)
def test_opcodes_and_globals_beyond_a_state_dict_are_named(hostile, named):
    with pytest.raises(WeightsError, match=f"{named}.*nothing was executed"):
        read_pickle(io.BytesIO(hostile))


def test_whole_models_are_refused_with_the_remedy(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Conv2d(3, 8, 11), tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"torch\.nn.*torch\.save\(model\.state_dict\(\)"):
        import_file(tmp_path / "net.pth")


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [(1, (4,), (1,)), (0, (2, 2), (3, 1)), (0, (10**12,), (0,)), (0, (5,), (1,)), (-1, (1,), (1,))],
)
def test_tensors_beyond_their_storage_are_refused(offset, size, stride):
    stream = io.BytesIO()
    storage = FakeStorage(np.zeros(4, np.float32), "FloatStorage")
    pickler = TorchPickler(stream, legacy=False)
    rebuild = Name("torch._utils", "_rebuild_tensor_v2")
    pickler.save_reduce(rebuild, (storage, offset, size, stride))
    with pytest.raises(WeightsError, match="damaged"):
        read_pickle(io.BytesIO(stream.getvalue() + b"."))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=60))
def test_arbitrary_pickles_raise_or_give_plain_data(data):
    with contextlib.suppress(WeightsError):
        read_pickle(io.BytesIO(b"\x80\x02" + data))


@pytest.mark.parametrize("make", [zip_file, legacy_file])
def test_cut_short_files_are_refused(tmp_path, make):
    data = make(state_dict())
    path = tmp_path / "net.pth"
    for length in np.linspace(1, len(data) - 1, 40).astype(int):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError, match=r"net\.pth"):
            import_file(path)


def test_zip_without_a_state_dict_is_refused(tmp_path):
    (tmp_path / "net.pth").write_bytes(zip_file({"epoch": 3}))
    with pytest.raises(WeightsError, match="no state dict"):
        import_file(tmp_path / "net.pth")


# MatConvNet


def cell(items):
    out = np.empty((1, len(items)), object)
    out[0, :] = items
    return out


def write_dag(path, join=True, pad=0, second_branch_bias=None):
    """SiamFC as its MATLAB code saves it, with two convolutions, and its raw arrays."""
    scipy_io = pytest.importorskip("scipy.io")
    rng = np.random.default_rng(0)
    values = {
        "conv1f": rng.normal(size=(11, 11, 3, 8)), "conv1b": rng.normal(size=(8, 1)),
        "bn1m": rng.normal(size=(8, 1)), "bn1b": rng.normal(size=(8, 1)),
        "bn1x": rng.uniform(0.1, 2, (8, 2)),
        "conv2f": rng.normal(size=(5, 5, 4, 6)), "conv2b": rng.normal(size=(6, 1)),
        "adjust_f": np.array([[0.002]]), "adjust_b": np.array([[-0.5]]),
        "other_b": np.full((6, 1), second_branch_bias or 0.0),
    }  # fmt: skip

    def layer(name, kind, inputs, output, params=(), **block):
        return {
            "name": name, "type": kind, "inputs": cell(inputs), "outputs": cell([output]),
            "params": cell(list(params)) if params else np.zeros((1, 0)), "block": block or 0.0,
        }  # fmt: skip

    layers = []
    for side, image in (("a_", "exemplar"), ("b_", "instance")):
        bias = "other_b" if side == "b_" and second_branch_bias else "conv2b"
        layers += [
            layer(f"{side}conv1", "dagnn.Conv", [image], f"{side}x1", ["conv1f", "conv1b"],
                  stride=[2, 2], pad=[pad] * 4),
            layer(f"{side}bn1", "dagnn.BatchNorm", [f"{side}x1"], f"{side}x2",
                  ["bn1m", "bn1b", "bn1x"], epsilon=1e-5),
            layer(f"{side}relu1", "dagnn.ReLU", [f"{side}x2"], f"{side}x3"),
            layer(f"{side}pool1", "dagnn.Pooling", [f"{side}x3"], f"{side}x4",
                  method="max", poolSize=[3, 3], stride=[2, 2], pad=[0] * 4),
            layer(f"{side}conv2", "dagnn.Conv", [f"{side}x4"], f"{side}feat", ["conv2f", bias],
                  stride=1, pad=[0] * 4),
        ]  # fmt: skip
    if join:
        layers += [
            layer("xcorr", "XCorr", ["a_feat", "b_feat"], "xcorr_out"),
            layer("adjust", "dagnn.Conv", ["xcorr_out"], "score", ["adjust_f", "adjust_b"],
                  stride=1, pad=0),
            layer("objective", "dagnn.Loss", ["score", "label"], "objective"),
        ]  # fmt: skip
    params = [{"name": name, "value": np.float32(value)} for name, value in values.items()]
    net = {"layers": cell(layers), "params": cell(params)}
    # Struct arrays, as MATLAB has them.
    for key in net:
        names = list(net[key][0, 0])
        rows = [tuple(item[name] for name in names) for item in net[key][0]]
        net[key] = np.array([rows], dtype=[(name, object) for name in names])
    scipy_io.savemat(path, {"net": net})
    return values


def test_dag_is_followed_to_layers_statistics_and_head(tmp_path):
    values = write_dag(tmp_path / "net.mat")
    imported = import_file(tmp_path / "net.mat")
    config = imported.config
    assert (config["widths"], config["groups"], config["strides"]) == ([8, 6], [1, 2], [2, 1])
    assert (config["pool_strides"], config["relu"]) == ([2, 0], [True, False])
    assert (config["gain"], imported.params["head"]["bias"]) == (0.002, np.float32(-0.5))
    kernel = imported.params["conv2"]["kernel"]
    np.testing.assert_array_equal(kernel, values["conv2f"].astype(np.float32))

    bn, x = imported.params["bn1"], 1.7
    mean, sigma = values["bn1x"].T
    expected = values["bn1m"][:, 0] * (x - mean) / sigma + values["bn1b"][:, 0]
    ours = bn["scale"] * (x - bn["mean"]) / np.sqrt(bn["var"] + BN_EPSILON) + bn["bias"]
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"join": False}, "no XCorr"),
        ({"pad": 2}, "a_conv1: is padded"),
        ({"second_branch_bias": 3.0}, "different parameters"),
    ],
)
def test_dags_other_than_siamfc_are_refused(tmp_path, change, message):
    write_dag(tmp_path / "net.mat", **change)
    with pytest.raises(WeightsError, match=rf"net\.mat.*{message}"):
        import_file(tmp_path / "net.mat")


def test_mat_without_a_net_is_refused(tmp_path):
    pytest.importorskip("scipy.io").savemat(tmp_path / "a.mat", {"x": np.zeros(3)})
    with pytest.raises(WeightsError, match="no struct `net`.*saveobj"):
        import_file(tmp_path / "a.mat")


def test_damaged_mat_is_refused(tmp_path):
    write_dag(tmp_path / "net.mat")
    data = (tmp_path / "net.mat").read_bytes()
    for length in np.linspace(8, len(data) - 1, 20).astype(int):
        (tmp_path / "net.mat").write_bytes(data[:length])
        with pytest.raises(WeightsError, match=r"net\.mat"):
            import_file(tmp_path / "net.mat")


def test_hdf5_mat_says_how_to_save_it(tmp_path):
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    (tmp_path / "net.mat").write_bytes(header + bytes(384) + b"\x89HDF\r\n\x1a\n" + bytes(64))
    with pytest.raises(WeightsError, match="-v7"):
        import_file(tmp_path / "net.mat")


def test_any_damaged_byte_of_a_mat_raises_or_is_read(tmp_path):
    write_dag(tmp_path / "net.mat")
    data = (tmp_path / "net.mat").read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(128, len(data), 300):
        damaged = bytearray(data)
        damaged[position] = rng.integers(256)
        (tmp_path / "net.mat").write_bytes(damaged)
        with contextlib.suppress(WeightsError):
            import_file(tmp_path / "net.mat")


@pytest.mark.parametrize("path", [needs("baseline-conv3-on-cfnet-conv3_e100.mat")])
def test_published_cfnet_conv3(path):
    imported = import_file(path)
    config = imported.config
    assert (config["n_layers"], config["widths"], config["groups"]) == (3, [96, 256, 32], [1, 2, 1])
    assert (config["strides"], config["pool_strides"]) == ([2, 1, 1], [2, 1, 0])
    assert config["batch_norm"] == config["relu"] == [True] * 3
    assert config["gain"] == pytest.approx(24.152601)
    assert imported.params["head"]["bias"] == pytest.approx(-4.188018)
    assert any("join_cf (CorrFilter)" in note for note in imported.notes)


# Plain arrays


@pytest.mark.parametrize("path", [needs("siamfc3s_color_dequant.npz")])
def test_published_siamfc3s_as_plain_arrays(path, tmp_path):
    imported = import_file(path)
    shapes = [imported.params[f"conv{n}"]["kernel"].shape for n in range(1, 6)]
    assert shapes == [
        (11, 11, 3, 96), (5, 5, 48, 256), (3, 3, 256, 384), (3, 3, 192, 384), (3, 3, 192, 256)
    ]  # fmt: skip
    assert imported.config["groups"] == [1, 2, 1, 2, 2]
    with np.load(path) as arrays:
        second_half = arrays["c2b_w_OHWI"].transpose(1, 2, 3, 0)
    np.testing.assert_array_equal(imported.params["conv2"]["kernel"][..., 128:], second_half)
    save_weights(tmp_path / "net", imported.params, imported.config)
    assert (tmp_path / "net").stat().st_size < 10e6


def test_npz_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", c1_b=np.zeros(3))
    with pytest.raises(WeightsError, match="c1_w_OHWI"):
        import_file(tmp_path / "a.npz")


# Common


@settings(max_examples=100, deadline=None)
@given(sigma=st.floats(1e-8, 1e3), x=st.floats(-10, 10))
def test_batch_norm_is_the_same_function_under_our_epsilon(sigma, x):
    one = np.ones(1)
    bn = batch_norm("bn", 2 * one, 3 * one, 0.5 * one, one * sigma**2)
    ours = bn.scale * (x - bn.mean) / np.sqrt(bn.var + BN_EPSILON) + bn.bias
    assert ours[0] == pytest.approx(2 * (x - 0.5) / sigma + 3, rel=1e-6)
    assert bn.var[0] >= 0


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"text", "none of"), (b"PK\x03\x04", "damaged"), (b"\x80\x02", "damaged")],
)
def test_files_of_no_known_kind_are_refused(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(WeightsError, match=f"file: .*{message}"):
        import_file(tmp_path / "file")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match="gone.*no such file"):
        import_file(tmp_path / "gone")


def test_table_shows_every_array(tmp_path):
    (tmp_path / "net.pth").write_bytes(zip_file(state_dict()))
    lines = table(import_file(tmp_path / "net.pth")).splitlines()
    assert len(lines) == 1 + 5 * 2 + 4 * 4 + 1
    assert any(line.split()[:3] == ["conv2/kernel", "5x5x4x16", "2"] for line in lines)


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "data_prep.import_weights", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )


def test_command_writes_a_weight_file(tmp_path):
    (tmp_path / "net.pth").write_bytes(legacy_file(state_dict()))
    out = tmp_path / "net.safetensors"
    done = run(tmp_path / "net.pth", f"--out={out}", "--color_order=bgr")
    assert done.returncode == 0, done.stderr
    assert "conv1/kernel" in done.stdout and "sha256" in done.stdout
    assert load_weights(out).config["network"]["groups"] == list(GROUPS)
    assert "net.pth" in load_weights(out).notes


def test_command_reports_mistakes_in_one_line(tmp_path):
    done = run(tmp_path / "gone.pth", f"--out={tmp_path / 'net'}")
    assert done.returncode == 2
    assert done.stderr == f"error: {tmp_path / 'gone.pth'}: there is no such file; check the path\n"


def test_command_without_source_shows_its_usage():
    done = run("--out=net")
    assert done.returncode == 2 and done.stderr.startswith("error: usage:")
