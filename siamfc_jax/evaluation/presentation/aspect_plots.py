"""Aspect ratios over frames: the truth, and beside it what trackers say."""

from collections.abc import Sequence as ListOf

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from siamfc_jax.evaluation.metrics.aspect import AspectTrace, TrackerAspects, truth_trace
from siamfc_jax.evaluation.metrics.rectangles import Floats
from siamfc_jax.evaluation.presentation.figures import (
    GREY,
    INK,
    Style,
    dress,
    new_figure,
    plain,
    short,
    styles,
)
from siamfc_jax.evaluation.sequences import Sequence

COLUMNS = 2


def aspect_plot(
    sequences: ListOf[Sequence], trackers: ListOf[TrackerAspects], *, most: int = 6
) -> Figure:
    """A small plot for each of the sequences whose true ratio changes most, the most first.

    Frames in which a tracker is lost leave a gap in its line. Of several runs the first is drawn.

    Args:
      sequences: at least one.
      most: as many plots at most.
    """
    truths = {sequence.name: truth_trace(sequence) for sequence in sequences}
    changing = sorted(sequences, key=lambda one: -_deviation(truths[one.name]))[:most]
    columns = min(COLUMNS, len(changing))
    rows = -(-len(changing) // columns)
    figure = new_figure(5.4 * columns, 2.6 * rows + 0.4)
    for place, sequence in enumerate(changing):
        axes = figure.add_subplot(rows, columns, place + 1)
        dress(axes, plain(sequence.name), "frame", "log2(w/h), first: 0")
        axes.axhline(0, color=GREY, linewidth=0.7, label="_first")
        count = len(sequence.truth)
        truth = _line(truths[sequence.name].truth, truths[sequence.name], count)
        axes.plot(np.arange(count) + 1, truth, color=INK, linewidth=2.2, label="truth")
        for tracker, style in zip(trackers, styles(len(trackers)), strict=True):
            _draw(axes, tracker, sequence.name, count, style)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    with mpl.rc_context({"legend.frameon": False}):
        figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=8)
    return figure


def _draw(axes: Axes, tracker: TrackerAspects, name: str, count: int, style: Style) -> None:
    label = plain(short(tracker.tracker))
    traces = tracker.traces.get(name) or (_NOTHING,)
    line = _line(traces[0].result, traces[0], count)
    axes.plot(
        np.arange(count) + 1,
        line,
        color=style.colour,
        linestyle=style.dash,
        linewidth=1.3,
        label=label,
    )


_NOTHING = AspectTrace(np.empty(0, np.intp), np.empty(0), np.empty(0), 0)


def _line(values: Floats, trace: AspectTrace, count: int) -> Floats:
    """[count], with NaN where there is no value; the first frame's ratio is the given one."""
    line = np.full(count, np.nan)
    line[0] = 0
    line[trace.rows] = values
    return line


def _deviation(truth: AspectTrace) -> float:
    return float(truth.truth.std()) if len(truth.truth) else -1.0
