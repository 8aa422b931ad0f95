"""The outcome of a study printed, and written as text, CSV, JSON, PNG and SVG."""

import csv
import io
from collections.abc import Iterator

from experiments.run_record import write_json
from experiments.studies.figure import study_figure
from experiments.studies.running import Outcome, StudyPlan
from experiments.studies.table import numbers, study_table
from siamfc_jax.durable import write_whole
from siamfc_jax.evaluation.presentation.figures import save
from siamfc_jax.evaluation.presentation.table import as_text


def present(plan: StudyPlan, outcome: Outcome) -> None:
    """Print the table and write it and the figure into `plan.out`; raises StorageError."""
    study, measured = plan.study, outcome.measured
    conditions = _conditions(plan)
    lacking = [f"without a score: {problem}" for problem in outcome.problems]
    notes = (*_data(plan, outcome), *_stills(outcome), *lacking)
    table = study_table(study, measured, conditions, notes)
    text = as_text(table)
    print(f"\n{text}")
    rows = list(numbers(study, measured))
    content = {"title": table.caption, "notes": table.notes, "numbers": rows}
    write_whole(plan.out / f"{study.name}.txt", text.encode())
    write_whole(plan.out / f"{study.name}.csv", _csv(rows).encode())
    write_json(plan.out / f"{study.name}.json", content)
    figure = study_figure(study, measured, conditions, table.notes)
    for suffix in ("png", "svg"):
        print(f"wrote {save(figure, plan.out / f'{study.name}.{suffix}')}")


def _conditions(plan: StudyPlan) -> str:
    """Of what is measured here."""
    if plan.model:
        return f"{plan.model}, trained elsewhere"
    seeds = f"{len(plan.seeds)} seed{'s' if len(plan.seeds) > 1 else ''}"
    return f"{seeds}, {plan.settings.steps:,} steps of {plan.network_name}"


def _data(plan: StudyPlan, outcome: Outcome) -> Iterator[str]:
    """What is trained on, in one line; the table has it where that is what is varied."""
    if plan.model or plan.study.sized:
        return
    counts = {
        one.variant.series: f"{one.videos:,} videos with {one.boxes:,} boxes"
        for one in outcome.measured
    }
    texts = [f"{series}: {count}" if series else count for series, count in counts.items()]
    batch = f"{plan.settings.batch} pairs a step"
    yield f"Trained on {'; '.join(texts)} (a still counts as a video), {batch}."


def _stills(outcome: Outcome) -> Iterator[str]:
    """The score of no motion at all, below which nothing tracks."""
    for measure, value in outcome.still.items():
        if measure.drawn:
            yield f"A box that never moves: {measure.label} {value:.{measure.digits}f} on " + (
                f"{measure.benchmark}."
            )


def _csv(rows: list[dict[str, object]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
