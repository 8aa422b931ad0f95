"""Scores as tables in the terminal, as plots, and as a report."""

import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import siamfc_jax
from experiments.evaluation.options import Options
from siamfc_jax.evaluation.presentation.measures import Interval, curve_measures
from siamfc_jax.evaluation.presentation.paired import Pairing, paired_table
from siamfc_jax.evaluation.presentation.pictures import Picture
from siamfc_jax.evaluation.presentation.published import Published, published_on
from siamfc_jax.evaluation.presentation.table import as_text
from siamfc_jax.evaluation.presentation.tables import (
    attribute_table,
    overall_table,
    sequence_table,
)
from siamfc_jax.evaluation.presentation.vot_tables import (
    vot_overall_table,
    vot_sequence_table,
    vot_tag_table,
)
from siamfc_jax.evaluation.scores import CurveScores, VotScores
from siamfc_jax.evaluation.statistics import mean_interval, paired_comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scores = CurveScores | VotScores


class Shown(NamedTuple):
    """Scores and what else is shown of a tracker.

    Attributes:
      pictures: frames of its worst cases, drawn when a report asks for them.
      intervals: measure's key -> its confidence interval.
      is_baseline: of what nobody compares with.
    """

    scores: Scores
    pictures: Callable[[], Iterator[Picture]]
    intervals: Mapping[str, Interval]
    is_baseline: bool = False


def curve_intervals(scores: CurveScores) -> dict[str, Interval]:
    """Bootstrap intervals of all measures, over sequences."""
    if not scores.names:
        return {}
    return {
        measure.key: mean_interval(measure.per_sequence(scores), scores.weights)
        for measure in curve_measures([scores])
    }


def show(
    shown: list[Shown], options: Options, settings: Mapping[str, str], missing: tuple[str, ...] = ()
) -> None:
    """Print tables; write plots and report where the options ask for them.

    Args:
      settings: what a reader must know, for the report: the profile's definition, ...
      missing: what the benchmark on disk lacks, a line each.
    """
    pairs = list(_pairs(shown))
    unknown: list[str] = []
    for group in _groups(shown):
        references = _references(group[0].scores, options.published)
        for text in _tables(group, references):
            print(text, end="\n\n")
        if options.plots:
            _draw(group, references, options.plots)
        if options.published and not references:
            unknown.append(f"{group[0].scores.benchmark}, {_protocol(group[0].scores)}")
    if unknown:
        print(f"no scores published of {', '.join(options.published)} on: {'; '.join(unknown)}")
    if pairs:
        print(as_text(paired_table(pairs)))
    if options.plots:
        print(f"plots: {options.plots}")
    if options.report:
        from siamfc_jax.evaluation.presentation.report import write_report

        report = write_report(
            options.report,
            [one.scores for one in shown],
            title=f"{shown[0].scores.tracker} on {shown[0].scores.benchmark}",
            settings={**settings, **_circumstances()},
            missing=missing,
            intervals=[one.intervals for one in shown],
            references=[
                row
                for group in _groups(shown)
                for row in _references(group[0].scores, options.published)
            ],
            paired=pairs,
            pictures=chain.from_iterable(one.pictures() for one in shown if not one.is_baseline),
        )
        print(f"report: {report}")


def _groups(shown: list[Shown]) -> list[list[Shown]]:
    """Those of one protocol together."""
    groups: dict[str, list[Shown]] = {}
    for one in shown:
        groups.setdefault(_protocol(one.scores), []).append(one)
    return list(groups.values())


def _protocol(scores: Scores) -> str:
    return scores.protocol if isinstance(scores, CurveScores) else scores.experiment


def _references(scores: Scores, names: tuple[str, ...]) -> tuple[Published, ...]:
    known = published_on(scores.benchmark, _protocol(scores))
    wanted = {name.lower() for name in names}
    return tuple(row for row in known if "all" in wanted or row.tracker.lower() in wanted)


def _tables(group: list[Shown], references: Iterable[Published]) -> Iterator[str]:
    intervals = [one.intervals for one in group]
    rows = tuple(references)
    curves = [one.scores for one in group if isinstance(one.scores, CurveScores)]
    challenge = [one.scores for one in group if isinstance(one.scores, VotScores)]
    if curves:
        yield as_text(sequence_table(curves)._replace(notes=()))
        if any(chain.from_iterable(one.attributes for one in curves)):
            yield as_text(attribute_table(curves))
        yield as_text(overall_table(curves, intervals, rows))
    if challenge:
        yield as_text(vot_sequence_table(challenge)._replace(notes=()))
        if any(one.tags for one in challenge):
            yield as_text(vot_tag_table(challenge))
        yield as_text(vot_overall_table(challenge, intervals, rows))


def _pairs(shown: list[Shown]) -> Iterator[Pairing]:
    """The first tracker of each protocol with each of the others, on what both have scores for."""
    for group in _groups(shown):
        curves = [
            one.scores
            for one in group
            if isinstance(one.scores, CurveScores) and not one.is_baseline and one.scores.names
        ]
        for other in curves[1:]:
            first = curves[0]
            common = [name for name in first.names if name in other.names]
            if not common:
                continue
            a, b = (s.select([s.names.index(name) for name in common]) for s in (first, other))
            measure = curve_measures([a, b])[0]
            comparison = paired_comparison(
                measure.per_sequence(a), measure.per_sequence(b), a.weights
            )
            where = f"{first.benchmark}, {first.protocol}"
            yield Pairing(first.tracker, other.tracker, where, measure.label, comparison)


def _draw(group: list[Shown], references: tuple[Published, ...], folder: Path) -> None:
    from siamfc_jax.evaluation.presentation.figures import save

    for name, figure in _figures(group, references):
        first = group[0].scores
        stem = f"{first.benchmark}_{_protocol(first)}_{name}".replace(" ", "_").lower()
        for suffix in ("png", "svg"):
            save(figure, folder / f"{stem}.{suffix}")


def _figures(
    group: list[Shown], references: tuple[Published, ...]
) -> "Iterator[tuple[str, Figure]]":
    from siamfc_jax.evaluation.presentation import plots, vot_plots

    curves = [one.scores for one in group if isinstance(one.scores, CurveScores)]
    challenge = [one.scores for one in group if isinstance(one.scores, VotScores)]
    if curves:
        for kind in plots.kinds_of(curves):
            yield kind.measure.key, plots.curve_plot(curves, kind, references)
            by_attribute = plots.attribute_plots(curves, kind)
            if by_attribute is not None:
                yield f"{kind.measure.key}_attributes", by_attribute
    yield from vot_plots.plots_of(challenge, references).items()


def _circumstances() -> dict[str, str]:
    return {
        "command": " ".join(["python -m", *sys.orig_argv[2:]]),
        "versions": f"siamfc_jax {siamfc_jax.__version__}, "
        f"numpy {np.__version__}, Python {platform.python_version()}",
    }
