"""The two containers of PyTorch files, read without executing their pickles.

Since PyTorch 1.6: a zip archive with `<name>/data.pkl`, raw storages `<name>/data/<key>` and
their `<name>/byteorder`. Before: a magic number, a protocol number, a description of the system,
the object and a list of storage keys as five pickles, then each storage as an 8-byte element
count and its raw bytes.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.weights.symbolic_pickle import Storage, Tensor, read_pickle
from siamfc_jax.weights import WeightsError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "u1",
}


class _RawStorages(NamedTuple):
    bytes_by_key: Mapping[str, bytes]
    byte_order: str


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """The tensors of the state dict in a PyTorch file, in their order, as float32 arrays.

    A state dict wrapped in other dicts ({"state_dict": ...}, {"model": ..., "optimizer": ...})
    is found; tensors that share memory with an earlier one of the same shape are left out (some
    ports register their layers twice).

    Raises:
      WeightsError: the file is damaged, is not PyTorch's, or holds more than tensors in dicts.
    """
    content = path.read_bytes()
    if content.startswith(b"PK"):
        value, storages = _read_zip(content)
    else:
        value, storages = _read_legacy(content)
    state_dict = _find_state_dict(value)
    if state_dict is None:
        raise WeightsError("holds no state dict (no dict with '...weight' tensors)")
    unique: dict[Tensor, str] = {}
    for name, tensor in state_dict.items():
        if isinstance(name, str) and isinstance(tensor, Tensor):
            unique.setdefault(tensor, name)
    return {name: _array(tensor, storages) for tensor, name in unique.items()}


def _read_zip(content: bytes) -> tuple[Any, _RawStorages]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            pickles = [n for n in archive.namelist() if n.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise WeightsError("is a zip archive but not PyTorch's (it has no data.pkl)")
            if any(i.compress_type != zipfile.ZIP_STORED for i in archive.infolist()):
                raise WeightsError("is a compressed archive, which PyTorch never writes")
            folder = pickles[0].removesuffix("data.pkl")
            files = {name.removeprefix(folder): archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"is a damaged or cut-short PyTorch file ({error})") from error
    storages = {n.removeprefix("data/"): data for n, data in files.items() if n[:5] == "data/"}
    byte_order = ">" if files.get("byteorder", b"little").strip() == b"big" else "<"
    return read_pickle(io.BytesIO(files["data.pkl"])), _RawStorages(storages, byte_order)


def _read_legacy(content: bytes) -> tuple[Any, _RawStorages]:
    stream = io.BytesIO(content)
    if read_pickle(stream) != _LEGACY_MAGIC:
        raise WeightsError("is a pickle but not PyTorch's (its magic number is missing)")
    read_pickle(stream)  # protocol version
    system = read_pickle(stream)
    value = read_pickle(stream)
    keys = read_pickle(stream)
    little = not isinstance(system, dict) or system.get("little_endian", True)
    described = {storage.key: storage for storage in _storages_in(value)}
    storages = {}
    for key in keys if isinstance(keys, list) else []:
        storage = described.get(key) if isinstance(key, str) else None
        if storage is None or int.from_bytes(stream.read(8), "little") != storage.numel:
            raise WeightsError("is damaged (its storages are not those its tensors use)")
        storages[key] = stream.read(storage.numel * np.dtype(_DTYPES[storage.kind]).itemsize)
    return value, _RawStorages(storages, "<" if little else ">")


def _storages_in(value: Any) -> list[Storage]:
    """All storages that `value` mentions (each container is visited once, however often shared)."""
    found: list[Storage] = []
    pending, visited = [value], set()
    while pending:
        item = pending.pop()
        if isinstance(item, Storage):
            found.append(item)
        elif isinstance(item, Tensor):
            found.append(item.storage)
        elif isinstance(item, dict | list | tuple) and id(item) not in visited:
            visited.add(id(item))
            pending.extend(item.values() if isinstance(item, dict) else item)
    return found


def _find_state_dict(value: Any) -> dict[Any, Any] | None:
    """The first dict, outermost and in order, that maps a name ending in "weight" to a tensor."""
    pending, visited = [value], set()
    while pending:
        item = pending.pop(0)
        if not isinstance(item, dict) or id(item) in visited:
            continue
        visited.add(id(item))
        if any(_is_weight(name, tensor) for name, tensor in item.items()):
            return item
        pending.extend(item.values())
    return None


def _is_weight(name: Any, value: Any) -> bool:
    return isinstance(name, str) and name.endswith("weight") and isinstance(value, Tensor)


def _array(tensor: Tensor, storages: _RawStorages) -> np.ndarray:
    storage = tensor.storage
    raw = storages.bytes_by_key.get(storage.key, b"")
    dtype = np.dtype(storages.byte_order + _DTYPES[storage.kind])
    if len(raw) != storage.numel * dtype.itemsize:
        raise WeightsError(
            f"is damaged or cut short (storage {storage.key!r} has {len(raw)} bytes, "
            f"not {storage.numel * dtype.itemsize})"
        )
    # Within bounds: `Tensor` was checked against `numel` when it was read.
    view = np.lib.stride_tricks.as_strided(
        np.frombuffer(raw, dtype)[tensor.offset :],
        tensor.size,
        [step * dtype.itemsize for step in tensor.stride],
        writeable=False,
    )
    if storage.kind == "BFloat16Storage":  # the upper half of a float32
        return (view.astype(np.uint32) << 16).view(np.float32)
    return view.astype(np.float32)
