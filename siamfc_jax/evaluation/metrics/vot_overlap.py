"""Overlap of regions as VOT counts it: in pixels of two rasters, not in areas of two polygons.

For small targets the two differ by hundredths.

Source: compute_polygon_overlap in TraX's region.c, vot-toolkit's vot/region/raster.py; issue 202 of
the VOT toolkit gives the overlap of (1, 1, 100, 100) and (50, 50, 100, 100) as .152786 ("classic")
and .149491 ("2019").
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.metrics.vot_raster import Filling, Floats, Span, convex, extremes, spans
from siamfc_jax.evaluation.regions import Region

OverlapRule = Literal["classic", "2019", "legacy", "python"]
"""classic: rectangles reach x .. x + w; TraX's raster (VOT2016 to VOT2018; pysot).
2019: the same raster, rectangles reach x .. x + w - 1 (VOT toolkit since April 2019).
legacy: TraX's older raster in float32 (VOT2013 to VOT2015).
python: votchallenge/toolkit; x, y, w, h are rounded, rectangles reach x .. x + w - 1.
"""

Bounds = tuple[float, float] | None
"""Right and lower end of what counts, from (0, 0) on; None: no bounds (legacy)."""

_FILLINGS: dict[OverlapRule, Filling] = {
    "classic": "trax",
    "2019": "trax",
    "legacy": "legacy",
    "python": "python",
}
# So much of a chunk's rasters that its arrays stay in the cache, whatever the number of frames.
_ROWS_AT_ONCE = 1 << 15
# Coordinates beyond are set back to it: float32's whole numbers end there; without bounds, so that
# a runaway region costs no minutes.
_FARTHEST, _FARTHEST_UNBOUNDED = 2.0**24, 2.0**17


def overlap(region: Region, truth: Region, bounds: Bounds, rule: OverlapRule = "classic") -> float:
    """Overlap of two regions; NaN if one is unknown. See `overlaps`."""
    return float(overlaps([region], [truth], [bounds], rule)[0, 0])


def overlaps(
    regions: Sequence[Region],
    truth: Sequence[Region],
    bounds: Sequence[Bounds],
    rule: OverlapRule = "classic",
) -> NDArray[np.float64]:
    """Overlap of the regions of each frame under each of the bounds, [len(bounds), n].

    NaN where a region is unknown, or where neither covers a single pixel. "python" gives 0 there,
    and 1 where the joint box of both is at most a pixel wide or high, wherever it lies.

    Args:
      regions, truth: n regions each, in the benchmark's numbers (see `regions`).
      bounds: (W, H) or (W - 1, H - 1), of frames of W x H pixels.

    Raises:
      ValueError: the numbers of regions differ.
    """
    if len(regions) != len(truth):
        raise ValueError(f"{len(regions)} regions for {len(truth)} true ones")
    result = np.full((len(bounds), len(truth)), np.nan)
    kinds = [(len(a), len(b)) for a, b in zip(regions, truth, strict=True)]
    for kind in set(kinds) - {(1, 1)}:
        if 1 in kind:
            continue
        frames = np.asarray([frame for frame, other in enumerate(kinds) if other == kind])
        a = np.concatenate([regions[frame] for frame in frames]).reshape(len(frames), -1)
        b = np.concatenate([truth[frame] for frame in frames]).reshape(len(frames), -1)
        known = ~(np.isnan(a).any(1) | np.isnan(b).any(1))
        if known.any():
            result[:, frames[known]] = _of_one_kind(a[known], b[known], bounds, rule)
    return result


def _of_one_kind(a: Floats, b: Floats, bounds: Sequence[Bounds], rule: OverlapRule) -> Floats:
    polygons_a, polygons_b = (_polygons(part, bounds, rule) for part in (a, b))
    if rule == "python":
        box_a, box_b = _python_box(a, polygons_a), _python_box(b, polygons_b)
        layouts = [_python_layout(box_a, box_b, one) for one in bounds]
        polygons_a, polygons_b = _without_hollow(a, polygons_a), _without_hollow(b, polygons_b)
    else:
        layouts = [_trax_layout(polygons_a, polygons_b, one, rule) for one in bounds]
    result = np.empty((len(bounds), len(a)))
    for row, here in enumerate(layouts):
        # Bounds matter only to regions near the border: elsewhere the layouts are equal.
        fresh = np.any(np.stack(here) != np.stack(layouts[0]), 0) | (row == 0)
        result[row] = result[0]
        chosen = _Layout(*(part[fresh] for part in here))
        result[row, fresh] = _rastered(polygons_a[fresh], polygons_b[fresh], chosen, rule)
    return result


class _Layout(NamedTuple):
    """Where the common raster of two polygons lies, [n] each; where not `live`, there is none, and
    the overlap is `otherwise`."""

    left: Floats
    top: Floats
    width: Floats
    height: Floats
    live: NDArray[np.bool_]
    otherwise: Floats


def _polygons(regions: Floats, bounds: Sequence[Bounds], rule: OverlapRule) -> Floats:
    """Corners [n, k, 2] float32, as the toolkit holds them."""
    farthest = _FARTHEST_UNBOUNDED if None in bounds else _FARTHEST
    values = np.clip(regions, -farthest, farthest).astype(np.float32)
    if rule == "python":
        values = np.round(values)
    if values.shape[1] > 4:
        return values.reshape(len(values), -1, 2)
    x, y, w, h = values.T
    right, bottom = x + w, y + h
    if rule in ("2019", "python"):
        right, bottom = right - np.float32(1), bottom - np.float32(1)
    ends = [(x, y), (right, y), (right, bottom), (x, bottom)]
    return np.stack([np.stack(end, -1) for end in ends], 1)


def _trax_layout(a: Floats, b: Floats, bounds: Bounds, rule: OverlapRule) -> _Layout:
    """compute_polygon_overlap of TraX: float32, bounds rounded outwards (not "legacy")."""
    low_a, high_a = _extent(a, bounds, rule)
    low_b, high_b = _extent(b, bounds, rule)
    low, high = np.minimum(low_a, low_b), np.maximum(high_a, high_b)
    size = np.trunc(high - low) + 1
    area_a, area_b = (np.prod(part, 1) for part in (high_a - low_a, high_b - low_b))
    shared = np.prod(np.minimum(high_a, high_b) - np.maximum(low_a, low_b), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = area_a.astype(np.float64) / area_b
        apart = (ratio < 1e-10) | (1 / ratio < 1e-10) | (shared / (area_a + area_b - shared) <= 0)
    live = np.logical_and(~apart, (size >= 1).all(1))
    return _Layout(low[:, 0], low[:, 1], size[:, 0], size[:, 1], live, np.zeros(len(a)))


def _extent(polygons: Floats, bounds: Bounds, rule: OverlapRule) -> tuple[Floats, Floats]:
    low, high = extremes(polygons)
    if rule != "legacy":
        low, high = np.floor(low), np.ceil(high)
    if bounds is not None:
        low = np.maximum(low, np.float32(0))
        high = np.minimum(high, np.asarray(bounds, np.float32))
    return low, high


def _python_box(regions: Floats, polygons: Floats) -> tuple[Floats, Floats]:
    """First and last corner of the box around, the wrong way round of a rectangle without area."""
    if regions.shape[1] > 4:
        return extremes(polygons)
    return polygons[:, 0], polygons[:, 2]


def _python_layout(a: tuple[Floats, Floats], b: tuple[Floats, Floats], bounds: Bounds) -> _Layout:
    """_calculate_overlap of vot-toolkit: the joint box, cut at the frame."""
    low, high = np.minimum(a[0], b[0]), np.maximum(a[1], b[1])
    alike = (low >= high).any(1)
    if bounds is not None:
        low = np.maximum(low, np.float32(0))
        high = np.minimum(high, np.asarray(bounds, np.float32) - np.float32(1))
    size = high - low + 1
    live = np.logical_and(~alike, (low < high).all(1))
    otherwise = np.where(alike, 1.0, 0.0)
    return _Layout(low[:, 0], low[:, 1], size[:, 0], size[:, 1], live, otherwise)


def _without_hollow(regions: Floats, polygons: Floats) -> Floats:
    """Rectangles that round to no pixel, moved out of every raster."""
    if regions.shape[1] > 4:
        return polygons
    hollow = np.any(np.round(regions[:, 2:].astype(np.float32)) < 1, axis=1)
    return np.where(hollow.reshape(-1, 1, 1), np.float32(-_FARTHEST), polygons)


def _rastered(a: Floats, b: Floats, layout: _Layout, rule: OverlapRule) -> Floats:
    result = layout.otherwise.copy()
    live = np.flatnonzero(layout.live)
    origin = np.stack([layout.left, layout.top], 1)[:, None]
    a, b = _on_raster(a - origin, rule), _on_raster(b - origin, rule)
    simple = convex(a) & convex(b)
    for chosen, all_convex in ((live[simple[live]], True), (live[~simple[live]], False)):
        for chunk in _chunks(chosen, layout.height):
            result[chunk] = _of_chunk(
                a[chunk], b[chunk], layout.width[chunk], layout.height[chunk], rule, all_convex
            )
    return result


def _on_raster(polygons: Floats, rule: OverlapRule) -> Floats:
    if rule == "legacy":
        return polygons
    exact = polygons.astype(np.float64)
    # Half away from zero: C's round, in which NumPy's differs.
    return exact if rule == "python" else np.trunc(exact + np.copysign(0.5, exact))


def _chunks(frames: NDArray[np.intp], heights: Floats) -> Iterator[NDArray[np.intp]]:
    """`frames` in chunks of like height, which waste few rows."""
    order = frames[np.argsort(heights[frames], kind="stable")]
    while len(order):
        # As many as fit if all are as high as the first; the last of them may be higher.
        count = max(1, int(_ROWS_AT_ONCE // heights[order[0]]))
        yield order[:count]
        order = order[count:]


def _of_chunk(
    a: Floats, b: Floats, widths: Floats, heights: Floats, rule: OverlapRule, all_convex: bool
) -> Floats:
    spans_a, spans_b = (
        spans(part, heights, widths, _FILLINGS[rule], all_convex=all_convex) for part in (a, b)
    )
    common = [
        Span(np.maximum(one.first, other.first), np.minimum(one.last, other.last))
        for one in spans_a
        for other in spans_b
    ]
    shared = _pixels(common)
    union = _pixels(spans_a) + _pixels(spans_b) - shared
    if rule == "python":
        return np.divide(shared, union, out=np.zeros_like(union), where=union > 0)
    # TraX divides in float32.
    shared, union = shared.astype(np.float32), union.astype(np.float32)
    return np.divide(shared, union, out=np.full_like(union, np.nan), where=union > 0)


def _pixels(found: list[Span]) -> NDArray[np.float64]:
    """Pixels of spans that do not overlap: [F]."""
    total = np.zeros(len(found[0].last))
    for span in found:
        lengths = span.last - span.first
        lengths += 1
        total += np.maximum(lengths, 0, out=lengths).sum(1, dtype=np.float64)
    return total
