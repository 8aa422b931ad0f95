"""Folders of videos at any depth, each listed once."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from data_prep.tracks import SourceError
from siamfc_jax.media.images import IMAGE_SUFFIXES, natural_order


class Listing(NamedTuple):
    """A folder and the names of what lies in it, sorted, without hidden ones."""

    folder: Path
    files: tuple[str, ...]
    folders: tuple[str, ...]


def walk(root: Path) -> Iterator[Listing]:
    """Every folder from `root` on downwards, sorted, each before those within it.

    Raises:
      SourceError: `root`, or a folder below it, cannot be listed.
    """
    try:
        with os.scandir(root) as entries:
            found = sorted(
                (entry.name, entry.is_dir()) for entry in entries if entry.name[0] != "."
            )
    except OSError as error:
        raise SourceError(f"{root}: cannot be listed ({error.strerror}); check the path") from None
    folders = tuple(name for name, is_folder in found if is_folder)
    yield Listing(root, tuple(name for name, is_folder in found if not is_folder), folders)
    for name in folders:
        yield from walk(root / name)


def images_in(folder: Path, names: Iterable[str]) -> list[Path]:
    """The image files among the names of a folder, in natural order (2.jpg before 10.jpg)."""
    return natural_order([folder / name for name in names if is_image(name)])


def is_image(name: str) -> bool:
    return Path(name).suffix.lower() in IMAGE_SUFFIXES


def name_below(root: Path, path: Path) -> str:
    """The name of a video from where it lies below `root`; of `root` itself, its own name."""
    relative = path.relative_to(root).as_posix()
    return root.resolve().name if relative == "." else relative
