"""A dataset of training pairs on disk: what `data_prep.make_shards` wrote, checked when opened.

A folder holds TFRecord shards `<name>-<split>.tfrecord-00000-of-000NN`; for every split the byte
offsets of its records, so that any record is one read away; and `pairs.json`, written last, so that
its presence says that all the rest is there. Imports no jax.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from siamfc_jax.data.tfrecord import OVERHEAD

FORMAT = 1


class DatasetError(ValueError):
    """A dataset of pairs is not whole; one line names the file and the remedy."""


class Shard(NamedTuple):
    """A TFRecord file, how many records it holds, its size, and the CRC-32C of all of it."""

    file: Path
    records: int
    bytes: int
    crc32c: int


class RecordPlace(NamedTuple):
    """Where a record lies: in which shard, the how manieth there, and its first byte and size."""

    shard: int
    number: int
    offset: int
    size: int


@dataclass(frozen=True, eq=False)
class PairDataset:
    """One split of a dataset. Records are numbered through all shards, from 0.

    Attributes:
      split: its name, "train" or "validation".
      shards: its files, in order.
      offsets: [records] int64, byte offset of each record within its shard.
      exemplar_room, search_room: sides of the stored crops in pixels.
      dataset_hash: SHA-256 of everything that `pairs.json` says, in hexadecimal digits.
    """

    split: str
    shards: tuple[Shard, ...]
    offsets: NDArray[np.int64]
    exemplar_room: int
    search_room: int
    dataset_hash: str

    @property
    def records(self) -> int:
        return len(self.offsets)

    @cached_property
    def first_records(self) -> NDArray[np.int64]:
        """[shards + 1]: shard s holds the records first_records[s]..first_records[s + 1]."""
        return np.cumsum([0, *(shard.records for shard in self.shards)], dtype=np.int64)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """[records]: bytes of each record, framing included."""
        ends = np.append(self.offsets[1:], 0)
        for shard, last in zip(self.shards, self.first_records[1:] - 1, strict=True):
            if shard.records:
                ends[last] = shard.bytes
        return ends - self.offsets

    def places(self, records: NDArray[np.int64]) -> list[RecordPlace]:
        """Where the records of these numbers lie."""
        shards = np.searchsorted(self.first_records, records, side="right") - 1
        columns = (
            shards,
            records - self.first_records[shards],
            self.offsets[records],
            self.sizes[records],
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [RecordPlace(*row) for row in rows]


def open_pairs(folder: Path, split: str) -> PairDataset:
    """Open a split of the dataset in `folder`, checking that all of its files are there in full.

    The shards' contents are not read: every record has its checksums, which reading it checks.

    Raises:
      DatasetError: there is no finished dataset, or one of another format; it has no such split; a
        shard is missing, shorter or longer than it was written; the offsets are missing or damaged.
    """
    manifest = _read_manifest(folder)
    try:
        if split not in manifest["splits"]:
            raise DatasetError(
                f"{folder}: no split {split!r}; there are {', '.join(manifest['splits'])}"
            )
        entry = manifest["splits"][split]
        shards = tuple(
            Shard(folder / str(row["file"]), *(int(row[k]) for k in ("records", "bytes", "crc32c")))
            for row in entry["shards"]
        )
        offsets_file = folder / str(entry["offsets"]["file"])
        offsets_crc = int(entry["offsets"]["crc32c"])
        rooms = int(manifest["exemplar_room"]), int(manifest["search_room"])
        dataset_hash = str(manifest["dataset_hash"])
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{folder / 'pairs.json'}: not as make_shards writes it ({error!r}); "
            "run make_shards into another folder"
        ) from None
    for shard in shards:
        _check_size(shard)
    offsets = _read_offsets(offsets_file, offsets_crc)
    records = sum(shard.records for shard in shards)
    if offsets.dtype == np.uint64 and offsets.shape == (records,):
        dataset = PairDataset(split, shards, offsets.astype(np.int64), *rooms, dataset_hash)
        if not records or dataset.sizes.min() > OVERHEAD:
            return dataset
    raise DatasetError(
        f"{offsets_file}: does not fit its {len(shards)} shards with {records} records; "
        "run make_shards into another folder"
    )


def split_names(folder: Path) -> list[str]:
    """Names of the splits of the dataset in `folder`; raises DatasetError if there is none."""
    return list(_read_manifest(folder).get("splits", {}))


def named_held_out(folder: Path) -> list[str]:
    """The videos (LABEL/VIDEO) that `make_shards --validation_videos` kept out of training; raises
    DatasetError if there is no dataset."""
    settings = _read_manifest(folder).get("settings", {})
    return [str(name) for name in settings.get("validation_videos", [])]


def manifest_hash(manifest: Mapping[str, Any]) -> str:
    """SHA-256 (64 hexadecimal digits) of all of `pairs.json` but its `dataset_hash`."""
    content = {key: value for key, value in manifest.items() if key != "dataset_hash"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / "pairs.json"
    try:
        manifest = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        if not folder.is_dir():
            raise DatasetError(f"{folder}: no such folder; make it with make_shards") from None
        raise DatasetError(
            f"{file}: missing, so the dataset is unfinished; run make_shards again to complete it"
        ) from None
    except ValueError as error:
        raise DatasetError(
            f"{file}: not readable as JSON ({error}); delete it and run make_shards again"
        ) from None
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise DatasetError(
            f"{file}: format {found!r}, but this version reads format {FORMAT}; "
            "make the shards again with this version"
        )
    if manifest.get("dataset_hash") != manifest_hash(manifest):
        raise DatasetError(
            f"{file}: changed since it was written (its hash does not fit); "
            "delete it and run make_shards again"
        )
    return manifest


def _check_size(shard: Shard) -> None:
    try:
        size = shard.file.stat().st_size
    except FileNotFoundError:
        raise DatasetError(f"{shard.file}: missing shard; run make_shards again") from None
    if size != shard.bytes:
        word = "short" if size < shard.bytes else "long"
        raise DatasetError(
            f"{shard.file}: too {word}, {size} bytes instead of {shard.bytes}; "
            "delete it and run make_shards again"
        )


def _read_offsets(file: Path, crc32c: int) -> NDArray[Any]:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise DatasetError(f"{file}: missing offsets; run make_shards again") from None
    if google_crc32c.value(content) != crc32c:
        raise DatasetError(
            f"{file}: cut short or changed (wrong checksum); delete it and run make_shards again"
        )
    array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    return array
