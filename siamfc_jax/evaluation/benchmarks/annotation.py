"""What the readers of benchmarks share: text files of numbers, and folders listed once."""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.sequences import Sequence, SequenceError, frame_size

_SUFFIXES = ("jpg", "jpeg", "png", "bmp")


def read_each(
    readers: Mapping[str, Callable[[], Sequence]], damaged: dict[str, str] | None
) -> list[Sequence]:
    """The sequences, by name, that can be read.

    Args:
      damaged: takes the others, name -> why; without it the first of them raises.

    Raises:
      SequenceError: a sequence cannot be read, and there is no `damaged`.
    """
    sequences = []
    for name, read in readers.items():
        try:
            sequences.append(read())
        except SequenceError as error:
            if damaged is None:
                raise
            damaged[name] = str(error)
    return sequences


def read_text(file: Path, *, blank: bool = False) -> str:
    """A text file that must hold something, unless it may be `blank`.

    Raises:
      SequenceError: it is missing, no text, or blank.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SequenceError(f"{file}: missing; is the benchmark complete?") from None
    except OSError as error:
        raise SequenceError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SequenceError(f"{file}: is no text; fetch it again") from None
    if not blank and not text.strip():
        raise SequenceError(f"{file}: is empty; fetch it again")
    return text


def read_rows(file: Path) -> NDArray[np.float64]:
    """Rectangles x y w h, one a row, separated by commas, tabs or blanks, also mixed: [n, 4].

    Raises:
      SequenceError: unreadable, or a row is not four numbers (NaN is one).
    """
    lines = read_text(file).replace(",", " ").strip().splitlines()
    try:
        rows = np.loadtxt(lines, np.float64, comments=None, ndmin=2)
        if rows.shape[1] != 4:
            raise ValueError(f"rows of {rows.shape[1]} numbers, not of x y w h")
        if np.isinf(rows).any():
            raise ValueError("an infinite number")
    except ValueError as error:
        reason = str(error).partition(";")[0]
        raise SequenceError(f"{file}: unreadable ground truth ({reason}); fetch it again") from None
    return rows


def read_labels(file: Path, count: int) -> NDArray[np.int64]:
    """Whole numbers, separated by commas, blanks or line ends: [count] int64.

    Raises:
      SequenceError: unreadable, or not `count` of them.
    """
    numbers = read_text(file).replace(",", " ").split()
    try:
        labels = np.asarray([int(number) for number in numbers], np.int64)
    except (ValueError, OverflowError):
        raise SequenceError(f"{file}: holds more than whole numbers; fetch it again") from None
    if len(labels) != count:
        raise SequenceError(
            f"{file}: {len(labels)} labels where {count} are due; fetch the annotation again"
        )
    return labels


def read_names(file: Path) -> list[str]:
    """Names, one a line, in the order of the file.

    Raises:
      SequenceError: unreadable or empty, or one is there twice.
    """
    names = [line.strip() for line in read_text(file).splitlines() if line.strip()]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SequenceError(f"{file}: names {twice[0]} more than once; leave it there once")
    return names


def listing(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the files and of the folders in `folder`, each sorted; none where it is missing.

    Listing is far cheaper than asking for each file. Hidden entries are left out, and what macOS
    puts into archives.

    Raises:
      SequenceError: the folder is there but cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(
                (entry.name, entry.is_dir())
                for entry in entries
                if not entry.name.startswith((".", "__MACOSX"))
            )
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError as error:
        raise SequenceError(f"{folder}: cannot be listed ({error.strerror})") from None
    files = [name for name, is_folder in found if not is_folder]
    return files, [name for name, is_folder in found if is_folder]


def numbered_frames(folder: Path, first: int, count: int, digits: int) -> tuple[Path, ...]:
    """Image files of the frames `first`, `first + 1`, ...: `count` paths.

    Named as they are on disk, whatever digits and suffix a release has; frames that are not there
    as %0<digits>d.jpg.
    """
    named = {number: name for name in listing(folder)[0] if (number := _number(name)) is not None}
    return tuple(
        folder / named.get(number, f"{number:0{digits}d}.jpg")
        for number in range(first, first + count)
    )


def is_frame(name: str) -> bool:
    """Whether a file is called as the image of a frame: a number and a suffix."""
    return _number(name) is not None


def _number(name: str) -> int | None:
    stem, _, suffix = name.rpartition(".")
    return int(stem) if stem.isdecimal() and suffix.lower() in _SUFFIXES else None


def size_of(frames: tuple[Path, ...]) -> tuple[int, int] | None:
    """(width, height) of the first frame; None where it is not at hand.

    Raises:
      SequenceError: it is no image.
    """
    return frame_size(frames[0]) if frames and frames[0].exists() else None


def require_folder(root: Path, what: str) -> None:
    """Raise SequenceError unless `root` is a folder; `what` says what it should hold."""
    if not root.is_dir():
        raise SequenceError(f"{root}: no such folder; give the folder that holds {what}")
