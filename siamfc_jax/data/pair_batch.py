"""A batch of training pairs, and how a record becomes a row of it. Imports no jax."""

import math
from typing import NamedTuple

import google_crc32c
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from siamfc_jax.data.pair_record import PairRecord


class PairBatch(NamedTuple):
    """A batch of training pairs, with E and S the sides of the stored crops in pixels.

    Attributes:
      exemplar: [B, E, E, 3] uint8 RGB.
      search: [B, S, S, 3] uint8 RGB.
      exemplar_box, search_box: [B, 4] float32 (x, y, w, h) of the target in its crop, in pixels of
        the crop, origin at the upper-left corner of its upper-left pixel.
      negative: [B] bool, the search image shows another object, of another video.
      video: [B] int32, CRC-32C of the name of the exemplar's video, to tell pairs of one video.
    """

    exemplar: NDArray[np.uint8]
    search: NDArray[np.uint8]
    exemplar_box: NDArray[np.float32]
    search_box: NDArray[np.float32]
    negative: NDArray[np.bool_]
    video: NDArray[np.int32]


def empty_batch(size: int, exemplar_room: int, search_room: int) -> PairBatch:
    """A batch of `size` rows to be filled."""
    return PairBatch(
        np.empty((size, exemplar_room, exemplar_room, 3), np.uint8),
        np.empty((size, search_room, search_room, 3), np.uint8),
        np.empty((size, 4), np.float32),
        np.empty((size, 4), np.float32),
        np.empty(size, np.bool_),
        np.empty(size, np.int32),
    )


def fill_row(batch: PairBatch, row: int, pair: PairRecord) -> None:
    """Decode a pair into a row of a batch.

    Raises:
      ValueError: an image cannot be decoded or has another size, or a box is not finite.
    """
    _decode(pair.exemplar, batch.exemplar[row], "exemplar")
    _decode(pair.search, batch.search[row], "search image")
    if not all(map(math.isfinite, (*pair.exemplar_box.tolist(), *pair.search_box.tolist()))):
        raise ValueError("a box is not finite")
    batch.exemplar_box[row] = pair.exemplar_box
    batch.search_box[row] = pair.search_box
    batch.negative[row] = pair.negative
    batch.video.view(np.uint32)[row] = google_crc32c.value(pair.video.encode())


def _decode(jpeg: bytes, out: NDArray[np.uint8], name: str) -> None:
    try:
        image = simplejpeg.decode_jpeg(jpeg, "RGB", buffer=out)
    except ValueError as error:
        raise ValueError(f"its {name} cannot be decoded: {error}") from None
    if image.shape != out.shape:
        height, width = image.shape[:2]
        raise ValueError(f"its {name} is {width}x{height} instead of {out.shape[1]}x{out.shape[0]}")
