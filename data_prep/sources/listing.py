"""What a folder holds, listed once: on network disks far cheaper than asking for each file."""

import os
from pathlib import Path


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in `folder`, sorted; none where there is no such folder."""
    return sorted(name for name, is_folder in _entries(folder) if is_folder)


def file_names(folder: Path) -> set[str]:
    """Names of the files in `folder`; none where there is no such folder."""
    return {name for name, is_folder in _entries(folder) if not is_folder}


def _entries(folder: Path) -> list[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.is_dir()) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
