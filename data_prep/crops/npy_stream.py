"""Arrays of known length written piece by piece to `.npy` files."""

import io
from typing import Any

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0


def npy_header(row: np.dtype[Any], count: int) -> bytes:
    """What precedes the bytes of a one-dimensional array of `count` rows."""
    header = io.BytesIO()
    write_array_header_1_0(
        header, {"descr": dtype_to_descr(row), "fortran_order": False, "shape": (count,)}
    )
    return header.getvalue()
