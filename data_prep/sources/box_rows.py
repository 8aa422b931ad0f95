"""Text files of boxes and labels, one row or number per frame."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.tracks import Report


class BoxRows(NamedTuple):
    """The rows of a box file that are four numbers.

    Attributes:
      rows: [n] int64, which rows of the file these are, from 0.
      boxes: [n, 4] float64, the numbers as written: possibly nan, possibly no box at all.
      total: how many rows the file has.
    """

    rows: NDArray[np.int64]
    boxes: NDArray[np.float64]
    total: int


def read_box_rows(file: Path, report: Report) -> BoxRows | None:
    """Read rows `x,y,w,h`, separated by commas or blanks; other rows are reported and left out.

    Returns None, and reports why, for a file that is missing, empty or no text.
    """
    text = _read_text(file, report)
    if text is None:
        return None
    lines = text.splitlines()
    rows: list[int] = []
    boxes: list[list[float]] = []
    for row, line in enumerate(lines):
        try:
            numbers = [float(value) for value in line.replace(",", " ").split()]
        except ValueError:
            numbers = []
        if len(numbers) == 4:
            rows.append(row)
            boxes.append(numbers)
        else:
            report.problem("garbled row", f"{file}, row {row + 1}", f"{line[:40]!r} is not x,y,w,h")
    return BoxRows(
        np.asarray(rows, np.int64), np.asarray(boxes, np.float64).reshape(-1, 4), len(lines)
    )


def read_labels(file: Path, report: Report) -> NDArray[np.int64] | None:
    """Read small integers [n], separated by commas, blanks or line ends.

    Returns None, and reports why, for a file that is missing, empty or holds anything else.
    """
    text = _read_text(file, report)
    if text is None:
        return None
    try:
        return np.asarray([int(value) for value in text.replace(",", " ").split()], np.int64)
    except (ValueError, OverflowError):
        report.problem("garbled annotation", file, "is not whole numbers; fetch it again")
        return None


def _read_text(file: Path, report: Report) -> str | None:
    """The file without blank lines at its end, or None if it cannot be read or has none left."""
    try:
        text = file.read_text(encoding="utf-8").rstrip()
    except FileNotFoundError:
        report.problem("missing annotation", file)
        return None
    except (OSError, UnicodeDecodeError) as error:
        report.problem("garbled annotation", file, f"is not readable ({error}); fetch it again")
        return None
    if not text:
        report.problem("empty annotation", file)
        return None
    return text
