"""The networks of MatConvNet, as SiamFC's authors saved them."""

import contextlib

import numpy as np
import pytest

from data_prep.weights.imported import BN_EPSILON
from data_prep.weights.reading import import_file
from siamfc_jax.weights import WeightsError


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


def test_published_cfnet_conv3(shared_data):
    imported = import_file(shared_data / "weights/baseline-conv3-on-cfnet-conv3_e100.mat")
    config = imported.config
    assert (config["n_layers"], config["widths"], config["groups"]) == (3, [96, 256, 32], [1, 2, 1])
    assert (config["strides"], config["pool_strides"]) == ([2, 1, 1], [2, 1, 0])
    assert config["batch_norm"] == config["relu"] == [True] * 3
    assert config["gain"] == pytest.approx(24.152601)
    assert imported.params["head"]["bias"] == pytest.approx(-4.188018)
    assert any("join_cf (CorrFilter)" in note for note in imported.notes)
