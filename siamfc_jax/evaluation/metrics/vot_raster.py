"""Polygons -> the pixels they cover, row by row, as the VOT toolkits fill them.

A toolkit intersects a polygon's edges with a row; the abscissae, cut to whole pixels and sorted,
are the row's nodes; pixels are filled between nodes. The three fillings differ in which edges count
and which nodes pair up; see `Filling`.
"""

from collections.abc import Iterator
from functools import reduce
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


# Nearer than this, lines that are not the same differ by more than the rounding of float64.
_FAR = 2.0**15


class Span(NamedTuple):
    """Pixels `first` to `last`, inclusive, of each row; none where last < first. [F, H] each, or
    [F, 1] where all rows have the same."""

    first: Floats
    last: Floats


def spans(
    polygons: Floats, heights: Floats, widths: Floats, filling: Filling, *, all_convex: bool
) -> list[Span]:
    """Pixels of polygons in rasters: spans that do not overlap.

    Args:
      polygons: corners [F, K, 2] (x, y) relative to each raster's first pixel; whole numbers, if
        not "legacy".
      heights, widths: [F] of the rasters in pixels.
      all_convex: every polygon is `convex`, which is faster.
    """
    rows = np.arange(heights.max(), dtype=polygons.dtype)
    top, bottom = extremes(polygons[..., 1])
    inside = (rows >= top[:, None]) & (rows <= np.minimum(bottom, heights - 1)[:, None])
    last = widths[:, None] - 1
    return [
        Span(np.maximum(found.first, 0), np.where(inside, np.minimum(found.last, last), -np.inf))
        for found in _fill(polygons, rows, filling, all_convex)
    ]


def _fill(polygons: Floats, rows: Floats, filling: Filling, all_convex: bool) -> list[Span]:
    """What `spans` returns, but not yet cut at the raster, nor at the polygons' ends."""
    if not all_convex:
        return _between_pairs(polygons, rows, filling)
    if _upright(polygons):
        return [_between_sides(polygons, rows, filling)]
    if filling == "legacy":
        return [_between_outermost(polygons, rows)]
    return [_between_lines(polygons, rows, filling)]


def convex(polygons: Floats) -> NDArray[np.bool_]:
    """[F] whether a polygon [F, K, 2] is a quadrangle, strictly convex, and not far away."""
    if polygons.shape[1] != 4:
        return np.zeros(len(polygons), np.bool_)
    x, y = np.moveaxis(polygons.astype(np.float64), -1, 0)
    dx, dy = (np.roll(part, -1, 1) - part for part in (x, y))
    turns = dx * np.roll(dy, -1, 1) - dy * np.roll(dx, -1, 1)
    near = np.logical_and(*(extremes(np.abs(part))[1] < _FAR for part in (x, y)))
    return near & np.logical_or((turns > 0).all(1), (turns < 0).all(1))


def extremes(corners: Floats) -> tuple[Floats, Floats]:
    """Least and greatest of [F, K, ...] over K; for few corners far faster than `min(1)`."""
    parts = np.moveaxis(corners, 1, 0)
    return reduce(np.minimum, parts), reduce(np.maximum, parts)


def _upright(quadrangles: Floats) -> bool:
    """Whether all have two vertical edges first and last, as rectangles have: x0, x1, x1, x0."""
    x, y = quadrangles[..., 0], quadrangles[..., 1]
    return bool(np.all((x[:, :2] == x[:, :1:-1]) & (y[:, ::2] == y[:, 1::2])))


def _between_sides(polygons: Floats, rows: Floats, filling: Filling) -> Span:
    """Upright rectangles: as `_between_lines`, at a part of the cost; trackers say little else."""
    left, right = (end[:, None] for end in extremes(polygons[..., 0]))
    if filling != "legacy":
        return Span(left, right)
    above = extremes(polygons[..., 1])[0][:, None] >= rows
    return Span(np.where(above, np.inf, np.trunc(left)), np.trunc(right) - 1)


def _between_lines(polygons: Floats, rows: Floats, filling: Filling) -> Span:
    """A convex polygon lies between the lines through its edges, each on one of two sides.

    Of whole corners nodes at a corner are exact: the line of another edge does not cut off more.
    """
    x, y = polygons[..., 0], polygons[..., 1]
    dx, dy = (np.roll(part, 1, 1) - part for part in (x, y))
    turn = np.sign(dx[:, :1] * dy[:, 1:2] - dy[:, :1] * dx[:, 1:2])
    side = -turn * np.sign(dy)  # -1: left, 1: right, 0: level
    order = np.argsort(side, axis=1, kind="stable")
    side, x, y, dx, dy = (np.take_along_axis(part, order, 1) for part in (side, x, y, dx, dy))

    def line(place: NDArray[np.intp]) -> Floats:
        own_x, own_y, own_dx, own_dy = (
            np.take_along_axis(part, place[:, None], 1) for part in (x, y, dx, dy)
        )
        found = rows - own_y
        found /= own_dy
        found *= own_dx
        found += own_x
        return found

    leftmost, rightmost = np.zeros(len(x), np.intp), np.full(len(x), 3)
    first, last = line(leftmost), line(rightmost)
    for place in (1, 2):
        left, right = side[:, place] < 0, side[:, place] > 0
        if left.any():
            np.maximum(first, line(np.where(left, place, leftmost)), out=first)
        if right.any():
            np.minimum(last, line(np.where(right, place, rightmost)), out=last)
    np.trunc(first, out=first)
    np.trunc(last, out=last)
    if filling == "trax":
        last[first == last] = -np.inf
    return Span(first, last)


def _between_outermost(polygons: Floats, rows: Floats) -> Span:
    """ "legacy": a convex polygon meets a row in two abscissae at most; these bound it."""
    shape = (len(polygons), len(rows))
    first = np.full(shape, np.inf, polygons.dtype)
    last = np.full(shape, -np.inf, polygons.dtype)
    for counts, node in _nodes(polygons, rows, "legacy"):
        np.minimum(first, np.where(counts, node, np.inf), out=first)
        np.maximum(last, np.where(counts, node, -np.inf), out=last)
    return Span(first, last - 1)


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
