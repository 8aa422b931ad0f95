"""Frames of a video file, through PyAV (FFmpeg)."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.source import FrameSource

# FFmpeg reads any text file as a video of a terminal.
_NOT_VIDEOS = {"tty"}
_MOST_THREADS = 16


def open_video(path: Path) -> FrameSource:
    """Opens a video file of any codec PyAV reads, upright as its rotation metadata says.

    Raises MediaError, in one line, for what is missing, empty or not a video.
    """
    if not path.is_file():
        raise MediaError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise MediaError(f"{path}: the file is empty; fetch it again")
    try:
        container = av.open(path)
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or str(error)
        raise MediaError(
            f"{path}: cannot be opened as a video ({reason}); it is damaged, cut short or no video"
        ) from error
    if not container.streams.video or container.format.name in _NOT_VIDEOS:
        container.close()
        raise MediaError(f"{path}: is not a video; give a video file or a folder of images")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    return FrameSource(
        location=str(path),
        name=path.stem,
        frames=_rgb_frames(container, stream, path),
        close=container.close,
        fps=frame_rate(stream),
        n_frames=_estimated_count(container, stream),
    )


def frame_rate(stream: VideoStream) -> float | None:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate else None


def upright_rgb(frame: VideoFrame) -> np.ndarray:
    """The frame as uint8 [H, W, 3], turned as its display matrix says."""
    image = frame.to_ndarray(format="rgb24")
    # Both FFmpeg's angle and rot90 count counter-clockwise.
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image


def _rgb_frames(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[np.ndarray]:
    count, start, end = 0, None, 0.0
    for frame in _sound_frames(container, stream):
        if frame is None or frame.is_corrupt:
            raise _breaks_off(path, count, "its data is damaged or cut short")
        yield upright_rgb(frame)
        count += 1
        if frame.time is not None:
            start = frame.time if start is None else start
            end = frame.time + float((frame.duration or 0) * (frame.time_base or 0))
    promised = _promised_seconds(container, stream)
    if promised is not None and start is not None:
        missing = promised - (end - start)
        if missing > max(0.5, 0.02 * promised):
            raise _breaks_off(path, count, f"its header promises {missing:.1f} s more")


def _breaks_off(path: Path, count: int, reason: str) -> MediaError:
    return MediaError(
        f"{path}: breaks off after {count} frames ({reason}); "
        "fetch the file again, or re-encode it with ffmpeg to track beyond the damage"
    )


def _sound_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame | None]:
    """The frames in display order; None at the place where reading or decoding fails."""
    # Each decoder thread delays the news of an error by a packet.
    threads = stream.codec_context.thread_count or _MOST_THREADS
    recent: deque[int | None] = deque(maxlen=threads + 1)
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                damage = packet.dts
                break
            recent.append(packet.dts)
            yield from packet.decode()
        else:
            return
    except av.FFmpegError:
        damage = recent[0] if recent else None
    yield from _frames_held_back(stream, damage)
    yield None


def _frames_held_back(stream: VideoStream, damage: int | None) -> Iterator[VideoFrame]:
    """What is still in the decoder and is shown before any frame from `damage` (a DTS) on.

    No frame is shown before it is decoded, so a lost one has a PTS of at least `damage`. Later
    frames in the decoder may be whole, but come after a gap.
    """
    try:
        frames = stream.codec_context.decode(None)
    except av.FFmpegError:
        return
    for frame in frames:
        if damage is None or frame.pts is None or frame.pts > damage:
            return
        yield frame


def _estimated_count(container: InputContainer, stream: VideoStream) -> int | None:
    if stream.frames:
        return stream.frames
    seconds = _promised_seconds(container, stream)
    rate = frame_rate(stream)
    return round(seconds * rate) if seconds and rate else None


def _promised_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """How long the header says that the video is.

    FFmpeg shortens an AVI's duration to what is there, so there the header's frame count tells.
    """
    rate = stream.average_rate
    if container.format.name == "avi" and stream.frames and rate:
        return float(stream.frames / rate)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and len(container.streams) == 1:
        return container.duration / av.time_base
    return None
