"""The files by which TensorFlow Datasets opens a folder of shards."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow_datasets as tfds

from data_prep.shards.features import pair_features


def write_tfds_metadata(
    folder: Path,
    name: str,
    shards: Mapping[str, Sequence[tuple[int, int]]],
    *,
    exemplar_room: int,
    search_room: int,
) -> None:
    """Write `features.json` and `dataset_info.json`, for `tfds.builder_from_directory(folder)`.

    Args:
      shards: for each split, records and bytes of each shard.
    """
    template = tfds.core.ShardedFileTemplate(
        data_dir=folder, dataset_name=name, filetype_suffix="tfrecord"
    )
    splits = [
        tfds.core.SplitInfo(
            name=split,
            shard_lengths=[records for records, _ in rows],
            num_bytes=sum(size for _, size in rows),
            filename_template=template,
        )
        for split, rows in shards.items()
    ]
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=pair_features(exemplar_room, search_room),
        split_infos=splits,
        filename_template=template,
        check_data=False,
        description="Training pairs for SiamFC trackers, made by siamfc_jax's data_prep.",
    )
