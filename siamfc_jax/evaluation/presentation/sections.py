"""The parts of a report that scores of one benchmark, protocol and profile make."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from siamfc_jax.evaluation.presentation import plots, vot_plots
from siamfc_jax.evaluation.presentation.figures import inline_svg
from siamfc_jax.evaluation.presentation.measures import Intervals, attributes_of
from siamfc_jax.evaluation.presentation.published import Published
from siamfc_jax.evaluation.presentation.table import Table
from siamfc_jax.evaluation.presentation.tables import (
    attribute_table,
    overall_table,
    sequence_table,
    source_notes,
)
from siamfc_jax.evaluation.presentation.vot_tables import (
    repetition_notes,
    vot_overall_table,
    vot_sequence_table,
    vot_tag_table,
)
from siamfc_jax.evaluation.scores import CurveScores, VotScores


class Plot(NamedTuple):
    """An <svg> element, and its width in CSS pixels where its text has the size of small print."""

    svg: str
    width: int


class Section(NamedTuple):
    """What stands under one heading.

    Attributes:
      key: makes ids of the page's elements unique.
      title: e.g. "OTB-100, OPE (otb-matlab)".
      overall, sequences, attributes: tables; `attributes` is None where there are none. What could
        not be scored stands once, at the head of the report, not beneath each table.
      attribute_plots: attribute -> its plots.
    """

    key: str
    title: str
    overall: Table
    plots: tuple[Plot, ...]
    attributes: Table | None
    attribute_plots: dict[str, tuple[Plot, ...]]
    sequences: Table


def curve_section(
    key: str,
    scores: Sequence[CurveScores],
    intervals: Intervals,
    references: Sequence[Published],
) -> Section:
    """Tables and plots of success and precision; all scores of one benchmark and protocol."""
    kinds = plots.kinds_of(scores)
    drawn = tuple(
        _plot(
            plots.curve_plot(scores, kind, references),
            f"{key}-{place}",
            f"{kind.title}. {_ranking(scores, kind)}",
        )
        for place, kind in enumerate(kinds)
    )
    codes = attributes_of(scores)
    by_attribute = {
        code: tuple(
            _plot(
                plots.attribute_plot(scores, code, kind),
                f"{key}-{number}-{place}",
                f"{kind.title} on the sequences with attribute {code}; the table has the numbers",
            )
            for place, kind in enumerate(kinds)
        )
        for number, code in enumerate(codes)
    }
    return Section(
        key,
        f"{scores[0].benchmark}, {scores[0].protocol} ({scores[0].profile})",
        overall_table(scores, intervals, references)._replace(notes=source_notes(references)),
        drawn,
        attribute_table(scores) if codes else None,
        by_attribute,
        sequence_table(scores)._replace(notes=()),
    )


def vot_section(
    key: str,
    scores: Sequence[VotScores],
    intervals: Intervals,
    references: Sequence[Published],
) -> Section:
    """Tables and plots of a VOT challenge; all scores of one benchmark and experiment."""
    ranking = "; ".join(f"{one.tracker}: EAO {one.expected_overlap:.3f}" for one in scores)
    drawn = tuple(
        _plot(figure, f"{key}-{place}", f"{title} plot. {ranking}")
        for place, (title, figure) in enumerate(vot_plots.plots_of(scores, references).items())
    )
    return Section(
        key,
        f"{scores[0].benchmark}, {scores[0].experiment} ({scores[0].profile})",
        vot_overall_table(scores, intervals, references)._replace(
            notes=(*repetition_notes(scores), *source_notes(references))
        ),
        drawn,
        vot_tag_table(scores) if any(one.tags for one in scores) else None,
        {},
        vot_sequence_table(scores)._replace(notes=()),
    )


def _plot(figure: Figure, name: str, description: str) -> Plot:
    return Plot(inline_svg(figure, name, description), round(72 * figure.get_figwidth()))


def _ranking(scores: Sequence[CurveScores], kind: plots.CurveKind) -> str:
    return "; ".join(
        f"{one.tracker}: {kind.measure.label} {kind.measure.overall(one):.3f}" for one in scores
    )
