"""Files that carry their name only when they are complete and on disk, and folders in use."""

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_UNFINISHED = ".unfinished"


class StorageError(OSError):
    """Something cannot be written; one line names the file and the remedy."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new file to write, which takes the name `path` once the block ends without an error.

    By then its bytes are on disk, so that a file of this name is always whole, even after a power
    cut. What a killed process leaves behind is for `remove_unfinished`.

    Raises:
      StorageError: it cannot be written, as when the disk is full.
    """
    # Several processes, on several machines, may write the same file: the last one wins.
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_UNFINISHED}")
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turns what the operating system says while `path` is written into a StorageError."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise StorageError(
            f"{path}: cannot be written ({error.strerror}); free space there or choose another "
            "folder, and run the same command again, which keeps what is finished"
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there in full or not at all; raises StorageError."""
    with whole_file(path) as file:
        file.write(content)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder."""
    for path in folder.glob(f"*{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def remove_abandoned(folder: Path, seconds: float = 3600.0) -> None:
    """Remove what killed processes left half-written in a folder, or below it, that others may be
    writing in: what has not been written to for so long."""
    latest = time.time() - seconds
    for path in folder.rglob(f"*{_UNFINISHED}"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < latest:
                path.unlink()


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made if need be, for this process alone.

    Raises:
      StorageError: another process holds it, or it cannot be made.
    """
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(lock, folder)
        yield
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StorageError(
            f"{folder}: another process is writing there; wait for it, or name another folder"
        ) from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
