"""VOT's trajectories as the Python toolkit keeps them by default: `.bin`.

Little-endian: int16 version (1), uint32 number of regions; then for each a byte for its kind and
 0 special: uint32 code;
 1 rectangle: four float32 x, y, w, h;
 2 polygon: uint16 number of points, and two float32 for each.
Masks (3) and points (4) are refused. (vot/region/io.py of github.com/votchallenge/toolkit)
"""

import struct

import numpy as np

from siamfc_jax.evaluation.formats.vot_regions import (
    Region,
    Trajectory,
    check_trajectory,
    masks_refused,
)
from siamfc_jax.evaluation.runs import UNKNOWN, ResultError

_VERSION = 1
_HEAD = struct.Struct("<hI")
_SPECIAL, _RECTANGLE, _POLYGON, _MASK, _POINT = range(5)


def parse_trajectory(content: bytes) -> Trajectory:
    """The regions of a file; numbers have float32 precision.

    Raises:
      ResultError: not such a file, cut short or too long, an unknown code, a mask or a point.
    """
    try:
        return check_trajectory(_parse(content))
    except struct.error:
        raise ResultError("cut short; run this sequence again") from None


def format_trajectory(regions: Trajectory) -> bytes:
    """The file of `regions`, rounded to float32; the code NaN becomes UNKNOWN."""
    return _HEAD.pack(_VERSION, len(regions)) + b"".join(map(_pack, regions))


def _parse(content: bytes) -> Trajectory:
    version, count = _HEAD.unpack_from(content)
    if version != _VERSION:
        raise ResultError(f"version {version} instead of {_VERSION}; is this a VOT trajectory?")
    regions, place = [], _HEAD.size
    for _ in range(count):
        (kind,) = struct.unpack_from("<B", content, place)
        place += 1
        if kind == _POLYGON:
            (points,) = struct.unpack_from("<H", content, place)
            place += 2
        form = f"<{2 * points}f" if kind == _POLYGON else _form(kind)
        regions.append(np.asarray(struct.unpack_from(form, content, place), np.float64))
        place += struct.calcsize(form)
    if place != len(content):
        raise ResultError(f"{len(content) - place} bytes too many; run this sequence again")
    return tuple(regions)


def _form(kind: int) -> str:
    if kind in (_MASK, _POINT):
        raise masks_refused()
    if kind not in (_SPECIAL, _RECTANGLE):
        raise ResultError(f"damaged: no kind of region is {kind}; run this sequence again")
    return "<I" if kind == _SPECIAL else "<4f"


def _pack(region: Region) -> bytes:
    if len(region) == 1:
        code = UNKNOWN if np.isnan(region[0]) else int(region[0])
        return struct.pack("<BI", _SPECIAL, code)
    if len(region) == 4:
        return struct.pack("<B", _RECTANGLE) + _floats(region)
    return struct.pack("<BH", _POLYGON, len(region) // 2) + _floats(region)


def _floats(region: Region) -> bytes:
    with np.errstate(over="ignore"):
        return region.astype("<f4").tobytes()
