"""Decoding the frames that boxes lie in, each of them once."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from data_prep.tracks import Frame, SourceError, VideoFrame, read_image

Pixels = NDArray[np.uint8]


def decoded(frames: Iterable[Frame]) -> Iterator[tuple[Frame, Pixels | SourceError]]:
    """Yield each frame as uint8 [H, W, 3] RGB, or the reason why it cannot be read.

    Frames of a video file that follow each other, in increasing order, take one pass through it.
    """
    for file, group in groupby(
        frames, lambda frame: frame.file if isinstance(frame, VideoFrame) else None
    ):
        if file is None:
            yield from ((frame, _image(frame)) for frame in group if isinstance(frame, Path))
        else:
            yield from _of_video(file, [frame for frame in group if isinstance(frame, VideoFrame)])


def _image(path: Path) -> Pixels | SourceError:
    try:
        return read_pixels(path)
    except SourceError as error:
        return error


def read_pixels(path: Path) -> Pixels:
    """Read an image as uint8 [H, W, 3] RGB, a JPEG four times as fast as `tracks.read_image`.

    Raises:
      SourceError: it cannot be read.
    """
    try:
        return simplejpeg.decode_jpeg(path.read_bytes())
    except (OSError, ValueError):
        # No JPEG, or not quite one: Pillow reads more kinds, and can say what is wrong.
        return read_image(path)


def _of_video(
    file: Path, frames: list[VideoFrame]
) -> Iterator[tuple[VideoFrame, Pixels | SourceError]]:
    # PyAV takes a quarter of a second to import, and most sources hold no video.
    from siamfc_jax.media.errors import MediaError
    from siamfc_jax.media.video import open_video

    waiting = deque(frames)
    broken = None
    try:
        with open_video(file) as video:
            for number, pixels in enumerate(video):
                while waiting and waiting[0].number == number:
                    yield waiting.popleft(), pixels
                if not waiting:
                    return
    except MediaError as error:
        broken = str(error)
    for frame in waiting:
        yield frame, SourceError(broken or f"{file}: has no frame {frame.number}; fetch it again")
