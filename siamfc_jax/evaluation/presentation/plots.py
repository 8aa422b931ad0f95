"""Success and precision plots as the OTB papers draw them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from siamfc_jax.evaluation.presentation.figures import (
    Place,
    Style,
    add_legend,
    draw_reference,
    dress,
    label_beside,
    new_axes,
    new_figure,
    plain,
    room_beside,
    short,
    styles,
)
from siamfc_jax.evaluation.presentation.measures import (
    AUC,
    AVERAGE_OVERLAP,
    NORMALISED,
    PRECISION,
    CurveMeasure,
    attributes_of,
    with_attribute,
)
from siamfc_jax.evaluation.presentation.published import Published
from siamfc_jax.evaluation.scores import CurveScores


class CurveKind(NamedTuple):
    """One kind of curve: what is drawn over what, and by which measure trackers are ranked."""

    title: str
    x_label: str
    y_label: str
    legend_place: Place
    measure: CurveMeasure
    thresholds: Callable[[CurveScores], NDArray[np.float64]]
    curves: Callable[[CurveScores], NDArray[np.float64] | None]
    measured_at: float | None
    """The threshold at which the measure is read; None: it is the mean of the curve."""


SUCCESS = CurveKind(
    "Success plots",
    "Overlap threshold",
    "Success rate",
    "lower left",
    AUC,
    lambda scores: scores.success_thresholds,
    lambda scores: scores.success,
    None,
)
# GOT-10k ranks by AO where OTB and LaSOT rank by AUC; the curve is the same.
SUCCESS_BY_AO = SUCCESS._replace(measure=AVERAGE_OVERLAP)
PRECISION_PLOT = CurveKind(
    "Precision plots",
    "Location error threshold (pixels)",
    "Precision",
    "lower right",
    PRECISION,
    lambda scores: np.arange(51.0),
    lambda scores: scores.precision,
    20.0,
)
NORMALISED_PLOT = CurveKind(
    "Normalised precision plots",
    "Location error threshold (share of the target's size)",
    "Precision",
    "lower right",
    NORMALISED,
    lambda scores: np.linspace(0, 0.5, 51),
    lambda scores: scores.normalised_precision,
    0.2,
)


def kinds_of(scores: Sequence[CurveScores]) -> tuple[CurveKind, ...]:
    """The kinds of curves that these scores define, success first; none where nothing is scored."""
    if not any(one.names for one in scores):
        return ()
    success = SUCCESS_BY_AO if all(one.precision is None for one in scores) else SUCCESS
    others = (PRECISION_PLOT, NORMALISED_PLOT)
    return (success, *(k for k in others if any(k.curves(one) is not None for one in scores)))


def curve_plot(
    scores: Sequence[CurveScores],
    kind: CurveKind = SUCCESS,
    references: Sequence[Published] = (),
) -> Figure:
    """A curve per tracker, ranked in the legend: "SiamFC-3s [0.582]".

    Args:
      scores: of one benchmark and protocol. A tracker's place here gives its colour and dashes.
      references: published trackers. Their curves are unknown: a thin grey line lies at the height
        of the published measure, from where that measure is read (AUC is the mean height of a
        curve, so its line goes all the way).
    """
    known = _known(references, kind)
    figure = new_figure(5.8 + (1.2 if known else room_beside(len(scores))), 4.3)
    axes = new_axes(figure, _title(scores, kind), kind.x_label, kind.y_label)
    _draw(axes, scores, kind, styles(len(scores)))
    for _, value in known:
        draw_reference(axes, kind.measured_at or 0.0, value)
    label_beside(axes, [(value, f"{row.tracker} {value:.3f}") for row, value in known])
    add_legend(axes, kind.legend_place, beside=not known)
    return figure


def attribute_plots(
    scores: Sequence[CurveScores], kind: CurveKind = SUCCESS, columns: int = 3
) -> Figure | None:
    """A small plot for each attribute, in a grid; None where no sequence has an attribute."""
    codes = attributes_of(scores)
    if not codes:
        return None
    rows = -(-len(codes) // columns)
    figure = new_figure((4.2 + room_beside(len(scores))) * columns, 3.4 * rows)
    for place, code in enumerate(codes):
        axes = figure.add_subplot(rows, columns, place + 1)
        parts = [with_attribute(one, code) for one in scores]
        dress(axes, _attribute_title(parts, code), kind.x_label, kind.y_label)
        _draw(axes, parts, kind, styles(len(scores)))
        add_legend(axes, kind.legend_place)
    return figure


def attribute_plot(scores: Sequence[CurveScores], code: str, kind: CurveKind = SUCCESS) -> Figure:
    """The plot of one attribute."""
    parts = [with_attribute(one, code) for one in scores]
    figure = new_figure(5.8 + room_beside(len(scores)), 4.3)
    title = f"{kind.title}: {_attribute_title(parts, code)}"
    axes = new_axes(figure, title, kind.x_label, kind.y_label)
    _draw(axes, parts, kind, styles(len(scores)))
    add_legend(axes, kind.legend_place)
    return figure


def _draw(
    axes: Axes, scores: Sequence[CurveScores], kind: CurveKind, style_of: Sequence[Style]
) -> None:
    ranked = sorted(
        range(len(scores)), key=lambda i: -np.nan_to_num(kind.measure.overall(scores[i]), nan=-1)
    )
    for rank, i in enumerate(ranked):
        curves = kind.curves(scores[i])
        if curves is None or not len(curves):
            continue
        axes.plot(
            kind.thresholds(scores[i]),
            scores[i].mean(curves),
            color=style_of[i].colour,
            linestyle=style_of[i].dash,
            linewidth=1.8 if len(scores) <= 10 else 1.3,
            zorder=3 - rank / len(ranked),
            label=_entry(scores[i].tracker, kind.measure.overall(scores[i])),
        )
    ends = kind.thresholds(scores[0])
    axes.set_xlim(ends[0], ends[-1])
    axes.set_ylim(0, 1)


def _entry(tracker: str, value: float) -> str:
    return plain(f"{short(tracker)} [{value:.3f}]")


def _known(references: Sequence[Published], kind: CurveKind) -> list[tuple[Published, float]]:
    values = [(row, getattr(row, kind.measure.key)) for row in references]
    return [(row, value) for row, value in values if value is not None]


def _title(scores: Sequence[CurveScores], kind: CurveKind) -> str:
    return f"{kind.title} of {scores[0].protocol} - {scores[0].benchmark}"


def _attribute_title(parts: Sequence[CurveScores], code: str) -> str:
    return f"{code} ({max(len(part.names) for part in parts)})"
