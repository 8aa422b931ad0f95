"""Writing one TFRecord shard of training pairs, and describing it once it is there."""

from contextlib import closing
from itertools import pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from data_prep.crops.index import CropsError, open_index
from data_prep.crops.reader import CropReader
from data_prep.shards.features import serialize_pair
from data_prep.shards.plan import open_table
from data_prep.shards.sampling import DrawnPair, PairSettings, draw_pairs
from siamfc_jax.data.pair_record import PairRecord
from siamfc_jax.data.tfrecord import OVERHEAD, CorruptRecordError, frame_record, read_record
from siamfc_jax.durable import whole_file


class ShardJob(NamedTuple):
    """The pairs first..end of a split, to be written to `file`.

    Attributes:
      crops: folder of crops.
      tables: folder of the split's draw table (`pair_plan.save_table`).
    """

    file: Path
    crops: Path
    tables: Path
    split: str
    first: int
    end: int
    settings: PairSettings


class ShardDone(NamedTuple):
    """A shard as it is on disk: its records' byte offsets, uint64 [records], its size, its CRC."""

    file: Path
    offsets: NDArray[np.uint64]
    bytes: int
    crc32c: int


def shard_ranges(pairs: int, shards: int) -> list[tuple[int, int]]:
    """First and end of each shard's pairs, spread as evenly as can be."""
    edges = [pairs * shard // shards for shard in range(shards + 1)]
    return list(pairwise(edges))


def shard_name(name: str, split: str, shard: int, shards: int) -> str:
    return f"{name}-{split}.tfrecord-{shard:05d}-of-{shards:05d}"


def make_shard(job: ShardJob) -> ShardDone:
    """Write a shard, or describe it when it is there already and whole.

    Raises:
      CropsError: a crop is missing or corrupt.
      StorageError: the shard cannot be written.
    """
    try:
        done = describe_shard(job.file)
        if len(done.offsets) == job.end - job.first:
            return done
    except (FileNotFoundError, CorruptRecordError):
        pass
    return _write_shard(job)


def describe_shard(file: Path) -> ShardDone:
    """Read a shard from end to end, checking every record's checksums.

    Raises:
      FileNotFoundError: there is none.
      CorruptRecordError: a record is not as it was written.
    """
    offsets: list[int] = []
    size = file.stat().st_size
    crc = 0
    offset = 0
    with open(file, "rb") as opened:
        content = mmap(opened.fileno(), 0, access=ACCESS_READ) if size else b""
        while offset < size:
            data = read_record(content, offset, file=file, number=len(offsets))
            end = offset + len(data) + OVERHEAD
            offsets.append(offset)
            crc = google_crc32c.extend(crc, content[offset:end])
            offset = end
    return ShardDone(file, np.asarray(offsets, np.uint64), size, crc)


def _write_shard(job: ShardJob) -> ShardDone:
    index = open_index(job.crops)
    table = open_table(job.tables, job.split, index)
    offsets = np.empty(job.end - job.first, np.uint64)
    size, crc = 0, 0
    with whole_file(job.file) as file, closing(CropReader(index)) as reader:
        pairs = draw_pairs(table, job.settings, job.split, job.first, job.end)
        for number, drawn in enumerate(pairs):
            record = frame_record(serialize_pair(_pair(reader, drawn, job.crops)))
            offsets[number] = size
            file.write(record)
            size += len(record)
            crc = google_crc32c.extend(crc, record)
    return ShardDone(job.file, offsets, size, crc)


def _pair(reader: CropReader, drawn: DrawnPair, crops: Path) -> PairRecord:
    exemplar = reader.read(drawn.exemplar)
    search = exemplar if drawn.search == drawn.exemplar else reader.read(drawn.search)
    fits = exemplar.video != search.video if drawn.negative else exemplar.track == search.track
    if not fits:
        raise CropsError(f"{crops}: its index is damaged; run make_crops again")
    return PairRecord(
        exemplar=exemplar.exemplar,
        search=search.search,
        exemplar_box=exemplar.exemplar_box,
        search_box=search.search_box,
        video=exemplar.video.decode(),
        track=exemplar.track.decode(),
        exemplar_frame=exemplar.frame,
        search_frame=search.frame,
        negative=drawn.negative,
    )
