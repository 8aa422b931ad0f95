"""How large frames are and how many a video has, without decoding them all."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data_prep.tracks import Frame, SourceError, VideoFrame

_Sizes = NDArray[np.int32]


def frame_size(frame: Frame) -> tuple[int, int]:
    """(width, height) in pixels; of an image its header is read, of a video its first frame.

    Raises:
      SourceError: it cannot be read.
    """
    return video_size(frame.file) if isinstance(frame, VideoFrame) else image_size(frame)


def sizes_to_judge(frames: Sequence[Frame], boxes: NDArray[np.float64]) -> _Sizes | None:
    """Sizes [n, 2] int32 by which to tell boxes [n, 4] outside of their frames, at little cost.

    They are the first frame's for all, except that a box outside of that is judged by its own
    frame's. None where the first frame cannot be read, or there is none.
    """
    if not frames:
        return None
    try:
        sizes = np.tile(np.asarray(frame_size(frames[0]), np.int32), (len(frames), 1))
        for index in np.flatnonzero((boxes[:, :2] >= sizes).any(1)):
            sizes[index] = frame_size(frames[int(index)])
        return sizes
    except SourceError:
        return None


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image as its header tells; raises SourceError."""
    try:
        with Image.open(path) as image:
            return image.size
    except FileNotFoundError:
        raise SourceError(f"{path}: no such image; is the dataset complete?") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise SourceError(f"{path}: not a readable image ({error}); fetch it again") from None


@lru_cache(maxsize=64)
def video_size(path: Path) -> tuple[int, int]:
    """(width, height) of a video's frames, upright as it is played; raises SourceError."""
    # PyAV takes a quarter of a second to import, and most sources hold no video.
    from siamfc_jax.media.errors import MediaError
    from siamfc_jax.media.video import open_video

    try:
        with open_video(path) as frames:
            height, width = next(frames).shape[:2]
            return width, height
    except MediaError as error:
        raise SourceError(str(error)) from None


@lru_cache(maxsize=64)
def count_video_frames(path: Path) -> int:
    """How many frames a video file shows, counted by its packets without decoding them.

    Raises:
      SourceError: it cannot be read as a video.
    """
    import av

    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            return sum(1 for packet in container.demux(stream) if packet.size and _shown(packet))
    except (av.FFmpegError, OSError, IndexError) as error:
        raise SourceError(f"{path}: not a readable video ({error}); fetch it again") from None


def _shown(packet: object) -> bool:
    return not getattr(packet, "is_discard", False)
