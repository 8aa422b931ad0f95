"""VOT's trajectories as text: a region per line, `code`, `x,y,w,h` or `x1,y1,x2,y2,x3,y3,...`.

Read and written by the MATLAB toolkit, the Python one, pysot and got10k. NaN stays NaN.
"""

import numpy as np

from siamfc_jax.evaluation.formats.text_rows import parse_rows
from siamfc_jax.evaluation.formats.vot_regions import (
    Region,
    Trajectory,
    check_trajectory,
    masks_refused,
)


def parse_trajectory(content: bytes) -> Trajectory:
    """The regions of a file.

    Raises:
      ResultError: empty, not text, a mask, an unknown code, or a line that is no region.
    """
    if content[:1] == b"m" or b"\nm" in content:
        raise masks_refused()
    return check_trajectory(tuple(np.asarray(row) for row in parse_rows(content)))


def format_trajectory(regions: Trajectory, *, full: bool = False) -> bytes:
    """The file of `regions`; coordinates as the toolkits' "%.4f", or in full."""
    return "".join(_line(region, full) for region in regions).encode()


def _line(region: Region, full: bool) -> str:
    if len(region) == 1:
        return f"{region[0]:.0f}\n"
    return ",".join([repr(x) if full else f"{x:.4f}" for x in region.tolist()]) + "\n"
