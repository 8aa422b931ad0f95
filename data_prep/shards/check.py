"""Checking a finished dataset of pairs, every byte of it, and naming every fault."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, NamedTuple

import google_crc32c
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.storage.processes import in_processes, usable_cores
from siamfc_jax.data.dataset import DatasetError, manifest_hash
from siamfc_jax.data.pair_record import parse_pair
from siamfc_jax.data.tfrecord import OVERHEAD, CorruptRecordError, read_record

_CHUNK = 1 << 20


class CheckJob(NamedTuple):
    """A shard and what `pairs.json` says of it.

    Attributes:
      offsets: where its records begin, or None when the file that tells is damaged.
    """

    file: Path
    records: int
    bytes: int
    crc32c: int
    offsets: NDArray[np.uint64] | None
    rooms: dict[str, int]


def check_shards(
    folder: Path, *, workers: int = usable_cores(), show: Callable[[str], None] = print
) -> list[str]:
    """Check sizes, checksums, records and the sizes of images of all shards in `folder`.

    Args:
      show: is given a line for each fault, which names file, record and offset, and a summary.

    Returns:
      The lines of the faults.

    Raises:
      DatasetError: there is no finished dataset.
    """
    manifest = _read_manifest(folder)
    faults: list[str] = []
    jobs: list[CheckJob] = []
    if manifest_hash(manifest) != manifest["dataset_hash"]:
        faults.append(f"{folder / 'pairs.json'}: was changed since it was written")
    try:
        for split in manifest["splits"].values():
            try:
                offsets = _read_offsets(folder, split["offsets"])
            except DatasetError as error:
                faults.append(str(error))
                offsets = None
            jobs += _jobs(folder, manifest, split["shards"], offsets)
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{folder / 'pairs.json'}: not as make_shards writes it ({error!r}); delete it and run "
            "make_shards again"
        ) from None
    total = sum(job.records for job in jobs)
    with (
        closing(in_processes(check_shard, jobs, workers=min(workers, len(jobs)))) as results,
        tqdm(desc="checking", total=total, unit="pair", unit_scale=True, delay=0.5) as bar,
    ):
        for job, found in zip(jobs, results, strict=True):
            faults += found
            bar.update(job.records)
    for line in faults:
        show(line)
    remedy = "; delete the files named and run make_shards again" if faults else ""
    show(f"{folder}: {total:,} pairs in {len(jobs):,} shards, {len(faults):,} faults{remedy}")
    return faults


def check_shard(job: CheckJob) -> list[str]:
    """A line for each fault of a shard."""
    try:
        size = job.file.stat().st_size
    except FileNotFoundError:
        return [f"{job.file}: missing"]
    faults = [] if size == job.bytes else [f"{job.file}: {size} bytes instead of {job.bytes}"]
    if not size:
        return faults
    with open(job.file, "rb") as opened:
        faults += _record_faults(mmap(opened.fileno(), 0, access=ACCESS_READ), job)
        if not faults and _crc(job.file) != job.crc32c:
            faults.append(f"{job.file}: its records are sound, but are not those it was made of")
    return faults


def _record_faults(content: mmap, job: CheckJob) -> Iterator[str]:
    offset = 0
    for number in range(job.records):
        if job.offsets is not None:
            offset = int(job.offsets[number])
        try:
            data = read_record(content, offset, file=job.file, number=number)
        except CorruptRecordError as error:
            yield str(error)
            if job.offsets is None:  # nothing says where the next one begins
                return
            continue
        fault = _pair_fault(data, job.rooms)
        if fault:
            yield f"{job.file}: record {number} at byte {offset}: {fault}"
        offset += len(data) + OVERHEAD


def _pair_fault(data: bytes, rooms: Mapping[str, int]) -> str | None:
    try:
        pair = parse_pair(data)
        sides = {name: simplejpeg.decode_jpeg_header(getattr(pair, name))[:2] for name in rooms}
    except ValueError as error:
        return str(error)
    for name, room in rooms.items():
        if sides[name] != (room, room):
            return f"its {name} image has not {room} x {room} pixels"
    boxes = np.concatenate([pair.exemplar_box, pair.search_box])
    return None if boxes.shape == (8,) and np.isfinite(boxes).all() else "a box is not finite"


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / "pairs.json"
    try:
        manifest: dict[str, Any] = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise DatasetError(
            f"{file}: missing, so the dataset is unfinished; run make_shards again to complete it"
        ) from None
    except ValueError as error:
        raise DatasetError(f"{file}: damaged ({error}); run make_shards again") from None
    if not {"splits", "dataset_hash", "exemplar_room", "search_room"} <= manifest.keys():
        raise DatasetError(f"{file}: not as make_shards writes it; run make_shards again")
    return manifest


def _read_offsets(folder: Path, entry: Mapping[str, Any]) -> NDArray[np.uint64]:
    file = folder / entry["file"]
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise DatasetError(f"{file}: missing") from None
    if google_crc32c.value(content) != entry["crc32c"]:
        raise DatasetError(f"{file}: changed since it was written (wrong checksum)")
    offsets: NDArray[np.uint64] = np.load(io.BytesIO(content), allow_pickle=False)
    return offsets


def _jobs(
    folder: Path,
    manifest: Mapping[str, Any],
    shards: list[dict[str, Any]],
    offsets: NDArray[np.uint64] | None,
) -> Iterator[CheckJob]:
    rooms = {name: manifest[f"{name}_room"] for name in ("exemplar", "search")}
    first = 0
    for row in shards:
        end = first + row["records"]
        own = None if offsets is None or end > len(offsets) else offsets[first:end]
        yield CheckJob(
            folder / row["file"], row["records"], row["bytes"], row["crc32c"], own, rooms
        )
        first = end


def _crc(file: Path) -> int:
    crc = 0
    with open(file, "rb") as opened:
        for chunk in iter(partial(opened.read, _CHUNK), b""):
            crc = google_crc32c.extend(crc, chunk)
    return crc
