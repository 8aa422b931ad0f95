"""Tables of a VOT challenge: all trackers, every sequence, every tag."""

from collections.abc import Sequence

import numpy as np

from siamfc_jax.evaluation.presentation.measures import (
    NAN,
    VOT_MEASURES,
    Intervals,
    VotMeasure,
    in_order,
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
from siamfc_jax.evaluation.presentation.tables import problem_notes, ranked_rows, source_notes
from siamfc_jax.evaluation.scores import VotScores


def vot_overall_table(
    scores: Sequence[VotScores], intervals: Intervals = (), references: Sequence[Published] = ()
) -> Table:
    """A row per tracker, the greatest EAO first; published trackers beneath."""
    ranked = sorted(
        range(len(scores)), key=lambda i: -np.nan_to_num(scores[i].expected_overlap, nan=-1)
    )
    columns = [_best_of(measure, [scores[i] for i in ranked]) for measure in VOT_MEASURES]
    rows = []
    for place, i in enumerate(ranked):
        own = intervals[i] if intervals else {}
        cells = [
            _with_interval(column[place], own.get(measure.key), measure)
            for column, measure in zip(columns, VOT_MEASURES, strict=True)
        ]
        rows.append((name_cell(scores[i].tracker), *cells, *_counts(scores[i])))
    first = scores[0]
    return Table(
        f"{first.benchmark}, {first.experiment} ({first.profile}), EAO over {_lengths(scores)}",
        ("tracker", *(measure.label for measure in VOT_MEASURES), *_COUNTED),
        tuple(rows),
        tuple(_published_row(row) for row in ranked_rows(references, "eao")),
        (*problem_notes(scores), *repetition_notes(scores), *source_notes(references)),
    )


def repetition_notes(scores: Sequence[VotScores]) -> tuple[str, ...]:
    """A line for each tracker whose sequences do not count alike."""
    notes = []
    for one in scores:
        if len(set(one.repetitions)) > 1:
            least, most = one.repetitions.min(), one.repetitions.max()
            fewer = np.count_nonzero(one.repetitions < most)
            notes.append(
                f"{one.tracker}: {least} to {most} repetitions; {fewer} of {len(one.names)} "
                f"sequences have fewer than {most}"
            )
        if one.ignored.any():
            notes.append(
                f"{one.tracker}: {one.profile} takes the first repetition alone of "
                f"{np.count_nonzero(one.ignored)} sequences, which have more, but not 15"
            )
    return tuple(notes)


def vot_sequence_table(scores: Sequence[VotScores]) -> Table:
    """A row per sequence: its length, and accuracy and failures of each tracker."""
    frames = {
        name: int(length)
        for one in scores
        for name, length in zip(one.names, one.frames, strict=True)
    }
    accuracy = [dict(zip(one.names, one.sequence_accuracy, strict=True)) for one in scores]
    failures = [dict(zip(one.names, one.sequence_failures, strict=True)) for one in scores]
    rows = tuple(
        (
            name_cell(name),
            count_cell(frames[name]),
            *mark_best([number_cell(own.get(name, NAN), 3) for own in accuracy]),
            *mark_best([number_cell(own.get(name, NAN), 2) for own in failures], greater=False),
        )
        for name in in_order([one.names for one in scores])
    )
    together = (
        name_cell("all"),
        count_cell(sum(frames.values())),
        *mark_best([number_cell(one.accuracy, 3) for one in scores]),
        *mark_best([number_cell(one.failures, 2) for one in scores], greater=False),
    )
    return Table(
        f"Sequences of {scores[0].benchmark}, {scores[0].experiment}",
        (
            "sequence",
            "frames",
            *(f"{one.tracker}\nA" for one in scores),
            *(f"{one.tracker}\nfailures" for one in scores),
        ),
        rows,
        (together,),
        problem_notes(scores),
    )


def vot_tag_table(scores: Sequence[VotScores]) -> Table:
    """A row per tag: accuracy, failures and expected overlap of each tracker on its frames."""
    nothing = (NAN, NAN, NAN)
    rows = []
    for tag in in_order([tuple(one.tags) for one in scores]):
        values = [one.tags.get(tag, nothing) for one in scores]
        rows.append(
            (
                name_cell(tag),
                *mark_best([number_cell(accuracy, 3) for accuracy, _, _ in values]),
                *mark_best([number_cell(failures, 1) for _, failures, _ in values], greater=False),
                *mark_best([number_cell(expected, 3) for _, _, expected in values]),
            )
        )
    labels = ("A", "failures", "EAO")
    return Table(
        f"Tags of {scores[0].benchmark}, {scores[0].experiment}",
        ("tag", *(f"{one.tracker}\n{label}" for label in labels for one in scores)),
        tuple(rows),
    )


_COUNTED = ("sequences", "frames", "repetitions", "invalid", "unknown")


def _lengths(scores: Sequence[VotScores]) -> str:
    """The lengths that EAO is the mean over, as far as there are any."""
    low, high = scores[0].range
    longest = max(len(one.curve) for one in scores)
    if longest >= high or not longest:
        return f"{low}..{high} frames"
    if longest >= low:
        return f"{low}..{longest} frames (of {low}..{high})"
    return f"{low}..{high} frames, but the longest are {longest}"


def _counts(scores: VotScores) -> tuple[Cell, ...]:
    scored = len(scores.names)
    return (
        Cell(f"{scored} of {scored + len(scores.problems)}", scored),
        count_cell(int(scores.frames.sum())),
        _repetitions(scores),
        count_cell(int(scores.invalid.sum())),
        count_cell(int(scores.unknown.sum())),
    )


def _repetitions(scores: VotScores) -> Cell:
    if not scores.names:
        return Cell(MISSING)
    least, most = int(scores.repetitions.min()), int(scores.repetitions.max())
    return Cell(str(most) if least == most else f"{least}..{most}", least)


def _best_of(measure: VotMeasure, scores: Sequence[VotScores]) -> tuple[Cell, ...]:
    cells = [number_cell(measure.overall(one), measure.digits) for one in scores]
    return mark_best(cells, measure.greater)


def _with_interval(cell: Cell, interval: tuple[float, float] | None, measure: VotMeasure) -> Cell:
    if interval is None or cell.text == MISSING or np.isnan(interval).any():
        return cell
    low, high = (f"{end:.{measure.digits}f}" for end in interval)
    return cell._replace(text=f"{cell.text} [{low}, {high}]")


def _published_row(row: Published) -> tuple[Cell, ...]:
    values = [(getattr(row, measure.key), measure.digits) for measure in VOT_MEASURES]
    cells = [number_cell(NAN if value is None else value, digits) for value, digits in values]
    return (name_cell(f"{row.tracker} (published)"), *cells, *[Cell(MISSING)] * len(_COUNTED))
