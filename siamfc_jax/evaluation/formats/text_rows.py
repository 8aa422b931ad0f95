"""Rows of numbers in text files: separated by commas, or by spaces and tabs."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.runs import ResultError

# What MATLAB and Windows' C library write for a number that is none: 3+4i, 1.#IND, -nan(ind).
_NOT_A_NUMBER = re.compile(r"[-+]?(nan\(\w*\)|1\.#\w+|[-+.\de]+[ij])", re.IGNORECASE)


def parse_rows(content: bytes) -> list[list[float]]:
    """The numbers of each line, up to the last that is not blank; NaN for 3+4i and 1.#IND.

    Raises:
      ResultError: not text, a blank line, or a field that is no number; the message names the
        line, not the file.
    """
    lines = _text(content).rstrip().splitlines()
    fields = [line.split(",") if "," in line else line.split() for line in lines]
    try:
        if b"_" in content:  # float() takes 1_000 for a number.
            raise ValueError
        rows = [list(map(float, row)) for row in fields]
    except ValueError:
        rows = [_forgiving(row, number) for number, row in enumerate(fields, 1)]
    if not all(rows):
        raise ResultError(f"line {rows.index([]) + 1} is blank; run this sequence again")
    return rows


def parse_table(content: bytes, columns: int | None = None) -> NDArray[np.float64]:
    """The rows as one array [n, columns], whose number of columns is free without `columns`.

    Raises:
      ResultError: as `parse_rows`; no row, or rows of another length.
    """
    rows = parse_rows(content)
    if not rows:
        raise ResultError("empty; run this sequence again")
    expected = columns or len(rows[0])
    if set(map(len, rows)) != {expected}:
        row, found = next((i, len(r)) for i, r in enumerate(rows, 1) if len(r) != expected)
        raise ResultError(
            f"row {row} has {found} numbers instead of {expected}; run this sequence again"
        )
    return np.asarray(rows, np.float64)


def parse_column(content: bytes) -> NDArray[np.float64]:
    """One number per line, float64 [n], NaN for a blank line: `.value` files of VOT."""
    lines = _text(content).splitlines()
    rows = [_forgiving(line.split(), number) for number, line in enumerate(lines, 1)]
    if any(len(row) > 1 for row in rows):
        raise ResultError("more than one number in a line; run this sequence again")
    return np.asarray([row[0] if row else np.nan for row in rows], np.float64)


def format_rows(
    rows: Iterable[Iterable[float]], separator: str = ",", number: str | None = None
) -> bytes:
    """Text of `rows`, one per line; each number by `number` ("%.4f"), which may round, or by its
    shortest text that reads back as the same float64."""
    as_text = repr if number is None else number.__mod__
    return "".join(
        separator.join([as_text(float(value)) for value in row]) + "\n" for row in rows
    ).encode()


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ResultError("not a text file; run this sequence again") from None


def _forgiving(fields: Sequence[str], number: int) -> list[float]:
    try:
        return [_number(field) for field in fields]
    except ValueError:
        line = ",".join(fields)
        raise ResultError(
            f"line {number} is not numbers ({line[:40]!r}); run this sequence again"
        ) from None


def _number(field: str) -> float:
    if "_" in field:
        raise ValueError
    return float("nan") if _NOT_A_NUMBER.fullmatch(field.strip()) else float(field)
