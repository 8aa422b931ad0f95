"""PyTorch files that are damaged, or would execute code."""

import contextlib
import io
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pth_files import FakeStorage, Name, TorchPickler, legacy_file, state_dict, zip_file

from data_prep.weights.reading import import_file
from data_prep.weights.symbolic_pickle import read_pickle
from siamfc_jax.weights import WeightsError


class Malicious:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("make", [zip_file, legacy_file])
def test_code_in_a_pickle_is_refused_and_not_executed(make, tmp_path):
    marker, path = tmp_path / "executed", tmp_path / "net.pth"
    path.write_bytes(make({**state_dict(), "extra": Malicious(f"touch {marker}")}))
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
