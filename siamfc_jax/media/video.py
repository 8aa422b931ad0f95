"""Frames of a video file, through PyAV (FFmpeg)."""

from collections import deque
from collections.abc import Iterator, Sequence
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
_CLOCK_RATE = 1000


def open_video(path: Path) -> FrameSource:
    """Opens a video file of any codec PyAV reads, upright as its rotation metadata says.

    Raises MediaError, in one line, for what is missing, empty or not a video.
    """
    container, stream = open_container(path)
    return FrameSource(
        location=str(path),
        name=path.stem,
        frames=_rgb_frames(container, stream, path),
        close=container.close,
        fps=frame_rate(stream),
        n_frames=_estimated_count(container, stream),
    )


def open_container(
    path: Path, only_formats: Sequence[str] = ()
) -> tuple[InputContainer, VideoStream]:
    """The file and its first video stream. `only_formats`, names of FFmpeg's demuxers, are the only
    ones that may read it; by default any. Raises as `open_video`."""
    if not path.is_file():
        raise MediaError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise MediaError(f"{path}: the file is empty; fetch it again")
    options = {"format_whitelist": ",".join(only_formats)} if only_formats else {}
    try:
        container = av.open(path, options=options)
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
    return container, stream


def frame_rate(stream: VideoStream) -> float | None:
    rate = stream.average_rate or stream.guessed_rate
    # What browsers record says no rate; FFmpeg then takes the clock's, 1000 ticks a second.
    return float(rate) if rate and rate < _CLOCK_RATE else None


def upright_rgb(frame: VideoFrame) -> np.ndarray:
    """The frame as uint8 [H, W, 3], turned as its display matrix says."""
    image = frame.to_ndarray(format="rgb24")
    # Both FFmpeg's angle and rot90 count counter-clockwise.
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image


def _rgb_frames(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[np.ndarray]:
    count, start, end = 0, None, 0.0
    for frame in sound_frames(container, stream):
        if frame is None or frame.is_corrupt:
            raise breaks_off(path, count, "its data is damaged or cut short")
        yield upright_rgb(frame)
        count += 1
        if frame.time is not None:
            start = frame.time if start is None else start
            end = frame.time + float((frame.duration or 0) * (frame.time_base or 0))
    if start is not None:
        missing = missing_seconds(container, stream, end - start)
        if missing:
            raise breaks_off(path, count, f"its header promises {missing:.1f} s more")


def missing_seconds(container: InputContainer, stream: VideoStream, found: float) -> float:
    """How much less than the header promises `found` seconds are; 0 for what is no damage."""
    promised = _promised_seconds(container, stream)
    missing = promised - found if promised is not None else 0.0
    return missing if missing > max(0.5, 0.02 * (promised or 0.0)) else 0.0


def breaks_off(path: Path, count: int, reason: str) -> MediaError:
    return MediaError(
        f"{path}: breaks off after {count} frames ({reason}); "
        "fetch the file again, or re-encode it with ffmpeg to track beyond the damage"
    )


def sound_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame | None]:
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
