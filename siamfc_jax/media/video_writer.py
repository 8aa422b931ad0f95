"""Frames into an MP4 file, through PyAV (FFmpeg)."""

import contextlib
import math
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.partial_file import cannot_write, publish, reserve

DEFAULT_FPS = 30.0
# Constant quality, at a speed that keeps up with tracking.
_X264_OPTIONS = {"preset": "superfast", "crf": "20"}
_MPEG4_BITS_PER_PIXEL = 0.25
# A file that is cut off plays up to the last whole fragment; one fragment is one group of pictures.
_GROUP_OF_PICTURES = 25
# The number of this standard in every one of FFmpeg's colour enumerations.
_BT709 = 1


class VideoWriter:
    """Writes frames as H.264 (MPEG-4 where this build of FFmpeg has no x264) into an MP4 file.

    Until `close` the file is called `*.partial.mp4`, playable up to about the last second, so that
    a crash leaves nothing that looks complete. Leaving the `with` block closes it, after an error
    too: what was written so far is then a whole, shorter video. Without a frame there is no file.
    Raises MediaError when the file cannot be written.
    """

    def __init__(self, path: Path, fps: float | None = None):
        self.path = path
        self.n_frames = 0
        self._rate = _frame_rate(fps)
        self._size: tuple[int, int] | None = None
        self._broken = False
        self._partial = reserve(path)
        self._output: tuple[OutputContainer, VideoStream] | None = None

    def write(self, frame: np.ndarray) -> None:
        """Adds a uint8 RGB frame [H, W, 3]; odd sizes gain a repeated row or column."""
        size = frame.shape[1], frame.shape[0]
        self._size = self._size or size
        if size != self._size:
            raise MediaError(
                f"{self.path}: a frame of {size[0]}x{size[1]} does not fit in a video of "
                f"{self._size[0]}x{self._size[1]}; bring all frames to one size"
            )
        try:
            self._output = self._output or self._open(_even(size[0]), _even(size[1]))
            _mux(*self._output, self._encoded_form(frame))
        except (av.FFmpegError, OSError) as error:
            self._broken = True
            raise cannot_write(self._partial, error) from error
        self.n_frames += 1

    def close(self) -> None:
        """Finishes the file and gives it its name."""
        output, self._output = self._output, None
        if output is None:
            if not self.n_frames:
                self._partial.unlink(missing_ok=True)
        elif self._broken:
            with contextlib.suppress(av.FFmpegError, OSError):
                output[0].close()
        else:
            self._finish(*output)

    def _finish(self, container: OutputContainer, stream: VideoStream) -> None:
        try:
            _mux(container, stream, None)
            container.close()
            publish(self.path)
        except (av.FFmpegError, OSError) as error:
            raise cannot_write(self._partial, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, width: int, height: int) -> tuple[OutputContainer, VideoStream]:
        container = av.open(self._partial, "w", options={"movflags": "hybrid_fragmented"})
        if "libx264" in av.codecs_available:
            stream = container.add_stream("libx264", rate=self._rate, options=_X264_OPTIONS)
        else:
            stream = container.add_stream("mpeg4", rate=self._rate)
            stream.bit_rate = round(width * height * self._rate * _MPEG4_BITS_PER_PIXEL)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.gop_size = _GROUP_OF_PICTURES
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = ColorRange.MPEG
        return container, stream

    def _encoded_form(self, image: np.ndarray) -> av.VideoFrame:
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = rgb.reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts = self.n_frames
        frame.time_base = 1 / self._rate
        return frame


def _mux(container: OutputContainer, stream: VideoStream, frame: av.VideoFrame | None) -> None:
    for packet in stream.encode(frame):
        container.mux(packet)


def _even(extent: int) -> int:
    return extent + extent % 2


def _frame_rate(fps: float | None) -> Fraction:
    if fps is None or not math.isfinite(fps) or fps <= 0:
        fps = DEFAULT_FPS
    # 1001 keeps the television rates, such as 30000/1001, exact.
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))
