"""Finding the files of a sequence, whose name every toolkit spells in its own way."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siamfc_jax.evaluation.benchmarks.otb_facts import otb_spellings
from siamfc_jax.evaluation.runs import ResultError

Folder = Path | zipfile.Path
"""A folder on disk or in a zip file."""


# The longest sequences' results are a few MB, all of LaSOT's 30 MB.
_LARGEST, _LARGEST_ARCHIVE = 2**25, 2**28


class Listing:
    """The names in a folder, to be asked for by a sequence's name and a suffix.

    "Jogging-1", "jogging_1", "Jogging.1" and "Jogging1" are one sequence of OTB, "a_b" and "A.b" of
    any benchmark; the exact spelling goes first.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._exact = {entry.name: entry for entry in entries(folder)}
        self._loose = {_loose(name): entry for name, entry in self._exact.items()}

    def find(self, sequence: str, suffix: str = "") -> Folder | None:
        """The file or folder `<sequence><suffix>`, however it is spelt; None without one."""
        exact = self._exact.get(sequence + suffix)
        if exact is not None:
            return exact
        spellings = (name + _loose(suffix) for name in _spellings(sequence))
        return next((self._loose[name] for name in spellings if name in self._loose), None)

    def beginning(self, sequence: str, suffix: str) -> dict[str, Folder]:
        """Entries `<sequence>_<rest><suffix>`, however the sequence is spelt: rest -> entry."""
        for spelling in _spellings(sequence):
            found = {
                name[len(spelling) + 1 : -len(suffix)]: entry
                for name, entry in self._exact.items()
                if name.endswith(suffix) and _loose(name).startswith(f"{spelling}-")
            }
            if found:
                return found
        return {}


def open_root(path: Path) -> Folder:
    """A folder, the inside of a zip file, or another file as it is.

    Raises:
      ResultError: it is missing, or a zip file that cannot be read.
    """
    if not path.exists():
        raise ResultError(f"{path}: no such folder; give the folder of the result files")
    if path.suffix != ".zip":
        return path
    try:
        return zipfile.Path(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise ResultError(f"{path}: cannot be read ({error}); write it again") from None


def entries(folder: Folder) -> list[Folder]:
    """What is in a folder; nothing where there is no such folder."""
    return list(folder.iterdir()) if folder.is_dir() else []


def content(file: Folder) -> bytes:
    """The bytes of a file.

    Raises:
      ResultError: it is missing, cannot be read, or is too large.
    """
    largest = _LARGEST_ARCHIVE if file.name.endswith(".npz") else _LARGEST
    try:
        with file.open("rb") as stream:
            found: bytes = stream.read(largest + 1)
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ResultError(f"{file}: cannot be read ({reason}); run this sequence again") from None
    if len(found) > largest:
        raise ResultError(f"{file}: larger than any result, {largest} bytes; give another file")
    return found


@contextmanager
def naming(file: Folder) -> Iterator[None]:
    """Puts the file's name ahead of a ResultError that is raised in the block."""
    try:
        yield
    except ResultError as error:
        raise ResultError(f"{file}: {str(error).removeprefix(f'{file}: ')}") from None


def _spellings(sequence: str) -> Iterator[str]:
    loose = set(map(_loose, (sequence, *otb_spellings(sequence))))
    # The longer one first: human4_2_KCF is not tracker 2_KCF on human4.
    yield from sorted(loose, key=lambda name: (-len(name), name))


def _loose(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
