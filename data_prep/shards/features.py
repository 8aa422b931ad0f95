"""What a training pair consists of, for TensorFlow Datasets, and how it is written without it.

`siamfc_jax.data.pair_record` reads it.
"""

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.proto import tf_example_generated_pb2 as example_proto

from siamfc_jax.data.pair_record import PairRecord


def pair_features(exemplar_room: int, search_room: int) -> tfds.features.FeaturesDict:
    """The features of a pair whose stored crops have these sides, in pixels."""

    def crop(side: int) -> tfds.features.Image:
        return tfds.features.Image(shape=(side, side, 3), encoding_format="jpeg")

    return tfds.features.FeaturesDict(
        {
            "exemplar": crop(exemplar_room),
            "search": crop(search_room),
            "exemplar_box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
            "search_box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
            "video": tfds.features.Text(),
            "track": tfds.features.Text(),
            "exemplar_frame": tfds.features.Scalar(np.int64),
            "search_frame": tfds.features.Scalar(np.int64),
            "negative": tfds.features.Scalar(np.int64),
        }
    )


def serialize_pair(pair: PairRecord) -> bytes:
    """The bytes of the Example that `pair_features` would make, its features in a fixed order.

    The JPEG bytes pass through unchanged.
    """
    example = example_proto.Example()
    feature = example.features.feature
    feature["exemplar"].bytes_list.value.append(pair.exemplar)
    feature["search"].bytes_list.value.append(pair.search)
    feature["exemplar_box"].float_list.value.extend(pair.exemplar_box)
    feature["search_box"].float_list.value.extend(pair.search_box)
    feature["video"].bytes_list.value.append(pair.video.encode())
    feature["track"].bytes_list.value.append(pair.track.encode())
    feature["exemplar_frame"].int64_list.value.append(pair.exemplar_frame)
    feature["search_frame"].int64_list.value.append(pair.search_frame)
    feature["negative"].int64_list.value.append(int(pair.negative))
    return example.SerializeToString(deterministic=True)
