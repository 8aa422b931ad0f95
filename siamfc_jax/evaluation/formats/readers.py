"""A reader for each kind of result files: it says which sequences a folder holds, and reads one.

Errors of one sequence are ResultErrors that name the file.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.formats.names import Folder, Listing, content, entries, naming
from siamfc_jax.evaluation.formats.npz import Archive
from siamfc_jax.evaluation.formats.otb_json import read_json
from siamfc_jax.evaluation.formats.otb_mat import read_mat
from siamfc_jax.evaluation.formats.repetitions import numbered_files
from siamfc_jax.evaluation.formats.text_rows import parse_table
from siamfc_jax.evaluation.formats.times import column_of, read_times
from siamfc_jax.evaluation.runs import Run
from siamfc_jax.evaluation.sequences import Sequence


class Reader(Protocol):
    """Reads results of a tracker (where it tells trackers apart) from a folder."""

    def __init__(self, folder: Folder, tracker: str | None) -> None: ...

    def holds(self, sequence: Sequence) -> bool:
        """Whether there is a file of this sequence."""

    def trackers(self, sequence: Sequence) -> frozenset[str]:
        """Whose files of a sequence there are, where they bear a tracker's name."""
        return frozenset()

    def where(self, sequence: Sequence) -> Folder:
        """The file or folder of a sequence that it holds."""

    def read(self, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
        """The runs of a sequence that it holds; raises ResultError."""


class FlatText(Reader):
    """Files `<sequence>.txt`, times in `<sequence>_time.txt` beside them or in `times/`."""

    def __init__(self, folder: Folder, tracker: str | None) -> None:
        self._files = Listing(folder)
        self._times = [self._files, Listing(folder / "times")]

    def holds(self, sequence: Sequence) -> bool:
        return self._files.find(sequence.name, ".txt") is not None

    def where(self, sequence: Sequence) -> Folder:
        return _found(self._files.find(sequence.name, ".txt"))

    def read(self, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
        boxes = _boxes(self.where(sequence))
        found = (listing.find(sequence.name, "_time.txt") for listing in self._times)
        times = next((file for file in found if file is not None), None)
        return (Run(boxes, 0, None if times is None else read_times(times, len(boxes))[:, 0]),)


class RepeatedText(Reader):
    """Files `<sequence>/<sequence>_001.txt`, ..., times in `<sequence>/<sequence>_time.txt`."""

    def __init__(self, folder: Folder, tracker: str | None) -> None:
        self._folders = Listing(folder)

    def holds(self, sequence: Sequence) -> bool:
        folder = self._folders.find(sequence.name)
        return folder is not None and any(file.name.endswith(".txt") for file in entries(folder))

    def where(self, sequence: Sequence) -> Folder:
        return _found(self._folders.find(sequence.name))

    def read(self, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
        files = Listing(self.where(sequence))
        runs = [Run(_boxes(file)) for file in numbered_files(files, sequence.name, ".txt")]
        file = files.find(sequence.name, "_time.txt")
        if file is None:
            return tuple(runs)
        times = read_times(file, len(runs[0].boxes))
        return tuple(run._replace(seconds=column_of(times, k)) for k, run in enumerate(runs))


class MatFiles(Reader):
    """Files `<sequence>_<tracker>.mat`."""

    def __init__(self, folder: Folder, tracker: str | None) -> None:
        self._files = Listing(folder)
        self._tracker = tracker

    def holds(self, sequence: Sequence) -> bool:
        found = self._files.beginning(sequence.name, ".mat")
        return bool(found) if self._tracker is None else self._tracker in found

    def trackers(self, sequence: Sequence) -> frozenset[str]:
        return frozenset(self._files.beginning(sequence.name, ".mat"))

    def where(self, sequence: Sequence) -> Folder:
        found = self._files.beginning(sequence.name, ".mat")
        return found[self._tracker or next(iter(found))]

    def read(self, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
        file = self.where(sequence)
        with naming(file):
            return read_mat(content(file), sequence, protocol)


class JsonFiles(Reader):
    """Files `<sequence>.json`."""

    def __init__(self, folder: Folder, tracker: str | None) -> None:
        self._files = Listing(folder)

    def holds(self, sequence: Sequence) -> bool:
        return self._files.find(sequence.name, ".json") is not None

    def where(self, sequence: Sequence) -> Folder:
        return _found(self._files.find(sequence.name, ".json"))

    def read(self, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
        file = self.where(sequence)
        with naming(file):
            return read_json(content(file), sequence, protocol)


class NpzFile(Reader):
    """One archive of all sequences."""

    def __init__(self, folder: Folder, tracker: str | None) -> None:
        self._file = folder
        self._archive: Archive | None = None
        if folder.is_file() and folder.name.endswith(".npz"):
            with naming(folder):
                self._archive = Archive(content(folder))

    def holds(self, sequence: Sequence) -> bool:
        return self._archive is not None and sequence.name in self._archive.sequences

    def where(self, sequence: Sequence) -> Folder:
        return self._file

    def read(self, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
        assert self._archive is not None
        with naming(self._file):
            return self._archive.read(sequence, protocol)


READERS: dict[str, tuple[Callable[[Folder, str | None], Reader], str]] = {
    "otb-mat": (MatFiles, "<sequence>_<tracker>.mat"),
    "otb-json": (JsonFiles, "<sequence>.json"),
    "got10k": (RepeatedText, "<sequence>/<sequence>_001.txt"),
    "text": (FlatText, "<sequence>.txt"),
    "npz": (NpzFile, "a .npz file"),
}
"""Kinds of files: their reader, and what it looks for."""


def _found(file: Folder | None) -> Folder:
    assert file is not None, "read only what holds() says is there"
    return file


def _boxes(file: Folder) -> NDArray[np.float64]:
    with naming(file):
        return parse_table(content(file), 4)
