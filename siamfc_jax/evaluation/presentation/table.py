"""A table before it is drawn, and how it is drawn in a terminal."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

MISSING = "-"


class Cell(NamedTuple):
    """What a cell shows, and what it is sorted by (None: after all others, either way).

    `best` marks the best value among the trackers.
    """

    text: str
    value: float | str | None = None
    best: bool = False


class Table(NamedTuple):
    """Rows of cells under a heading.

    Attributes:
      caption: what the table shows.
      header: a heading per column; a line break parts a tracker's name from a measure.
      rows: what can be sorted; the first cell names the row.
      summary: rows that stay at the end: means, published trackers.
      notes: lines beneath, e.g. which sequences are missing and why.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    summary: tuple[tuple[Cell, ...], ...] = ()
    notes: tuple[str, ...] = ()


def name_cell(text: str) -> Cell:
    return Cell(text, text)


def number_cell(value: float, digits: int, best: bool = False, scale: float = 1) -> Cell:
    """A number with so many digits behind the point; a dash for NaN."""
    if value != value:
        return Cell(MISSING)
    return Cell(f"{value * scale:.{digits}f}", value, best)


def count_cell(value: int) -> Cell:
    return Cell(str(value), value)


def mark_best(cells: Sequence[Cell], greater: bool = True) -> tuple[Cell, ...]:
    """The cells of several trackers, the best ones (as printed) marked; one alone is not."""
    printed = [float(cell.text) for cell in cells if isinstance(cell.value, float | int)]
    if len(printed) < 2:
        return tuple(cells)
    best = max(printed) if greater else min(printed)
    return tuple(
        cell._replace(best=isinstance(cell.value, float | int) and float(cell.text) == best)
        for cell in cells
    )


def as_text(table: Table) -> str:
    """The table in fixed-width characters: names to the left, numbers to the right."""
    heading = _heading_lines(table.header)
    body = [[cell.text for cell in row] for row in table.rows]
    summary = [[cell.text for cell in row] for row in table.summary]
    widths = [max(map(len, column)) for column in zip(*heading, *body, *summary, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [table.caption, rule, *_lines(heading, widths), rule, *_lines(body, widths)]
    if summary:
        lines += [rule, *_lines(summary, widths)]
    return "\n".join([*lines, *table.notes]) + "\n"


def _heading_lines(header: Iterable[str]) -> list[list[str]]:
    parts = [text.split("\n") for text in header]
    height = max(map(len, parts))
    padded = [[""] * (height - len(part)) + part for part in parts]
    return [[part[line] for part in padded] for line in range(height)]


def _lines(rows: list[list[str]], widths: list[int]) -> list[str]:
    return [
        "  ".join(
            text.rjust(width) if column else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
