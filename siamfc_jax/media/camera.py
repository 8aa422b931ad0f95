"""Frames of a camera, through FFmpeg's capture formats."""

import re
import sys
from collections.abc import Iterator

import av
import numpy as np
from av.container import InputContainer

from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.source import FrameSource
from siamfc_jax.media.video import frame_rate, upright_rgb

_CAMERA = re.compile(r"camera:(?P<which>.+)|(?P<device>/dev/video\d+)")


def is_camera(source: str) -> bool:
    return _CAMERA.fullmatch(source) is not None


def open_camera(source: str) -> FrameSource:
    """Opens `camera:0`, `camera:NAME` or `/dev/video0`; frames come until it is closed.

    Raises MediaError where there is no such camera or the system refuses it.
    """
    device, capture_format = _device_and_format(source, sys.platform)
    try:
        container = av.open(device, format=capture_format)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(
            f"{source}: the camera cannot be opened ({reason}); "
            "check that it is connected, free and that you may use it"
        ) from error
    return FrameSource(
        location=source,
        name="camera" + re.sub(r"\W+", "_", source.removeprefix("camera:")),
        frames=_rgb_frames(container, source),
        close=container.close,
        fps=frame_rate(container.streams.video[0]),
    )


def _device_and_format(source: str, platform: str) -> tuple[str, str]:
    match = _CAMERA.fullmatch(source)
    if match is None:
        raise MediaError(f"{source}: not a camera; write camera:0 or /dev/video0")
    which = match["which"]
    if platform == "darwin":
        return which or source, "avfoundation"
    if platform == "win32":
        if which is None or which.isdigit():
            raise MediaError(f"{source}: on Windows give the camera's name, as camera:USB Camera")
        return f"video={which}", "dshow"
    return match["device"] or (f"/dev/video{which}" if which.isdigit() else which), "v4l2"


def _rgb_frames(container: InputContainer, source: str) -> Iterator[np.ndarray]:
    try:
        for frame in container.decode(video=0):
            yield upright_rgb(frame)
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{source}: the camera stopped ({error}); connect it again") from error
