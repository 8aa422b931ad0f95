"""Plots of VOT challenges: accuracy and robustness, the expected overlap and its ranking."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from siamfc_jax.evaluation.presentation.figures import (
    GREY,
    INK,
    add_legend,
    draw_reference,
    label_beside,
    new_axes,
    new_figure,
    plain,
    room_beside,
    short,
    styles,
)
from siamfc_jax.evaluation.presentation.published import Published
from siamfc_jax.evaluation.scores import VotScores

SENSITIVITY = 30
"""S of the AR plot: reliability is the chance not to fail in so many frames."""


def plots_of(scores: Sequence[VotScores], references: Sequence[Published]) -> dict[str, Figure]:
    """By name, each plot that has something of these scores to show."""
    figures = {}
    if any(np.isfinite(one.expected_overlap) for one in scores):
        figures["EAO ranking"] = eao_ranking_plot(scores, references)
    if any(one.names for one in scores):
        figures["EAO curve"] = eao_curve_plot(scores, references)
    if any(np.isfinite(one.accuracy) for one in scores):
        figures["AR"] = ar_plot(scores, references)
    return figures


def ar_plot(scores: Sequence[VotScores], references: Sequence[Published] = ()) -> Figure:
    """Accuracy over reliability exp(-S F / n); better trackers lie up and to the right.

    References appear, hollow and grey, where both of their numbers were published.
    """
    known = [
        (row, reliability, row.accuracy)
        for row in references
        if (reliability := published_reliability(row, scores[0])) is not None
        and row.accuracy is not None
    ]
    figure = new_figure(6.2 + room_beside(len(scores) + len(known)), 4.8)
    title = f"AR plot of {_titled(scores)}"
    label = rf"Reliability $e^{{-S\,F/n}}$, S = {SENSITIVITY}"
    axes = new_axes(figure, title, label, "Accuracy")
    for one, style in zip(scores, styles(len(scores)), strict=True):
        if not one.names:
            continue
        axes.plot(
            one.reliability,
            one.accuracy,
            linestyle="none",
            marker=style.marker,
            markersize=9,
            color=style.colour,
            label=_entry(one.tracker, one.accuracy, one.reliability),
        )
    for place, (row, reliability, accuracy) in enumerate(known):
        axes.plot(
            reliability,
            accuracy,
            linestyle="none",
            marker=styles(len(known))[place].marker,
            markersize=6,
            color=GREY,
            markerfacecolor="none",
            label=f"{plain(row.tracker)} (published)",
        )
    points = [(one.reliability, one.accuracy) for one in scores]
    points += [(reliability, accuracy) for _, reliability, accuracy in known]
    across, up = (np.asarray(values) for values in zip(*points, strict=True))
    axes.set_xlim(*_roomy(across))
    axes.set_ylim(*_roomy(up))
    add_legend(axes, "best")
    return figure


def eao_curve_plot(scores: Sequence[VotScores], references: Sequence[Published] = ()) -> Figure:
    """The expected overlap over the length of a sequence; the range of EAO is shaded, and the mean
    over it stands in the legend. A reference is a grey line across the range."""
    known = [(row, row.eao) for row in references if row.eao is not None]
    figure = new_figure(5.8 + (1.4 if known else room_beside(len(scores))), 4.3)
    axes = new_axes(
        figure,
        f"Expected overlap curves of {_titled(scores)}",
        "Sequence length (frames)",
        "Expected overlap",
    )
    low, high = scores[0].range
    axes.axvspan(low, high, color=GREY, alpha=0.15, linewidth=0, zorder=0)
    ranked = sorted(range(len(scores)), key=lambda i: -np.nan_to_num(scores[i].expected_overlap))
    for i in ranked:
        if not scores[i].names:
            continue
        style = styles(len(scores))[i]
        axes.plot(
            np.arange(1, len(scores[i].curve) + 1),
            scores[i].curve,
            color=style.colour,
            linestyle=style.dash,
            linewidth=1.8 if len(scores) <= 10 else 1.3,
            label=_entry(scores[i].tracker, scores[i].expected_overlap),
        )
    # Beyond the range few sequences are left, and the curves say little.
    axes.set_xlim(1, max(2, min(max(len(one.curve) for one in scores), round(1.5 * high))))
    axes.set_ylim(0, 1)
    for _, value in known:
        draw_reference(axes, low, value)
    label_beside(axes, [(value, f"{row.tracker} {value:.3f}") for row, value in known])
    add_legend(axes, "upper right", beside=not known)
    return figure


def eao_ranking_plot(scores: Sequence[VotScores], references: Sequence[Published] = ()) -> Figure:
    """EAO of all trackers in their order, the best on the right; published ones hollow and grey."""
    rows = [
        (one.expected_overlap, plain(short(one.tracker)), style.colour, style.marker, style.colour)
        for one, style in zip(scores, styles(len(scores)), strict=True)
    ]
    rows += [
        (row.eao, plain(short(row.tracker)), GREY, "o", "none")
        for row in references
        if row.eao is not None
    ]
    rows = sorted((row for row in rows if np.isfinite(row[0])), key=lambda row: row[0])
    figure = new_figure(max(5.6, 1.6 + 0.34 * len(rows)), 4.8)
    axes = new_axes(figure, f"EAO ranking of {_titled(scores)}", "", "Expected average overlap")
    for place, (value, name, colour, marker, face) in enumerate(rows):
        axes.plot(
            place,
            value,
            linestyle="none",
            marker=marker,
            markersize=8,
            color=colour,
            markerfacecolor=face,
            label=name,
        )
        axes.annotate(
            f"{value:.3f}",
            (place, value),
            (0, 8),
            textcoords="offset points",
            fontsize=7,
            color=INK,
            ha="center",
        )
    axes.set_xticks(range(len(rows)), [row[1] for row in rows], rotation=45, ha="right", fontsize=8)
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.set_ylim(0, 1.18 * max([row[0] for row in rows] + [0.01]))
    hollow = "; hollow: published" if references else ""
    axes.set_xlabel(f"the best on the right{hollow}", fontsize=8)
    return figure


def published_reliability(row: Published, scores: VotScores) -> float | None:
    """exp(-S F / n) of a published row; the challenge's number of frames is that of `scores`."""
    if row.robustness is not None:
        return float(np.exp(-SENSITIVITY * row.robustness / 100))
    if row.failures is not None and not scores.problems:
        return float(np.exp(-SENSITIVITY * row.failures / scores.frames.sum()))
    return None


def _entry(tracker: str, *values: float) -> str:
    shown = ", ".join("-" if np.isnan(value) else f"{value:.3f}" for value in values)
    return plain(f"{short(tracker)} [{shown}]")


def _titled(scores: Sequence[VotScores]) -> str:
    return f"{scores[0].benchmark} - {scores[0].experiment}"


def _roomy(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = max(0.15 * (high - low), 0.03)
    return max(0.0, low - room), min(1.0, high + room)
