"""Tables of curves' scores: all trackers, every sequence, every attribute. Numbers in percent.

They become text with `table.as_text` and part of a page in `report`.
"""

from collections.abc import Sequence

import numpy as np

from siamfc_jax.evaluation.presentation.measures import (
    NAN,
    CurveMeasure,
    Intervals,
    attributes_of,
    curve_measures,
    in_order,
    with_attribute,
)
from siamfc_jax.evaluation.presentation.published import Published
from siamfc_jax.evaluation.presentation.table import (
    MISSING,
    Cell,
    Table,
    count_cell,
    mark_best,
    name_cell,
    number_cell,
)
from siamfc_jax.evaluation.scores import CurveScores, VotScores


def overall_table(
    scores: Sequence[CurveScores],
    intervals: Intervals = (),
    references: Sequence[Published] = (),
) -> Table:
    """A row per tracker, the best first: its scores with their intervals, and what was counted.

    `scores` are of one benchmark, protocol and profile. Published trackers follow beneath.
    """
    measures = curve_measures(scores)
    ranked = sorted(
        range(len(scores)), key=lambda i: -np.nan_to_num(measures[0].overall(scores[i]), nan=-1)
    )
    columns = [
        mark_best([_percent(measure.overall(scores[i])) for i in ranked]) for measure in measures
    ]
    rows = []
    for place, i in enumerate(ranked):
        own = intervals[i] if intervals else {}
        cells = [
            _with_interval(column[place], own.get(measure.key))
            for column, measure in zip(columns, measures, strict=True)
        ]
        rows.append((name_cell(scores[i].tracker), *cells, *_counts(scores[i])))
    published = tuple(
        _published_row(row, measures) for row in ranked_rows(references, measures[0].key)
    )
    first = scores[0]
    return Table(
        f"{first.benchmark}, {first.protocol} ({first.profile}), per cent",
        ("tracker", *(measure.label for measure in measures), *_COUNTED),
        tuple(rows),
        published,
        (*problem_notes(scores), *source_notes(references)),
    )


def sequence_table(scores: Sequence[CurveScores]) -> Table:
    """A row per sequence, in the benchmark's order, with a mean at the end.

    One tracker: all its measures and counts. Several: the two foremost measures of each, side by
    side, the best value of a row marked.
    """
    measures = curve_measures(scores)
    names = in_order([one.names for one in scores])
    if len(scores) == 1:
        return _one_tracker(scores[0], measures)
    measures = (measures[0], measures[-1]) if len(measures) > 1 else measures
    values = [
        [dict(zip(one.names, measure.per_sequence(one), strict=True)) for one in scores]
        for measure in measures
    ]
    rows = tuple(
        (
            name_cell(name),
            *(
                cell
                for of_measure in values
                for cell in mark_best([_percent(own.get(name, NAN)) for own in of_measure])
            ),
        )
        for name in names
    )
    means = tuple(
        cell
        for measure in measures
        for cell in mark_best([_percent(measure.overall(one)) for one in scores])
    )
    totals = tuple(Cell(_coverage(one)) for _ in measures for one in scores)
    return Table(
        f"Sequences of {scores[0].benchmark}, {scores[0].protocol}, per cent",
        ("sequence", *(f"{one.tracker}\n{m.label}" for m in measures for one in scores)),
        rows,
        ((name_cell("mean"), *means), (name_cell("sequences"), *totals)),
        problem_notes(scores),
    )


def attribute_table(scores: Sequence[CurveScores]) -> Table:
    """A row per attribute with the number of its sequences; the ranking measure of each tracker."""
    measures = curve_measures(scores)
    measures = (measures[0], measures[-1]) if len(measures) > 1 else measures
    rows = []
    for code in attributes_of(scores):
        parts = [with_attribute(one, code) for one in scores]
        cells = [
            cell
            for measure in measures
            for cell in mark_best([_percent(measure.overall(part)) for part in parts])
        ]
        rows.append((name_cell(code), count_cell(max(len(p.names) for p in parts)), *cells))
    return Table(
        f"Attributes of {scores[0].benchmark}, {scores[0].protocol}, per cent",
        (
            "attribute",
            "sequences",
            *(f"{one.tracker}\n{measure.label}" for measure in measures for one in scores),
        ),
        tuple(rows),
    )


def problem_notes(scores: Sequence[CurveScores | VotScores]) -> tuple[str, ...]:
    """A line for each sequence that has no score."""
    return tuple(
        f"{one.tracker}, {name}: not scored: {' '.join(reason.split())}"
        for one in scores
        for name, reason in one.problems.items()
    )


def ranked_rows(references: Sequence[Published], key: str) -> list[Published]:
    """Published rows, the greatest value of a measure first, unknown ones last."""
    return sorted(references, key=lambda row: -(getattr(row, key) or 0))


def source_notes(references: Sequence[Published]) -> tuple[str, ...]:
    """A line for each source of published scores."""
    trackers: dict[str, list[str]] = {}
    for row in references:
        trackers.setdefault(row.source, []).append(row.tracker)
    return tuple(f"{', '.join(names)}: {source}" for source, names in trackers.items())


_COUNTED = ("sequences", "frames", "carried", "invalid", "fps")


def _counts(scores: CurveScores) -> tuple[Cell, ...]:
    return (
        Cell(_coverage(scores), len(scores.names)),
        count_cell(int(scores.frames.sum())),
        count_cell(int(scores.carried.sum())),
        count_cell(int(scores.invalid.sum())),
        number_cell(NAN if scores.frames_per_second is None else scores.frames_per_second, 1),
    )


def _coverage(scores: CurveScores) -> str:
    return f"{len(scores.names)} of {len(scores.names) + len(scores.problems)}"


def _percent(value: float) -> Cell:
    return number_cell(value, 2, scale=100)


def _with_interval(cell: Cell, interval: tuple[float, float] | None) -> Cell:
    if interval is None or cell.text == MISSING or np.isnan(interval).any():
        return cell
    low, high = interval
    return cell._replace(text=f"{cell.text} [{100 * low:.1f}, {100 * high:.1f}]")


def _published_row(row: Published, measures: Sequence[CurveMeasure]) -> tuple[Cell, ...]:
    values = [getattr(row, measure.key) for measure in measures]
    cells = [_percent(NAN if value is None else value) for value in values]
    return (name_cell(f"{row.tracker} (published)"), *cells, *[Cell(MISSING)] * len(_COUNTED))


def _one_tracker(scores: CurveScores, measures: Sequence[CurveMeasure]) -> Table:
    values = [measure.per_sequence(scores) for measure in measures]
    rows = tuple(
        (
            name_cell(name),
            *(_percent(float(own[row])) for own in values),
            count_cell(int(scores.frames[row])),
            count_cell(int(scores.carried[row])),
            count_cell(int(scores.invalid[row])),
        )
        for row, name in enumerate(scores.names)
    )
    mean = (
        name_cell(f"mean of {_coverage(scores)} sequences"),
        *(_percent(measure.overall(scores)) for measure in measures),
        *_counts(scores)[1:4],
    )
    return Table(
        f"{scores.tracker} on {scores.benchmark}, {scores.protocol} ({scores.profile}), per cent",
        ("sequence", *(measure.label for measure in measures), *_COUNTED[1:4]),
        rows,
        (mean,),
        problem_notes([scores]),
    )
