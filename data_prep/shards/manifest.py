"""What describes a dataset of shards: offsets, metadata for TensorFlow Datasets, `pairs.json`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

from data_prep.crops.npy_stream import npy_header
from data_prep.shards.tfds_metadata import write_tfds_metadata
from data_prep.shards.writing import ShardDone
from siamfc_jax.data.dataset import manifest_hash
from siamfc_jax.durable import naming, whole_file, write_whole

_OFFSET = np.dtype("<u8")


def write_manifest(folder: Path, plan: Mapping[str, Any], finished: Iterator[ShardDone]) -> Path:
    """Take in the shards as they are finished, in order, and write all that describes them.

    `pairs.json` is written last; its path is returned.

    Raises:
      StorageError: something cannot be written.
    """
    splits: dict[str, Any] = {}
    for split, shards in plan["shards"].items():
        file = folder / f"{plan['name']}-{split}.offsets.npy"
        pairs = plan["settings"]["pairs"][split]
        splits[split] = _take_in(file, pairs, islice(finished, shards))
    with naming(folder):
        write_tfds_metadata(
            folder,
            plan["name"],
            {
                split: [(row["records"], row["bytes"]) for row in entry["shards"]]
                for split, entry in splits.items()
            },
            exemplar_room=plan["exemplar_room"],
            search_room=plan["search_room"],
        )
    manifest = {key: plan[key] for key in ("format", "name", "exemplar_room", "search_room")}
    manifest |= {"settings": plan["settings"], "splits": splits}
    manifest["dataset_hash"] = manifest_hash(manifest)
    file = folder / "pairs.json"
    write_whole(file, json.dumps(manifest, indent=1).encode())
    return file


def _take_in(file: Path, pairs: int, finished: Iterable[ShardDone]) -> dict[str, Any]:
    """Write the offsets of a split's shards; the split's entry in `pairs.json`."""
    header = npy_header(_OFFSET, pairs)
    crc = google_crc32c.value(header)
    shards = []
    with whole_file(file) as offsets:
        offsets.write(header)
        for done in finished:
            content = done.offsets.astype(_OFFSET).tobytes()
            offsets.write(content)
            crc = google_crc32c.extend(crc, content)
            shards.append(
                {
                    "file": done.file.name,
                    "records": len(done.offsets),
                    "bytes": done.bytes,
                    "crc32c": done.crc32c,
                }
            )
    return {"shards": shards, "offsets": {"file": file.name, "crc32c": crc}}
