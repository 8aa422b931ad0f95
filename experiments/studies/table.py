"""What was measured, beside what was published: as a table, and as rows for other programs."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from experiments.studies.variants import Measure, Measured, PublishedColumn, Study
from siamfc_jax.evaluation.presentation.table import (
    MISSING,
    Cell,
    Table,
    count_cell,
    name_cell,
    number_cell,
)

CAUTION = (
    'Columns "here" and "paper" are of other training data, schedules and benchmarks: compare '
    "how they change, not their numbers."
)


def study_table(
    study: Study, measured: Sequence[Measured], conditions: str, notes: Sequence[str] = ()
) -> Table:
    """A row for each value of what is varied; columns of here, then of the paper.

    Args:
      conditions: of what is measured here: seeds, steps, network.
      notes: lines beneath.
    """
    by_place = {(one.variant.x, one.variant.series): one for one in measured}
    xs = sorted(study.labels)
    header = [study.heading]
    columns: list[list[Cell]] = [[name_cell(study.labels[x]) for x in xs]]
    for series in study.series:
        own = [by_place.get((x, series)) for x in xs]
        if study.sized:
            header += [
                _heading("here", "", "videos", series),
                _heading("here", "", "boxes", series),
            ]
            columns.append([_count(one.videos if one else None) for one in own])
            columns.append([_count(one.boxes if one else None) for one in own])
        for measure in measures_of(measured):
            header.append(_heading("here", measure.benchmark, measure.label, series))
            columns.append([_spread(one, measure) for one in own])
    for column in study.published:
        header.append(_heading("paper", column.benchmark, column.measure, column.series))
        columns.append([_printed(column, x) for x in xs])
    return Table(
        caption=f"{study.title} ({study.source}); here: {benchmarks_of(measured)}, {conditions}",
        header=tuple(header),
        rows=tuple(zip(*columns, strict=True)),
        notes=(*notes, *study.notes, *((CAUTION,) if study.published else ())),
    )


def measures_of(measured: Sequence[Measured]) -> list[Measure]:
    return list(dict.fromkeys(measure for one in measured for measure in one.values))


def benchmarks_of(measured: Sequence[Measured]) -> str:
    """The names of those that were tracked on."""
    return " and ".join(
        dict.fromkeys(measure.benchmark for measure in measures_of(measured) if measure.drawn)
    )


def numbers(study: Study, measured: Sequence[Measured]) -> Iterator[dict[str, Any]]:
    """Every number of the table as a row: where it is from, of what, mean, deviation, seeds."""
    for one in measured:
        place = {"x": one.variant.x, "label": study.labels[one.variant.x]}
        for measure, values in one.values.items():
            mean, deviation = mean_and_deviation(values)
            yield {
                "from": "here",
                **place,
                "series": one.variant.series,
                "benchmark": measure.benchmark,
                "measure": measure.label,
                "mean": mean if math.isfinite(mean) else None,
                "deviation": deviation if math.isfinite(deviation) else None,
                "seeds": len(values),
                "videos": one.videos,
                "boxes": one.boxes,
            }
    for column in study.published:
        for x, value in column.values.items():
            yield {
                "from": study.source,
                "x": float(x),
                "label": study.labels[x],
                "series": column.series,
                "benchmark": column.benchmark,
                "measure": column.measure,
                "mean": value,
                "deviation": None,
                "seeds": None,
                "videos": None,
                "boxes": None,
            }


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and the sample standard deviation (0 for one value)."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return float(np.mean(values)), deviation


def _heading(origin: str, benchmark: str, measure: str, series: str) -> str:
    return "\n".join(part for part in (origin, series, benchmark, measure) if part)


def _count(count: int | None) -> Cell:
    return Cell(MISSING) if count is None else count_cell(count)


def _spread(one: Measured | None, measure: Measure) -> Cell:
    values = one.values.get(measure, ()) if one else ()
    if not values:
        return Cell(MISSING)
    mean, deviation = mean_and_deviation(values)
    cell = number_cell(mean, measure.digits)
    if len(values) == 1 or cell.text == MISSING:
        return cell
    return cell._replace(text=f"{cell.text} +- {deviation:.{measure.digits}f}")


def _printed(column: PublishedColumn, x: float) -> Cell:
    value = column.values.get(x)
    return Cell(MISSING) if value is None else number_cell(value, column.digits)
