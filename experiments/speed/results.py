"""What was measured, in one table at the end."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_HEAD = ("network", "row", "ours", "PyTorch", "", "time, ours / PyTorch")


class Result(NamedTuple):
    """A row of one network.

    Attributes:
      ours, baseline: how many `unit` (such as "frames/s"); the baseline is PyTorch's, None where
        there is none.
      network: what the row is of, if that is known yet.
    """

    row: str
    unit: str
    ours: float
    baseline: float | None = None
    network: str = ""

    @property
    def ratio(self) -> float | None:
        """Of our time over that of the baseline."""
        return None if self.baseline is None else self.baseline / self.ours


def format_results(results: Sequence[Result]) -> str:
    """A table with a line for every result."""
    rows = [_HEAD, *map(_cells, results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [*map(str.ljust, row[:2], widths), *map(str.rjust, row[2:4], widths[2:])]
            + [row[4].ljust(widths[4]), row[5].rjust(widths[5])]
        )
        for row in rows
    )


def write_results(path: Path, results: Sequence[Result]) -> None:
    """As JSON, for `read_results`."""
    path.write_text(json.dumps([result._asdict() for result in results], indent=1) + "\n")


def read_results(path: Path) -> list[Result]:
    """What `write_results` wrote."""
    return [Result(**fields) for fields in json.loads(path.read_text())]


def _cells(result: Result) -> tuple[str, ...]:
    baseline, ratio = result.baseline, result.ratio
    return (
        result.network,
        result.row,
        f"{result.ours:.1f}",
        "-" if baseline is None else f"{baseline:.1f}",
        result.unit,
        "-" if ratio is None else f"{ratio:.2f}",
    )
