"""OTB's result types that are no rectangles (affine templates, corners) -> rectangles.

As the toolkit's calcSeqErrRobust.m and its helpers do it (calcRectCenter, calcCenter_L1,
getLKcorner, corner2rect), rounding included. Coordinates count from 1, as all of OTB's.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc_jax.evaluation.protocols.perturbations import matlab_round
from siamfc_jax.evaluation.runs import ResultError

Rows = NDArray[np.float64]


def rectangles(kind: str, rows: ArrayLike, template_size: ArrayLike | None = None) -> Rows:
    """Rectangles [n, 4] (x, y, w, h) of a result of type `kind`.

    Args:
      kind: the toolkit's name (MATLAB's or its Python port's), in any case.
      rows: [n, 4] rectangles (`rect`), parameters [n, 6] (`ivtAff`, `L1Aff`), [n, 4]
        (`SIMILARITY`), or two rows per frame: [2n, 3] (`LK_Aff`), [2n, k] (`4corner`, `affine`).
      template_size: two numbers, `tmplsize`; for all but rectangles and corners.

    Raises:
      ResultError: an unknown type, a wrong number of columns, or no template size.
    """
    if kind.lower() not in _TYPES:
        raise ResultError(f"result type {kind!r} is not one of {', '.join(_TYPES)}")
    columns, rows_per_frame, convert = _TYPES[kind.lower()]
    array = np.asarray(rows, np.float64)
    if array.ndim != 2 or columns not in (None, array.shape[1]) or len(array) % rows_per_frame:
        raise ResultError(f"'res' of type {kind!r} has the shape {list(array.shape)}")
    if convert is _as_they_are or convert is _around_corners:
        size = np.zeros(2)
    else:
        size = np.asarray(() if template_size is None else template_size, np.float64).ravel()
    if size.shape != (2,):
        raise ResultError(f"a result of type {kind!r} needs 'tmplsize', two numbers")
    return convert(array, size)


def _as_they_are(rows: Rows, size: Rows) -> Rows:
    return rows


def _incremental(rows: Rows, size: Rows) -> Rows:
    # IVT: (x, y) of the centre and a 2x2 matrix that takes the template's offsets to the image's.
    x, y, a, b, c, d = rows.T
    half_w, half_h = size / 2
    first = np.floor([x - a * half_w - b * half_h, y - c * half_w - d * half_h])
    last = np.floor([x + a * half_w + b * half_h, y + c * half_w + d * half_h])
    return np.vstack([first, last - first]).T


def _sparse(rows: Rows, size: Rows) -> Rows:
    # L1: takes (row, column) of the template to those of the image.
    a, b, c, d, top, left = rows.T
    height, width = size
    first = matlab_round([c + d + left, a + b + top])
    last = matlab_round([c * height + d * width + left, a * height + b * width + top])
    return np.vstack([first, last - first + 1]).T


def _lucas_kanade(rows: Rows, size: Rows) -> Rows:
    matrices = rows.reshape(-1, 2, 3) + np.eye(2, 3)
    return _around(matrices @ _template_corners(size))


def _similarity(rows: Rows, size: Rows) -> Rows:
    scale, angle, x, y = rows.T
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    matrices = np.stack([cosine, -sine, x, sine, cosine, y], -1).reshape(-1, 2, 3)
    return _around(matrices @ _template_corners(size))


def _around_corners(rows: Rows, size: Rows) -> Rows:
    return _around(rows.reshape(-1, 2, rows.shape[1]))


def _template_corners(size: Rows) -> Rows:
    height, width = size
    return np.asarray([[1, 1, width, width], [1, height, height, 1], [1, 1, 1, 1]])


def _around(corners_Nx2xK: Rows) -> Rows:
    first, last = corners_Nx2xK.min(-1), corners_Nx2xK.max(-1)
    return matlab_round(np.hstack([first, last - first + 1]))


# Columns (None: any), rows per frame, conversion.
_TYPES: dict[str, tuple[int | None, int, Callable[[Rows, Rows], Rows]]] = {
    "rect": (4, 1, _as_they_are),
    "ivtaff": (6, 1, _incremental),
    "affine_ivt": (6, 1, _incremental),
    "l1aff": (6, 1, _sparse),
    "affine_l1": (6, 1, _sparse),
    "lk_aff": (3, 2, _lucas_kanade),
    "affine_lk": (3, 2, _lucas_kanade),
    "similarity": (4, 1, _similarity),
    "4corner": (None, 2, _around_corners),
    "affine": (None, 2, _around_corners),
}
