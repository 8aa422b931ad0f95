"""What all plots share: colours and dashes of trackers, an empty figure, and its file.

Figures are made without pyplot, which keeps global state and may ask for a screen.
"""

import html
import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from siamfc_jax.durable import write_whole

Place = Literal["upper right", "lower left", "lower right", "best"]
"""Where a legend may lie."""

INK = "#24292f"
GREY = "#6e7781"
GRID = "#6e778155"
_PAPER = "#ffffff"

# Okabe and Ito's palette, less black and yellow, and a seventh colour: told apart by people who
# see colours differently, and visible on white and on near black.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1")
_DASHES: tuple[Any, ...] = (
    "solid",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (6, 1.5, 1.2, 1.5)),
    (0, (2.5, 1.2)),
    (0, (8, 1.5, 1.2, 1.5, 1.2, 1.5)),
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p")

_TEXT: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "siamfc_jax",
}


class PlotError(ValueError):
    """A plot cannot be made; one line says why and what to do."""


class Style(NamedTuple):
    """How a tracker is drawn, in every plot the same."""

    colour: str
    dash: Any
    marker: str


def styles(count: int) -> list[Style]:
    """Styles that differ in colour, dash or both, for up to 42 trackers; then they repeat."""
    return [
        Style(
            _COLOURS[i % len(_COLOURS)],
            _DASHES[i // len(_COLOURS) % len(_DASHES)],
            _MARKERS[i % len(_MARKERS)],
        )
        for i in range(count)
    ]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that keeps room for all text around its axes."""
    with mpl.rc_context(_TEXT):
        return Figure((width, height), layout="constrained")


def new_axes(figure: Figure, title: str, x_label: str, y_label: str) -> Axes:
    """The only axes of a figure."""
    with mpl.rc_context(_TEXT):
        axes = figure.add_subplot()
        dress(axes, title, x_label, y_label)
    return axes


def dress(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Title, labels and a quiet grid."""
    axes.set_title(title, fontsize=10.5, fontweight="bold", color=INK)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def room_beside(entries: int) -> float:
    """Inches that a figure is wider for `add_legend(..., beside=True)`."""
    return 1.8 * _columns(entries) if entries > _INSIDE else 0.0


def add_legend(axes: Axes, place: Place, beside: bool = True) -> None:
    """A legend: inside the axes at `place`; a long one beside it if it may, else small."""
    handles, _ = axes.get_legend_handles_labels()
    if not handles:
        return
    long = len(handles) > _INSIDE
    with mpl.rc_context(_TEXT):
        if long and beside:
            axes.legend(
                loc="upper left",
                bbox_to_anchor=(1.01, 1.0),
                ncols=_columns(len(handles)),
                fontsize=7,
                frameon=False,
                handlelength=3,
                borderaxespad=0,
            )
        else:
            axes.legend(
                loc=place,
                ncols=1 + (len(handles) - 1) // 16,
                fontsize=6 if long else 8,
                framealpha=0.8,
                edgecolor="none",
                handlelength=2.6,
            )


_INSIDE = 10


def _columns(entries: int) -> int:
    return 1 + (entries - 1) // 24


def plain(name: str) -> str:
    """A name as a label: Matplotlib would read $ as mathematics, and leave out what begins with an
    underscore."""
    name = name.replace("$", r"\$")
    return f"\u200b{name}" if name.startswith("_") else name


def short(name: str, length: int = 30) -> str:
    """A long name without its middle, so that it leaves room for the axes."""
    return name if len(name) <= length else f"{name[: length - 12]}\u2026{name[-11:]}"


def label_beside(axes: Axes, entries: Sequence[tuple[float, str]], gap: float = 0.042) -> None:
    """Grey texts right of the axes, near their heights (in data), moved apart where they would
    overlap; a thin line joins each to its height."""
    low, high = axes.get_ylim()
    heights = [(value - low) / (high - low) for value, _ in entries]
    for (_, text), at, place in zip(entries, heights, spread(heights, gap), strict=True):
        axes.plot(
            [1, 1.025],
            [at, place],
            transform=axes.transAxes,
            color=GREY,
            linewidth=0.6,
            clip_on=False,
            label="_joint",
        )
        axes.text(
            1.03, place, plain(text), transform=axes.transAxes, fontsize=7, color=GREY, va="center"
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """The heights, moved as little as need be to lie `gap` apart inside [0, 1], in their order.

    Where so many do not fit, they lie evenly. Least squares under "each at least `gap` above the
    one below" is isotonic regression of the heights less rank * gap (pool adjacent violators).
    """
    gap = min(gap, 1 / max(len(heights) - 1, 1))
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    pools: list[tuple[float, int]] = []
    for rank, i in enumerate(order):
        total, count = heights[i] - rank * gap, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            below = pools.pop()
            total, count = total + below[0], count + below[1]
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    highest = 1 - gap * (len(heights) - 1)
    placed = [0.0] * len(heights)
    for rank, i in enumerate(order):
        placed[i] = min(max(levels[rank], 0.0), highest) + rank * gap
    return placed


def draw_reference(axes: Axes, start: float, height: float) -> None:
    """A thin dashed grey line from `start` (in data) to the right end of the axes."""
    axes.plot(
        [start, axes.get_xlim()[1]],
        [height, height],
        color=GREY,
        linewidth=0.7,
        linestyle=(0, (4, 3)),
        zorder=1,
        label="_reference",
    )


def save(figure: Figure, path: Path | str) -> Path:
    """Write a figure as PNG or SVG, by the suffix of `path`; returns the path.

    Raises:
      PlotError: another suffix.
      StorageError: the place cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".png", ".svg"):
        raise PlotError(f"{path}: plots are written as .png or .svg; change the suffix")
    write_whole(path, _rendered(figure, kind[1:], transparent=False))
    return path


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an <svg> element to stand in a page, in the page's colours: no background, its
    text, and the style sheet's --muted and --paper. Ids begin with `name`: figures in one page must
    not meet.

    `description` is for readers who do not see it.
    """
    text = _rendered(figure, "svg", transparent=True).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", text)
    text = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{name}-", text)
    label = html.escape(description)
    text = re.sub(
        r'<svg [^>]*(viewBox="[^"]*")[^>]*>',
        lambda opening: f'<svg {opening[1]} role="img" aria-label="{label}">',
        text,
        count=1,
    )
    for fixed, themed in ((INK, "currentColor"), (GREY, "var(--muted)"), (_PAPER, "var(--paper)")):
        text = text.replace(fixed, themed)
    return text


def _rendered(figure: Figure, kind: str, transparent: bool) -> bytes:
    stream = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type")) if kind == "svg" else None
    with mpl.rc_context(_TEXT), warnings.catch_warnings():
        # Names in any script: the reader's fonts show them in SVG, a box stands for them in PNG.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(stream, format=kind, dpi=200, transparent=transparent, metadata=nothing)
    return stream.getvalue()
