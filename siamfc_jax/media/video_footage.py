"""Frames of a video file by number, through its index of presentation times."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.footage import Footage
from siamfc_jax.media.video import (
    breaks_off,
    frame_rate,
    missing_seconds,
    open_container,
    sound_frames,
    upright_rgb,
)

# So few frames ahead are decoded rather than sought.
_NEAR = 24
# Where a decoder starts behind the frame that was sought, it starts again so much earlier.
_STEPS_BACK = (0, 64, 512)
# 8K. A small file can promise frames of any size.
_MOST_PIXELS = 8192 * 4320


class VideoFootage(Footage):
    """A video file. `only_formats`: as `open_container`."""

    def __init__(self, path: Path, name: str | None = None, only_formats: Sequence[str] = ()):
        self._path, self._only_formats = path, only_formats
        self.location = str(path)
        self._container, self._stream = open_container(path, only_formats)
        self._waiting: tuple[int, VideoFrame] | None = None
        try:
            _check_extent(self._stream, path)
            self._times, self._first, problem = _index(self._container, self._stream, path)
            self._restart(0)
            rate = frame_rate(self._stream)
            super().__init__(self.location, name or path.stem, rate, len(self._times))
        except BaseException:
            self._container.close()
            raise
        self.problem = problem

    def again(self) -> "VideoFootage":
        other = VideoFootage(self._path, self.name, self._only_formats)
        other.location = self.location
        return other

    def close(self) -> None:
        self._container.close()

    def _read(self, index: int) -> np.ndarray:
        if not self._next <= index < self._next + _NEAR:
            self._seek(index)
        while True:
            found, frame = self._decoded(index)
            # A frame that the index promises and the decoder leaves out looks like the next one.
            if found >= index:
                return upright_rgb(frame)
            self._keep(found, upright_rgb(frame))

    def _seek(self, index: int) -> None:
        """Makes the decoder deliver frames from one at or before `index` on."""
        for back in _STEPS_BACK:
            start = max(index - back, 0)
            self._restart(start)
            try:
                found, frame = self._decoded(index)
            except MediaError:
                # No key frame from here to the end: there may be one further back.
                continue
            if found <= index or start == 0:
                self._keep(found, upright_rgb(frame))
                self._next = found
                self._waiting = found, frame
                return
        self._restart(0)

    def _restart(self, index: int) -> None:
        # Formats without an index seek by decoding time, and the first one's is the earliest.
        self._container.seek(self._times[index] if index else self._first, stream=self._stream)
        self._frames: Iterator[VideoFrame | None] = sound_frames(self._container, self._stream)
        self._waiting = None
        self._next = index

    def _decoded(self, wanted: int) -> tuple[int, VideoFrame]:
        """The decoder's next frame with its number; MediaError where there is none."""
        if self._waiting is not None:
            found, self._waiting = self._waiting, None
        else:
            frame = next(self._frames, None)
            if frame is None or frame.is_corrupt:
                self._next = len(self._times)
                raise breaks_off(Path(self.location), wanted, "its data is damaged or cut short")
            time = frame.pts if frame.pts is not None else frame.dts
            found = bisect_left(self._times, time) if time is not None else self._next, frame
        self._next = found[0] + 1
        return found


def _index(
    container: InputContainer, stream: VideoStream, path: Path
) -> tuple[list[int], int, str | None]:
    """The presentation times of all frames, in order, the earliest time of decoding, and what is
    wrong with the file."""
    times, starts, damage = [], [], ""
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                damage = "its data is damaged or cut short"
                break
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None and packet.size:
                starts.append(time if packet.dts is None else packet.dts)
                if not packet.is_discard:
                    times.append(time)
    except av.FFmpegError as error:
        damage = error.strerror or "its data is damaged"
    times.sort()
    if not times:
        raise MediaError(f"{path}: has no frames; give another file")
    found = (times[-1] - times[0]) * float(stream.time_base or 0)
    missing = missing_seconds(container, stream, found + 1 / (frame_rate(stream) or 25))
    if missing and not damage:
        damage = f"its header promises {missing:.1f} s more"
    problem = str(breaks_off(path, len(times), damage)) if damage else None
    return times, min(starts), problem


def _check_extent(stream: VideoStream, path: Path) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > _MOST_PIXELS:
        raise MediaError(f"{path}: frames of {width}x{height} are too large; make them smaller")
