"""Files that a page sends: of bounded size, under a name of ours, and gone with the page."""

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.video_footage import VideoFootage

# FFmpeg's names of formats that hold pictures themselves. Playlists are none of them: those would
# have us read other files, or fetch from addresses.
_FORMATS = (
    *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts", "mpeg"),
    *("mpegvideo", "ogg", "flv", "asf", "gif", "apng", "ivf", "yuv4mpegpipe", "mxf", "dv"),
)


class Scratch:
    """A private folder (mode 0700) with a folder for each page, all gone when it is closed."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="siamfc_studio_"))

    def folder(self) -> Path:
        """A new, empty folder in it."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class TooLarge(MediaError):
    """More than may be sent."""


async def save(chunks: AsyncIterator[bytes], folder: Path, most_bytes: int) -> Path:
    """Writes what is sent to a new file (mode 0600) in the folder.

    Raises TooLarge; OSError for a full disk; whatever `chunks` raises. The file is gone then.
    """
    path = folder / secrets.token_hex(16)
    size = 0
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > most_bytes:
                    raise too_large(most_bytes)
                file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def too_large(most_bytes: int) -> TooLarge:
    return TooLarge(
        f"the file is larger than {most_bytes / 1e6:g} MB; cut it, or start the studio with a "
        "larger --max_upload_mb"
    )


def open_upload(path: Path, name: str) -> VideoFootage:
    """The video that somebody sent as `name`; MediaError, which says `name`, if it is none.

    A file that is no video is removed.
    """
    shown = Path(name.replace("\\", "/")).name or "the file"
    try:
        footage = VideoFootage(path, Path(shown).stem or "video", _FORMATS)
    except (MediaError, OSError) as error:
        path.unlink(missing_ok=True)
        raise MediaError(str(error).replace(str(path), shown)) from None
    footage.location = shown
    if footage.problem is not None:
        footage.problem = footage.problem.replace(str(path), shown)
    return footage
