"""Plain arrays, files of no known kind, and the command line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pth_files import GROUPS, legacy_file, state_dict, zip_file

from data_prep.weights.imported import BN_EPSILON, batch_norm, table
from data_prep.weights.reading import import_file
from siamfc_jax.weights import WeightsError, load_weights, save_weights


def test_published_siamfc3s_as_plain_arrays(shared_data, tmp_path):
    path = shared_data / "weights/siamfc3s_color_dequant.npz"
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
