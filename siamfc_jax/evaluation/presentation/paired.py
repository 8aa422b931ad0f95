"""Two trackers compared sequence by sequence, as a table."""

from collections.abc import Sequence
from typing import NamedTuple

from siamfc_jax.evaluation.presentation.table import Cell, Table, count_cell, name_cell
from siamfc_jax.evaluation.statistics import PairedComparison


class Pairing(NamedTuple):
    """`comparison` of tracker `first` (A) with `second` (B) by a measure, e.g. "AUC" on "OTB-100".

    Its differences are shares from 0 to 1.
    """

    first: str
    second: str
    benchmark: str
    measure: str
    comparison: PairedComparison


def paired_table(pairings: Sequence[Pairing]) -> Table:
    """A row per pair: the difference in per cent points, its interval, and who won how often."""
    rows = []
    for pairing in pairings:
        found = pairing.comparison
        rows.append(
            (
                name_cell(f"{pairing.first} - {pairing.second}"),
                name_cell(f"{pairing.benchmark}, {pairing.measure}"),
                Cell(f"{100 * found.difference:+.2f}", found.difference),
                Cell(f"[{100 * found.low:+.2f}, {100 * found.high:+.2f}]", found.low),
                Cell(f"{100 * found.share_better:.1f}%", found.share_better),
                count_cell(found.wins),
                count_cell(found.ties),
                count_cell(found.losses),
                Cell(f"{found.p_value:.2g}", found.p_value),
            )
        )
    return Table(
        "Pairs of trackers on the sequences that both have a score for, per cent points",
        (
            "A - B",
            "by",
            "difference",
            "interval",
            "A better in\nresamples",
            "A wins",
            "ties",
            "B wins",
            "Wilcoxon's\np",
        ),
        tuple(rows),
    )
