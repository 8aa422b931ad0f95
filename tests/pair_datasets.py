"""Small datasets of pairs on disk, in the layout of `data_prep.make_shards`."""

import itertools
import json

import google_crc32c
import numpy as np
import simplejpeg
from tensorflow_datasets.proto import tf_example_generated_pb2 as example_proto

from siamfc_jax.data.dataset import manifest_hash
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings, PipelineState
from siamfc_jax.data.tfrecord import frame_record

EXEMPLAR_ROOM, SEARCH_ROOM = 8, 16
_BEGINNING = PipelineState()


def jpeg(side, grey):
    image = np.full((side, side, 3), grey % 256, np.uint8)
    return simplejpeg.encode_jpeg(image, quality=90, colorsubsampling="420")


def pair_features(number, **changes):
    """The features of pair `number`, which its exemplar box and its frames tell."""
    return {
        "exemplar": jpeg(EXEMPLAR_ROOM, number),
        "search": jpeg(SEARCH_ROOM, number + 1),
        "exemplar_box": np.asarray([number, 1, 2, 3], np.float32),
        "search_box": np.asarray([number, 4, 5, 6], np.float32),
        "video": f"video {number % 3}",
        "track": f"track {number}",
        "exemplar_frame": number,
        "search_frame": number + 5,
        "negative": number % 2,
    } | changes


def serialise(features):
    example = example_proto.Example()
    for name, value in features.items():
        feature = example.features.feature[name]
        if isinstance(value, np.ndarray):
            feature.float_list.value.extend(value.tolist())
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.bytes_list.value.append(value if isinstance(value, bytes) else value.encode())
    return example.SerializeToString(deterministic=True)


def write_split(folder, split, shards):
    """Write shards (lists of serialised records); returns the split's entry for pairs.json."""
    entries, offsets = [], []
    for number, records in enumerate(shards):
        file = folder / f"toy-{split}.tfrecord-{number:05d}-of-{len(shards):05d}"
        framed = [frame_record(record) for record in records]
        offsets += np.cumsum([0, *map(len, framed)])[:-1].tolist()
        content = b"".join(framed)
        file.write_bytes(content)
        entries.append(
            {
                "file": file.name,
                "records": len(records),
                "bytes": len(content),
                "crc32c": google_crc32c.value(content),
            }
        )
    file = folder / f"toy-{split}.offsets.npy"
    np.save(file, np.asarray(offsets, np.uint64))
    crc = google_crc32c.value(file.read_bytes())
    return {"shards": entries, "offsets": {"file": file.name, "crc32c": crc}}


def write_manifest(folder, splits, rooms=(EXEMPLAR_ROOM, SEARCH_ROOM), **changes):
    manifest = {
        "format": 1,
        "name": "toy",
        "exemplar_room": rooms[0],
        "search_room": rooms[1],
        "settings": {},
        "splits": splits,
    } | changes
    manifest["dataset_hash"] = manifest_hash(manifest)
    (folder / "pairs.json").write_text(json.dumps(manifest))


def write_pairs(folder, counts, corrupt=None):
    """Write a training split whose shards hold counts[s] pairs each, numbered through from 0.

    `corrupt` gives the features to change by the number of the pair, e.g. {3: {"search": b""}}.
    """
    ends = np.cumsum(counts).tolist()
    shards = [
        [
            serialise(pair_features(number, **(corrupt or {}).get(number, {})))
            for number in range(end - count, end)
        ]
        for count, end in zip(counts, ends, strict=True)
    ]
    folder.mkdir(exist_ok=True)
    write_manifest(folder, {"train": write_split(folder, "train", shards)})
    return folder


def pair_numbers(batch):
    """Which pairs are in a batch."""
    return batch.exemplar_box[:, 0].astype(int).tolist()


def take(dataset, count, start=_BEGINNING, **settings):
    """The first batches from `start` on."""
    with Pipeline(dataset, PipelineSettings(**{"batch": 5} | settings), start) as pipeline:
        return list(itertools.islice(pipeline, count))
