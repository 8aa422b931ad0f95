"""Polygons -> the pixels they cover, row by row, as the VOT toolkits fill them.

A toolkit intersects a polygon's edges with a row; the abscissae, cut to whole pixels and sorted,
are the row's nodes; pixels are filled between nodes. The three fillings differ in which edges count
and which nodes pair up; see `Filling`.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

Filling = Literal["trax", "legacy", "python"]
"""How a row is filled.

trax: corners are whole numbers; an edge counts from its first to its last row, a horizontal one
  never; both nodes of a pair are filled, of equal neighbours the first is skipped, so that a row
  with one single abscissa stays empty.
legacy: float32 throughout; an edge counts above its first row up to its last; nodes pair up in
  order, the right one is not filled.
python: as trax, but a horizontal edge gives a node, and a row with one abscissa is filled.

Source: rasterize_polygon in TraX's region.c (in both modes), vot-toolkit's vot/region/raster.py.
"""


class Span(NamedTuple):
    """Pixels `first` to `last`, inclusive, of each row: [F, H] each; none where last < first."""

    first: Floats
    last: Floats


def spans(
    polygons: Floats, rows: Floats, widths: Floats, filling: Filling, *, all_convex: bool
) -> list[Span]:
    """Pixels of polygons in rasters: spans that do not overlap.

    Args:
      polygons: corners [F, K, 2] (x, y) relative to each raster's first pixel.
      rows: [H] numbers of the rows.
      widths: [F] of the rasters in pixels.
      all_convex: every polygon is `convex`, which is faster.
    """
    if all_convex:
        fill = _between_sides if _upright(polygons) else _between_outermost
    else:
        fill = _between_pairs
    last = widths[:, None] - 1
    return [
        Span(np.maximum(found.first, 0), np.minimum(found.last, last))
        for found in fill(polygons, rows, filling)
    ]


def convex(polygons: Floats) -> NDArray[np.bool_]:
    """[F] whether a polygon [F, K, 2] is a quadrangle and strictly convex."""
    if polygons.shape[1] != 4:
        return np.zeros(len(polygons), np.bool_)
    edges = np.roll(polygons, -1, 1).astype(np.float64) - polygons
    after = np.roll(edges, -1, 1)
    turns = edges[..., 0] * after[..., 1] - edges[..., 1] * after[..., 0]
    return np.logical_or((turns > 0).all(1), (turns < 0).all(1))


def _upright(quadrangles: Floats) -> bool:
    """Whether all have two vertical edges first and last, as rectangles have: x0, x1, x1, x0."""
    x, y = quadrangles[..., 0], quadrangles[..., 1]
    return bool(np.all((x[:, :2] == x[:, :1:-1]) & (y[:, ::2] == y[:, 1::2])))


def _between_sides(polygons: Floats, rows: Floats, filling: Filling) -> list[Span]:
    """Upright rectangles: as `_between_outermost`, at half the cost; trackers say little else."""
    left, right = (extreme(polygons[..., 0], 1)[:, None] for extreme in (np.min, np.max))
    low, high = (extreme(polygons[..., 1], 1)[:, None] for extreme in (np.min, np.max))
    if filling == "legacy":
        covered, left, right = (low < rows) & (rows <= high), np.trunc(left), np.trunc(right) - 1
    else:
        covered = (low <= rows) & (rows <= high)
    return [Span(np.where(covered, left, np.inf), np.where(covered, right, -np.inf))]


def _between_outermost(polygons: Floats, rows: Floats, filling: Filling) -> list[Span]:
    """A convex polygon meets a row in at most two abscissae: however paired, these bound it."""
    shape = (len(polygons), len(rows))
    first = np.full(shape, np.inf, polygons.dtype)
    last = np.full(shape, -np.inf, polygons.dtype)
    for counts, node in _nodes(polygons, rows, filling):
        np.minimum(first, np.where(counts, node, np.inf), out=first)
        np.maximum(last, np.where(counts, node, -np.inf), out=last)
    if filling == "legacy":
        return [Span(first, last - 1)]
    if filling == "trax":
        last[first == last] = -np.inf
    return [Span(first, last)]


def _between_pairs(polygons: Floats, rows: Floats, filling: Filling) -> list[Span]:
    found = [np.where(counts, node, np.inf) for counts, node in _nodes(polygons, rows, filling)]
    nodes = np.sort(np.stack(found), axis=0)
    if filling == "legacy":
        return [Span(a, np.where(np.isinf(b), -np.inf, b - 1)) for a, b in _in_twos(nodes)]
    n_nodes = np.isfinite(nodes).sum(0)
    taken = np.zeros(nodes.shape[1:], np.bool_)
    end = np.full(nodes.shape[1:], -np.inf)
    pairs = []
    for place, (left, right) in enumerate(pairwise(nodes)):
        skipped = left == right
        if filling == "python":
            skipped &= place < n_nodes - 2
        filled = ~taken & (place < n_nodes - 1) & ~skipped
        # Two pairs may share a pixel; it belongs to the first.
        first = np.maximum(left, end + 1)
        pairs.append(Span(first, np.where(filled, right, -np.inf)))
        end = np.where(filled, right, end)
        taken = filled
    return pairs


def _in_twos(nodes: Floats) -> Iterator[tuple[Floats, Floats]]:
    return zip(nodes[:-1:2], nodes[1::2], strict=True)


def _nodes(
    polygons: Floats, rows: Floats, filling: Filling
) -> Iterator[tuple[NDArray[np.bool_], Floats]]:
    """Of each edge: whether it counts in a row [F, H], and its abscissa there, cut towards 0."""
    for corner in range(polygons.shape[1]):
        x, y = (polygons[:, corner, axis, None] for axis in (0, 1))
        x_before, y_before = (polygons[:, corner - 1, axis, None] for axis in (0, 1))
        dx, dy = x_before - x, y_before - y
        low, high = np.minimum(y, y_before), np.maximum(y, y_before)
        flat = dy == 0
        # Far from an edge that is almost level the abscissa may overflow: it does not count there.
        with np.errstate(over="ignore", invalid="ignore"):
            node = np.trunc(x + (rows - y) / np.where(flat, 1, dy) * dx)
        if filling == "legacy":
            yield (low < rows) & (rows <= high), node
        elif filling == "trax":
            yield (low <= rows) & (rows <= high) & ~flat, node
        else:
            yield (low <= rows) & (rows <= high), np.where(flat, x, node)
