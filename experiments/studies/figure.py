"""The paper's figure from what was measured, and beside it, on axes of its own, what it printed."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.studies.table import mean_and_deviation, measures_of
from experiments.studies.variants import Measured, Study
from siamfc_jax.evaluation.presentation.figures import (
    GREY,
    INK,
    add_legend,
    dress,
    new_figure,
    plain,
    styles,
)

Point = tuple[float, float, float]
"""x, mean and deviation."""


class Panel(NamedTuple):
    """Lines on axes of their own, by the series' names."""

    title: str
    y_label: str
    lines: Mapping[str, Sequence[Point]]


def study_figure(
    study: Study, measured: Sequence[Measured], conditions: str, notes: Sequence[str] = ()
) -> Figure:
    """A panel for every benchmark that was measured on, then one for every published one.

    Args:
      conditions, notes: as of the table.
    """
    panels = [*_measured_panels(study, measured, conditions), *_published_panels(study)]
    width = max(4.4 * len(panels), 6.0)
    lines = [line for note in notes for line in textwrap.wrap(note, int(width * 19))]
    figure = new_figure(width, 4.0 + 0.14 * len(lines))
    figure.suptitle(study.title, fontsize=12, fontweight="bold", color=INK)
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), place)
        dress(axes, panel.title, study.x_label, panel.y_label)
        _draw(axes, panel, study)
    figure.supxlabel("\n".join(lines), fontsize=7, color=GREY, x=0.01, ha="left")
    return figure


def _measured_panels(study: Study, measured: Sequence[Measured], conditions: str) -> list[Panel]:
    panels = []
    for measure in measures_of(measured):
        if not measure.drawn:
            continue
        lines: dict[str, list[Point]] = {series: [] for series in study.series}
        for one in measured:
            values = one.values.get(measure, ())
            if values:
                point = (one.variant.x, *mean_and_deviation(values))
                lines[one.variant.series].append(point)
        panels.append(Panel(f"here: {measure.benchmark}\n{conditions}", measure.label, lines))
    return panels


def _published_panels(study: Study) -> list[Panel]:
    panels: dict[tuple[str, str], dict[str, list[Point]]] = {}
    for column in study.published:
        if column.drawn:
            lines = panels.setdefault((column.benchmark, column.measure), {})
            lines[column.series] = [(x, value, 0.0) for x, value in sorted(column.values.items())]
    return [
        Panel(f"paper: {benchmark}\n{study.source}", measure, lines)
        for (benchmark, measure), lines in panels.items()
    ]


def _draw(axes: Axes, panel: Panel, study: Study) -> None:
    for (series, points), style in zip(panel.lines.items(), styles(len(panel.lines)), strict=True):
        xs, means, deviations = zip(*points, strict=True) if points else ((), (), ())
        axes.errorbar(
            xs,
            means,
            yerr=deviations if any(deviations) else None,
            color=style.colour,
            linestyle=style.dash,
            marker=style.marker,
            markersize=5,
            linewidth=1.6,
            capsize=3,
            label=plain(series) if series else "_only",
        )
    if study.logarithmic:
        axes.set_xscale("log")
        axes.minorticks_off()
    shown = sorted({x for points in panel.lines.values() for x, _, _ in points})
    axes.set_xticks(shown, [study.labels[x] for x in shown])
    axes.set_xmargin(0.3 if len(shown) < 3 else 0.08)
    _keep_small_differences_small(axes)
    add_legend(axes, "best")


def _keep_small_differences_small(axes: Axes) -> None:
    """The axis of y spans at least a quarter of its highest value."""
    low, high = axes.get_ylim()
    missing = max(0.25 * high - (high - low), 0.0)
    axes.set_ylim(low - missing / 2, high + missing / 2)
