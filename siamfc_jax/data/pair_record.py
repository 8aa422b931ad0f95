"""The schema of a training pair, and how it is read from a `tf.train.Example`.

Written by `data_prep.shards.features` with TensorFlow Datasets' features; a test holds the two
together. Imports no jax and no TensorFlow.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tensorflow_datasets.proto import tf_example_generated_pb2 as example_proto


class PairRecord(NamedTuple):
    """One pair of stored crops.

    Attributes:
      exemplar, search: JPEG, RGB, square, of the dataset's two stored sides; both centred on
        their target, at the scale at which the target and its context fill 127 x 127 pixels
        (v2 paper §4.1, eq. 7).
      exemplar_box, search_box: [4] float32 (x, y, w, h) of the target in its stored crop, in
        pixels of the crop, origin at the upper-left corner of its upper-left pixel.
      video, track: names of the exemplar's video and track.
      exemplar_frame, search_frame: frame numbers within their videos.
      negative: the search image shows another object, of another video (v1 paper §3.1).
    """

    exemplar: bytes
    search: bytes
    exemplar_box: NDArray[np.float32]
    search_box: NDArray[np.float32]
    video: str
    track: str
    exemplar_frame: int
    search_frame: int
    negative: bool


def parse_pair(data: bytes) -> PairRecord:
    """Read a serialised `tf.train.Example`.

    Raises:
      ValueError: it is no Example, or one of another schema.
    """
    try:
        feature = example_proto.Example.FromString(data).features.feature
        return PairRecord(
            feature["exemplar"].bytes_list.value[0],
            feature["search"].bytes_list.value[0],
            _box(feature["exemplar_box"].float_list.value),
            _box(feature["search_box"].float_list.value),
            feature["video"].bytes_list.value[0].decode(),
            feature["track"].bytes_list.value[0].decode(),
            feature["exemplar_frame"].int64_list.value[0],
            feature["search_frame"].int64_list.value[0],
            bool(feature["negative"].int64_list.value[0]),
        )
    except (DecodeError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"not a training pair ({error!r})") from None


def _box(values: Sequence[float]) -> NDArray[np.float32]:
    if len(values) != 4:
        raise IndexError(f"a box of {len(values)} numbers")
    # A plain list: numpy takes several times as long for protobuf's own sequence.
    return np.array(values[:], np.float32)
