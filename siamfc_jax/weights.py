"""Weight files: one safe, self-describing, content-hashed file per set of parameters.

A weight file is a safetensors file, so reading one never executes anything. Besides the arrays
it carries the configuration they were trained with, a model card, and a SHA-256 over all of it
which is checked on every load: a damaged file raises, it never yields wrong parameters.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from siamfc_jax.durable import StorageError, write_whole

FORMAT = "siamfc_jax-weights-1"

_IMPORTER = "python -m data_prep.import_weights"
_STORED_DTYPES = {"F32", "F16"}
_FOREIGN_FORMATS = (
    (b"PK\x03\x04", "a zip archive (a PyTorch .pth or a NumPy .npz)"),
    (b"\x80", "a pickle (an old PyTorch .pth)"),
    (b"MATLAB", "a MATLAB .mat file"),
    (b"\x89HDF", "an HDF5 file"),
)

Params = dict[str, Any]
"""Nested dict of str to arrays (numpy or JAX) or further such dicts."""


class WeightsError(ValueError):
    """A weight file cannot be read, written or imported; one line says which, and what to do."""


class WeightFile(NamedTuple):
    """What a weight file holds.

    `params` is a nested dict of float32 numpy arrays, whatever the stored dtype; `sha256` is the
    hex digest that identifies the file's content (parameters as stored, configuration, notes).
    """

    params: Params
    config: dict[str, Any]
    notes: str
    sha256: str


def save_weights(
    path: str | os.PathLike[str],
    params: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    notes: str = "",
    dtype: Literal["float32", "float16"] = "float32",
) -> str:
    """Writes `params`, `config` and `notes` to `path` and returns the content's SHA-256 (hex).

    Args:
      params: nested dict of finite real arrays; names may not contain "/".
      config: anything JSON can hold, with str keys; comes back as JSON gives it (tuples as lists).
      dtype: "float16" halves the kernels (arrays of two or more axes); biases, batch-norm
        statistics and scalars stay float32, as their range exceeds float16's.

    The same content always gives the same bytes. The file appears whole or not at all, and an old
    file stays as it was when writing fails. Missing parent folders are made.

    Raises:
      WeightsError: bad parameters or configuration, or `path` cannot be written.
    """
    path = Path(path)
    arrays = {name: _stored(path, name, leaf, dtype) for name, leaf in _flatten(path, params)}
    if not arrays:
        raise WeightsError(f"{path}: there are no parameters to save; pass a non-empty dict")
    try:
        config_json = json.dumps(dict(config), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path}: the configuration is not plain JSON: {error}") from error
    digest = content_sha256(arrays, config_json, notes)
    metadata = {"format": FORMAT, "config": config_json, "notes": notes, "sha256": digest}
    try:
        data = safetensors_numpy.save(arrays, metadata)
    except UnicodeEncodeError as error:
        raise WeightsError(f"{path}: a name or the notes are not Unicode: {error}") from error
    _write_atomically(path, _with_sorted_header(data))
    return digest


def load_weights(path: str | os.PathLike[str]) -> WeightFile:
    """Reads a weight file and verifies its hash.

    Raises:
      WeightsError: `path` is missing, empty, cut short, altered, holds NaN or infinity, or is
        not a weight file.
    """
    path = Path(path)
    data = _read(path)
    metadata = _metadata(path, data)
    arrays = _arrays(path, data)
    digest = content_sha256(arrays, metadata["config"], metadata["notes"])
    if digest != metadata["sha256"]:
        _damaged(path, "its content does not match its SHA-256")
    for name, array in arrays.items():
        _require_finite(path, name, array)
    return WeightFile(
        params=_unflatten(path, arrays),
        config=json.loads(metadata["config"]),
        notes=metadata["notes"],
        sha256=digest,
    )


def describe(path: str | os.PathLike[str]) -> str:
    """One line about the weight file at `path`: architecture, size, hash. Raises WeightsError."""
    path = Path(path)
    params, config, _, digest = load_weights(path)
    leaves = [leaf for _, leaf in _flatten(path, params)]
    count = sum(leaf.size for leaf in leaves)
    megabytes = path.stat().st_size / 1e6
    architecture = config.get("network", {}).get("arch", "unnamed architecture")
    return (
        f"{path.name}: {architecture}, {len(leaves)} arrays, "
        f"{count} parameters, {megabytes:.2f} MB, sha256 {digest[:12]}"
    )


def content_sha256(arrays: Mapping[str, np.ndarray], config_json: str, notes: str) -> str:
    """SHA-256 (hex) over format, configuration, notes and every array's name, dtype, shape, bytes.

    The description is hashed as one JSON list and fixes the number of bytes of each array, so no
    two different contents serialise alike.
    """
    names = sorted(arrays)
    described = [[name, arrays[name].dtype.name, list(arrays[name].shape)] for name in names]
    hasher = hashlib.sha256(json.dumps([FORMAT, config_json, notes, described]).encode())
    for name in names:
        hasher.update(arrays[name].astype(arrays[name].dtype.newbyteorder("<")).tobytes())
    return hasher.hexdigest()


def _flatten(path: Path, tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, node in tree.items():
        if not isinstance(name, str) or not name or "/" in name:
            raise WeightsError(
                f"{path}: parameter name {name!r} under {prefix or 'the root'!r} cannot be "
                "stored; use a non-empty str without '/'"
            )
        if not isinstance(node, Mapping):
            yield prefix + name, node
        elif node:
            yield from _flatten(path, node, f"{prefix}{name}/")
        else:
            raise WeightsError(f"{path}: {prefix + name!r} is an empty dict; leave it out")


def _unflatten(path: Path, arrays: Mapping[str, np.ndarray]) -> Params:
    tree: Params = {}
    for name, array in arrays.items():
        *parents, leaf = name.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                _damaged(path, f"the name {name!r} contradicts another")
        if leaf in node:
            _damaged(path, f"the name {name!r} contradicts another")
        node[leaf] = array.astype(np.float32)
    return tree


def _stored(path: Path, name: str, leaf: Any, dtype: str) -> np.ndarray:
    if dtype not in ("float32", "float16"):
        raise WeightsError(f"{path}: dtype {dtype!r} is not supported; use float32 or float16")
    try:
        array = np.ascontiguousarray(np.asarray(leaf), np.float32).reshape(np.shape(leaf))
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path}: {name!r} is not an array of real numbers: {error}") from error
    _require_finite(path, name, array)
    if dtype == "float16" and array.ndim >= 2:
        with np.errstate(over="ignore"):
            halved = array.astype(np.float16)
        if not np.isfinite(halved).all():
            raise WeightsError(f"{path}: {name!r} exceeds the range of float16; use float32")
        return halved
    return array


def _require_finite(path: Path, name: str, array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        raise WeightsError(
            f"{path}: {name!r} holds NaN or infinity; take an earlier checkpoint, "
            "or train with a lower learning rate"
        )


def _with_sorted_header(data: bytes) -> bytes:
    """The same safetensors file with its header in one fixed order (the library's is random)."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[end:]


def _write_atomically(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except StorageError as error:
        raise WeightsError(f"{error} (an older file there is unchanged)") from error


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: there is no such weight file; check the path") from error
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror}); pass a readable .safetensors file"
        ) from error
    if not data:
        raise WeightsError(f"{path}: is empty; fetch or write it again")
    for magic, what in _FOREIGN_FORMATS:
        # An old pickle's first bytes are 0x80 and a protocol number; a safetensors file may start
        # with 0x80 too (its header's length), but then has "{" at byte 8.
        if data.startswith(magic) and data[8:9] != b"{":
            raise WeightsError(f"{path}: is {what}, not a weight file; convert it: {_IMPORTER}")
    return data


def _metadata(path: Path, data: bytes) -> dict[str, str]:
    if len(data) > 8 and data[8:9] != b"{":
        raise WeightsError(
            f"{path}: is not a weight file, or is damaged; convert a published one with {_IMPORTER}"
        )
    end = 8 + int.from_bytes(data[:8], "little")
    if end > len(data):
        _damaged(path, "its header is cut short")
    try:
        header = json.loads(data[8:end])
        metadata = header.pop("__metadata__", {})
        dtypes = {entry["dtype"] for entry in header.values()}
        config = json.loads(metadata.get("config", "{}"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        _damaged(path, "its header cannot be parsed")
    if metadata.get("format") != FORMAT or not metadata.keys() >= {"config", "notes", "sha256"}:
        raise WeightsError(
            f"{path}: is a safetensors file but its format is {metadata.get('format')!r}, "
            f"not {FORMAT!r}; write it with siamfc_jax.weights.save_weights"
        )
    if not dtypes <= _STORED_DTYPES or not isinstance(config, dict):
        _damaged(path, "its header describes something else than float arrays")
    return metadata


def _arrays(path: Path, data: bytes) -> dict[str, np.ndarray]:
    try:
        return safetensors_numpy.load(data)
    except (SafetensorError, ValueError, TypeError, OverflowError) as error:
        _damaged(path, str(error))


def _damaged(path: Path, reason: str) -> NoReturn:
    raise WeightsError(f"{path}: is damaged or cut short ({reason}); fetch or write it again")
