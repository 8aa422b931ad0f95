"""The reader of .mat files, beside scipy's."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import io as scipy_io

from siamfc_jax.mat5 import MatError, read_mat


def mat_file(value, **options):
    file = io.BytesIO()
    scipy_io.savemat(file, {"results": value}, oned_as="row", **options)
    return file.getvalue()


def cell(*values):
    array = np.empty((1, len(values)), object)
    for index, value in enumerate(values):
        array[0, index] = value
    return array


def matlab_values():
    kinds = st.sampled_from(["f8", "f4", "i1", "u2", "i8", "bool"])
    numbers = kinds.map(lambda kind: np.arange(6).reshape(2, 3).astype(kind))
    text = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=5)
    names = st.sampled_from(["a", "res", "startFrame"])
    return st.recursive(
        numbers | text,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(lambda values: cell(*values))
            | st.dictionaries(names, inner, min_size=1)
        ),
        max_leaves=6,
    )


@settings(max_examples=30)
@given(matlab_values(), st.booleans())
def test_our_reader_sees_what_scipy_writes(value, compressed):
    assert_equal(read_mat(mat_file(value, do_compression=compressed))["results"], value)


def assert_equal(found, expected):
    if isinstance(expected, dict):
        (found,) = found
        assert set(found) == set(expected)
        for name in expected:
            assert_equal(found[name], expected[name])
    elif isinstance(expected, np.ndarray) and expected.dtype == object:
        assert len(found) == expected.size
        for inner, wanted in zip(found, expected[0], strict=True):
            assert_equal(inner, wanted)
    elif isinstance(expected, str):
        assert found == expected
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("compressed", [True, False])
def test_mat_reader_agrees_with_scipy(tmp_path, compressed):
    variables = {
        "double": np.arange(24.0).reshape(2, 3, 4),
        "single": np.float32([[1.5]]),
        "int": np.int16([[1, -2]]),
        "text": "größer",
        "empty": np.zeros((0, 3)),
        "cell": cell(np.ones((1, 2)), "x"),
        "struct": {"a": 2.0, "a_longer_name": {"inner": "text"}},
    }
    scipy_io.savemat(tmp_path / "a.mat", variables, do_compression=compressed)
    ours = read_mat((tmp_path / "a.mat").read_bytes())
    theirs = scipy_io.loadmat(tmp_path / "a.mat")
    for name in ("double", "single", "int", "empty"):
        np.testing.assert_array_equal(ours[name], theirs[name], strict=True)
    assert ours["text"] == theirs["text"][0] == "größer"
    np.testing.assert_array_equal(ours["cell"][0], [[1, 1]])
    assert ours["cell"][1] == "x"
    assert ours["struct"][0]["a"] == 2 and ours["struct"][0]["a_longer_name"] == [{"inner": "text"}]


def test_compressed_mat_detects_every_damaged_byte(tmp_path):
    scipy_io.savemat(tmp_path / "a.mat", {"x": np.arange(500.0)}, do_compression=True)
    data = (tmp_path / "a.mat").read_bytes()
    for position in range(128 + 8, len(data), 7):
        with pytest.raises(MatError, match="damaged"):
            read_mat(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])


def test_complex_numbers_are_no_numbers():
    numbers = read_mat(mat_file(np.asarray([[1 + 0j, 2 + 1j]])))["results"]
    np.testing.assert_array_equal(numbers, [[1, np.nan]])
