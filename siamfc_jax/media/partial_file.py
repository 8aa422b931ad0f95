"""Files that carry their name only once they are complete."""

import os
from pathlib import Path

from siamfc_jax.media.errors import MediaError


def partial_path(path: Path) -> Path:
    """`clip.mp4` is written as `clip.partial.mp4`, which keeps the suffix that players go by."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def reserve(path: Path) -> Path:
    """Creates the empty partial file of `path`, and its folder; MediaError if that cannot be."""
    partial = partial_path(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "a folder has this name")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(b"")
    except OSError as error:
        raise cannot_write(path, error) from error
    return partial


def publish(path: Path) -> None:
    """Gives the finished partial file its name, in place of an older file."""
    os.replace(partial_path(path), path)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that is either there in full or not at all; MediaError if that cannot be."""
    try:
        reserve(path).write_bytes(content)
        publish(path)
    except OSError as error:
        partial_path(path).unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: Exception) -> MediaError:
    reason = getattr(error, "strerror", None) or str(error)
    return MediaError(
        f"{path}: cannot be written ({reason}); free space there or choose another place"
    )
