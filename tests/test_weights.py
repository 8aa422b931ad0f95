import errno
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from siamfc_jax import weights
from siamfc_jax.weights import WeightsError, describe, load_weights, save_weights

CONFIG = {"network": {"arch": "siamfc-alexnet", "widths": [4, 2], "gain": 0.001}}
ONE_MODULE = {"conv1": {"kernel": np.ones((1, 1, 1, 1))}}


def small_params(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "conv1": {"kernel": rng.normal(size=(3, 3, 3, 4)), "bias": rng.normal(size=4)},
        "bn1": {name: rng.uniform(1, 9e4, 4) for name in ("scale", "bias", "mean", "var")},
        "head": {"bias": np.float32(-1.5)},
    }


def leaves(tree, prefix=""):
    for name, node in tree.items():
        if isinstance(node, dict):
            yield from leaves(node, f"{prefix}{name}/")
        else:
            yield prefix + name, node


def assert_same(a, b):
    a, b = dict(leaves(a)), dict(leaves(b))
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
        assert np.shape(a[name]) == np.shape(b[name])


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(path, small_params(), CONFIG, notes="A model card; größer.")
    return path


names = st.text(min_size=1, max_size=6).filter(lambda s: "/" not in s and s.isprintable())
arrays = npst.arrays(
    np.float32,
    npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
trees = st.dictionaries(
    names,
    st.recursive(arrays, lambda t: st.dictionaries(names, t, min_size=1, max_size=3), max_leaves=5),
    min_size=1,
    max_size=3,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda t: st.lists(t, max_size=3) | st.dictionaries(st.text(), t, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(params=trees, config=st.dictionaries(st.text(), json_values, max_size=3), notes=st.text())
def test_what_is_saved_comes_back(tmp_path_factory, params, config, notes):
    path = tmp_path_factory.mktemp("w") / "net.safetensors"
    digest = save_weights(path, params, config, notes=notes)
    loaded = load_weights(path)
    assert_same(params, loaded.params)
    assert (loaded.config, loaded.notes, loaded.sha256) == (config, notes, digest)


def test_jax_arrays_are_saved_as_numpy_ones_are(tmp_path):
    import jax

    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), small_params())
    as_numpy = save_weights(tmp_path / "a", params, CONFIG)
    as_jax = save_weights(tmp_path / "b", jax.tree.map(jax.numpy.asarray, params), CONFIG)
    assert as_numpy == as_jax


def test_same_content_gives_the_same_bytes_whatever_the_order(tmp_path):
    params = small_params()
    shuffled = {module: params[module] for module in reversed(params)}
    for number in range(5):  # the safetensors library alone shuffles its header
        save_weights(tmp_path / str(number), params if number % 2 else shuffled, CONFIG)
    assert len({(tmp_path / str(number)).read_bytes() for number in range(5)}) == 1


def test_file_is_plain_safetensors(saved):
    from safetensors import safe_open

    with safe_open(saved, "numpy") as file:
        assert file.metadata()["format"] == weights.FORMAT
        assert sorted(file.keys())[0] == "bn1/bias"


def test_float16_halves_kernels_and_keeps_the_range_of_statistics(tmp_path):
    path = tmp_path / "half"
    params = small_params()  # variances up to 9e4 overflow float16
    save_weights(path, params, CONFIG, dtype="float16")
    loaded = load_weights(path).params
    half = params["conv1"]["kernel"].astype(np.float16)
    np.testing.assert_array_equal(loaded["conv1"]["kernel"], half)
    np.testing.assert_array_equal(loaded["bn1"]["var"], params["bn1"]["var"].astype(np.float32))
    assert {leaf.dtype.name for _, leaf in leaves(loaded)} == {"float32"}


def test_saving_float16_again_gives_the_same_hash(tmp_path):
    first = save_weights(tmp_path / "a", small_params(), CONFIG, dtype="float16")
    loaded = load_weights(tmp_path / "a")
    assert save_weights(tmp_path / "b", loaded.params, loaded.config, dtype="float16") == first


@pytest.mark.parametrize("change", ["value", "name", "shape", "config", "notes"])
def test_hash_covers_everything(tmp_path, change):
    params, config, notes = small_params(), dict(CONFIG), "card"
    before = save_weights(tmp_path / "a", params, config, notes=notes)
    if change == "value":
        params["conv1"]["kernel"][0, 0, 0, 0] += 1
    elif change == "name":
        params["conv2"] = params.pop("conv1")
    elif change == "shape":
        params["head"]["bias"] = params["head"]["bias"].reshape(1)
    elif change == "config":
        config["gain"] = 0.002
    else:
        notes = "other card"
    assert save_weights(tmp_path / "a", params, config, notes=notes) != before


def test_alexnet_of_siamfc_fits_in_ten_megabytes(tmp_path):
    shapes = [
        (11, 11, 3, 96),
        (5, 5, 48, 256),
        (3, 3, 256, 384),
        (3, 3, 192, 384),
        (3, 3, 192, 256),
    ]
    params = {
        f"conv{n}": {"kernel": np.zeros(shape), "bias": np.zeros(shape[-1])}
        for n, shape in enumerate(shapes, start=1)
    }
    save_weights(tmp_path / "net", params, CONFIG)
    assert (tmp_path / "net").stat().st_size < 10e6


# Damage


def flipped(data, position, bit):
    return data[:position] + bytes([data[position] ^ (1 << bit)]) + data[position + 1 :]


def test_flipped_bits_are_detected_in_length_header_and_data(saved, tmp_path):
    data = saved.read_bytes()
    rng = np.random.default_rng(0)
    header = 8 + int.from_bytes(data[:8], "little")
    for position in [*range(8), *range(8, header, 2), *rng.integers(header, len(data), 200)]:
        (tmp_path / "flipped").write_bytes(flipped(data, position, int(rng.integers(8))))
        with pytest.raises(WeightsError, match="flipped"):
            load_weights(tmp_path / "flipped")


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_replaced_byte_never_yields_other_parameters(tmp_path_factory, position, value):
    path = tmp_path_factory.getbasetemp() / "replaced"
    save_weights(path, small_params(), CONFIG)
    original, data = load_weights(path), bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(data)
    try:
        loaded = load_weights(path)
    except WeightsError:
        return
    assert_same(loaded.params, original.params)
    assert loaded[1:] == original[1:]


def test_truncation_is_detected(saved, tmp_path):
    data = saved.read_bytes()
    for length in [*range(0, len(data), 5), *range(len(data) - 10, len(data))]:
        (tmp_path / "short").write_bytes(data[:length])
        with pytest.raises(WeightsError, match="short"):
            load_weights(tmp_path / "short")


def test_appended_bytes_are_detected(saved):
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(saved)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_raise_one_line(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(data)
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_nan_is_refused_when_saving_and_when_loading(tmp_path, monkeypatch):
    params = {"conv1": {"bias": np.array([1, np.nan])}}
    with pytest.raises(WeightsError, match="conv1/bias.*NaN"):
        save_weights(tmp_path / "nan", params, CONFIG)
    with monkeypatch.context() as patch:
        patch.setattr(weights, "_require_finite", lambda *_: None)
        save_weights(tmp_path / "nan", params, CONFIG)
    with pytest.raises(WeightsError, match="conv1/bias.*NaN"):
        load_weights(tmp_path / "nan")


# Users' mistakes


def test_notes_must_be_unicode(tmp_path):
    undecodable_file_name = b"net\xff.pth".decode(errors="surrogateescape")
    with pytest.raises(WeightsError, match="Unicode"):
        save_weights(tmp_path / "net", ONE_MODULE, CONFIG, notes=undecodable_file_name)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.safetensors.*no such"):
        load_weights(tmp_path / "gone.safetensors")


def test_folder_is_named(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        load_weights(tmp_path)


def test_empty_file_is_named(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(WeightsError, match="empty.*is empty"):
        load_weights(tmp_path / "empty")


@pytest.mark.parametrize(
    "start",
    [b"PK\x03\x04 zip", b"\x80\x02\x8a\x0al\xfc\x9cF", b"MATLAB 5.0 MAT-file", b"\x89HDF\r"],
)
def test_foreign_formats_point_to_the_importer(tmp_path, start):
    (tmp_path / "net.pth").write_bytes(start + bytes(100))
    with pytest.raises(WeightsError, match="python -m data_prep.import_weights"):
        load_weights(tmp_path / "net.pth")


def test_other_safetensors_files_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "other")
    with pytest.raises(WeightsError, match="format is None"):
        load_weights(tmp_path / "other")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "no parameters"),
        ({"conv1": {}}, "empty dict"),
        ({"a/b": np.zeros(1)}, "without '/'"),
        ({1: np.zeros(1)}, "parameter name 1"),
        ({"a": "text"}, "real numbers"),
        ({"a": np.full((2, 2), 1e6)}, "float16"),
    ],
)
def test_parameters_that_cannot_be_stored_are_named(tmp_path, params, message):
    with pytest.raises(WeightsError, match=message):
        save_weights(tmp_path / "net", params, CONFIG, dtype="float16")


@pytest.mark.parametrize("config", [{"a": float("nan")}, {"a": np.zeros(1)}])
def test_configuration_must_be_json(tmp_path, config):
    with pytest.raises(WeightsError, match="JSON"):
        save_weights(tmp_path / "net", ONE_MODULE, config)


def test_full_disk_leaves_the_old_file_and_no_debris(saved, monkeypatch):
    before = saved.read_bytes()

    def no_space(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(WeightsError, match="No space left.*free space"):
        save_weights(saved, ONE_MODULE, CONFIG)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_really_full_device_is_one_clear_line(tmp_path, monkeypatch):
    real_open = open
    monkeypatch.setattr("builtins.open", lambda _, mode: real_open("/dev/full", "wb"))
    with pytest.raises(WeightsError, match="No space left"):
        save_weights(tmp_path / "net", ONE_MODULE, CONFIG)


def test_parent_that_is_a_file_is_named(saved):
    with pytest.raises(WeightsError, match="cannot be written"):
        save_weights(saved / "net", ONE_MODULE, CONFIG)


def test_missing_folders_are_made(tmp_path):
    save_weights(tmp_path / "a" / "b" / "net", ONE_MODULE, CONFIG)
    assert load_weights(tmp_path / "a" / "b" / "net").config == CONFIG


def test_description_is_one_line(saved):
    line = describe(saved)
    assert line.startswith("net.safetensors: siamfc-alexnet, 7 arrays, 129 parameters, 0.00 MB")
    assert load_weights(saved).sha256[:12] in line


def test_hash_is_a_sha256_of_the_documented_serialisation():
    array = np.arange(2, dtype=np.float32)
    description = json.dumps([weights.FORMAT, "{}", "n", [["a", "float32", [2]]]]).encode()
    expected = hashlib.sha256(description + b"\0\0\0\0\0\0\x80\x3f").hexdigest()
    assert weights.content_sha256({"a": array}, "{}", "n") == expected
