"""How much space there is and how much is needed."""

import shutil
from pathlib import Path

from siamfc_jax.durable import StorageError


def require_space(folder: Path, wanted: int, *, force: bool) -> None:
    """Raises StorageError when `folder`'s disk has not `wanted` bytes free, unless `force`."""
    free = shutil.disk_usage(folder).free
    if wanted > free and not force:
        raise StorageError(
            f"{folder}: about {gigabytes(wanted)} are needed and {gigabytes(free)} are free; "
            "free space, choose another place, or give --force"
        )


def folder_bytes(folder: Path, pattern: str = "*") -> int:
    """Size of the files directly in a folder, which need not exist."""
    return sum(path.stat().st_size for path in folder.glob(pattern))


def gigabytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e8 else f"{count / 1e6:.3g} MB"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
