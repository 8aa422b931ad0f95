"""What a region in a VOT trajectory may be."""

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.runs import FAILED, INITIALISED, UNKNOWN, ResultError

Region = NDArray[np.float64]
"""See `VotRun.regions`."""

Trajectory = tuple[Region, ...]

_CODES = (UNKNOWN, INITIALISED, FAILED)


def check_trajectory(regions: Trajectory) -> Trajectory:
    """`regions`, if each is a code (or NaN), a rectangle or a polygon; raises ResultError."""
    if not regions:
        raise ResultError("empty; run this sequence again")
    for number, region in enumerate(regions, 1):
        count = len(region)
        if count == 4 or (count >= 6 and count % 2 == 0):
            continue
        if count == 1 and (region[0] in _CODES or np.isnan(region[0])):
            continue
        what = f"code {region[0]:g}" if count == 1 else f"{count} numbers"
        raise ResultError(
            f"region {number} ({what}) is neither a code 0, 1 or 2, nor x,y,w,h, nor a polygon of "
            "at least 3 points; run this sequence again"
        )
    return regions


def masks_refused() -> ResultError:
    return ResultError("holds masks or points; score it with the VOT toolkit, or report rectangles")
