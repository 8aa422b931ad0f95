"""Regions of VOT: codes, rectangles and polygons; rectangles for trackers that want one.

A region is float64: [1] a code (`runs.UNKNOWN`, ...), [4] a rectangle (x, y, w, h), or [2k] a
polygon (x1, y1, ...), k >= 3, in the benchmark's numbers, whose upper-left pixel is 0. A region
with a NaN is unknown.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Region = NDArray[np.float64]


class RegionError(ValueError):
    """Numbers that are no region, or none that a tracker can start from."""


def check_region(values: ArrayLike) -> Region:
    """`values` as a region, float64.

    Raises:
      RegionError: the number of values fits no kind of region, or one is infinite.
    """
    region = np.asarray(values, np.float64)
    if region.ndim != 1 or not (
        region.size in (1, 4) or (region.size >= 6 and not region.size % 2)
    ):
        raise RegionError(
            f"a region has 1 (code), 4 (x,y,w,h) or 6, 8, ... numbers (polygon), not {region.size}"
        )
    if np.isinf(region).any():
        raise RegionError("a region with an infinite number; write nan for an unknown one")
    return region


def is_known(region: Region) -> bool:
    """Whether it says a place: neither a code nor NaN."""
    return len(region) > 1 and not np.isnan(region).any()


def corners(region: Region) -> NDArray[np.float64]:
    """Corners [k, 2] (x, y); of a rectangle x .. x + w, y .. y + h, clockwise from the upper left.

    Raises:
      RegionError: the region is unknown.
    """
    if not is_known(region):
        raise RegionError("the region is unknown; take a frame where the benchmark annotates one")
    if len(region) > 4:
        return region.reshape(-1, 2)
    x, y, w, h = region
    return np.asarray([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])


def axis_aligned(region: Region) -> Region:
    """The smallest rectangle [4] around: what the VOT toolkits give to trackers (TraX).

    Raises:
      RegionError: the region is unknown.
    """
    points = corners(region)
    low, high = points.min(0), points.max(0)
    return region.copy() if len(region) == 4 else np.concatenate([low, high - low])


def same_area(region: Region) -> Region:
    """The rectangle [4] of a polygon's area and centre: what Siamese trackers start from.

    The proportions are those of the smallest rectangle around, the centre is the mean of the
    corners. As the trackers' code has it, coordinates are of pixels, both ends inclusive: a width
    is one more than the difference. A rectangle is returned as it is.

    Source: get_axis_aligned_BB.m of SiamFC's authors, get_axis_aligned_bbox of pysot. Both know
    four corners; for others the area is the polygon's, here.

    Raises:
      RegionError: the region is unknown.
    """
    points = corners(region)
    if len(region) == 4:
        return region.copy()
    extent = np.ptp(points, 0)
    around = extent.prod()
    scale = np.sqrt(_area(points) / around) if around > 0 else 1.0
    size = scale * extent + 1
    return np.concatenate([points.mean(0) - (size - 1) / 2, size])


def _area(points: NDArray[np.float64]) -> float:
    if len(points) == 4:
        sides = np.linalg.norm(points[1:3] - points[:2], axis=-1)
        return float(sides.prod())
    x, y = points.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
