"""The table of faults, printed row by row as they are done."""

from collections.abc import Iterable
from pathlib import Path

from experiments.faults.outcomes import Outcome, Row

_FAULT = 54
_SAID = 150
_HEADER = f"{'fault':<{_FAULT}} | times | detected | survived | silent | what was said"


def print_table(rows: Iterable[Row], below: Path) -> bool:
    """Print the rows as they come; True if none of them failed.

    Args:
      below: files are named relative to this folder.
    """
    print(_HEADER)
    print("-" * len(_HEADER), flush=True)
    failed: list[str] = []
    for row in rows:
        print(format_row(row, below), flush=True)
        if row.failed:
            failed.append(row.fault)
    print("-" * len(_HEADER))
    print(f"failed: {', '.join(failed)}" if failed else "no fault was silent")
    return not failed


def format_row(row: Row, below: Path) -> str:
    """One line; one that failed begins with an exclamation mark."""
    counts = [row.count(outcome) for outcome in Outcome]
    said = row.said.replace(f"{below}/", "")
    said = said if len(said) <= _SAID else said[: _SAID - 1] + "…"
    name = f"! {row.fault}" if row.failed else row.fault
    return (
        f"{name:<{_FAULT}} | {len(row.trials):>5} | {counts[0]:>8} | {counts[1]:>8} | "
        f"{counts[2]:>6} | {said}"
    ).rstrip()
