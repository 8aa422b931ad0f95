"""One stored crop pair of a target, as a `tf.train.Example`: what a record of a pack holds."""

from typing import NamedTuple

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tensorflow_datasets.proto import tf_example_generated_pb2 as example_proto


class CropExample(NamedTuple):
    """A target in one frame, cut out small as an exemplar and with more room as a search image.

    Attributes:
      exemplar, search: JPEG, RGB, square, both centred on the target and at one scale.
      exemplar_box, search_box: [4] float32 (x, y, w, h) of the target in pixels of its crop.
      source, video, track: names; those of video and track begin with the source's label.
      frame: number of the frame within its video.
    """

    exemplar: bytes
    search: bytes
    exemplar_box: NDArray[np.float32]
    search_box: NDArray[np.float32]
    source: bytes
    video: bytes
    track: bytes
    frame: int


def serialize_crop(crop: CropExample) -> bytes:
    """The bytes of an Example, its features in a fixed order."""
    example = example_proto.Example()
    feature = example.features.feature
    for name in ("exemplar", "search", "source", "video", "track"):
        feature[name].bytes_list.value.append(getattr(crop, name))
    for name in ("exemplar_box", "search_box"):
        feature[name].float_list.value.extend(getattr(crop, name))
    feature["frame"].int64_list.value.append(crop.frame)
    return example.SerializeToString(deterministic=True)


def parse_crop(data: bytes) -> CropExample:
    """Read what `serialize_crop` wrote.

    Raises:
      ValueError: it is no such Example.
    """
    try:
        feature = example_proto.Example.FromString(data).features.feature
        return CropExample(
            exemplar=feature["exemplar"].bytes_list.value[0],
            search=feature["search"].bytes_list.value[0],
            exemplar_box=np.asarray(feature["exemplar_box"].float_list.value, np.float32),
            search_box=np.asarray(feature["search_box"].float_list.value, np.float32),
            source=feature["source"].bytes_list.value[0],
            video=feature["video"].bytes_list.value[0],
            track=feature["track"].bytes_list.value[0],
            frame=feature["frame"].int64_list.value[0],
        )
    except (DecodeError, IndexError) as error:
        raise ValueError(f"not a stored crop ({error!r})") from None
