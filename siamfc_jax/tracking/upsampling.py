"""Bicubic upsampling of response maps as a pair of small matrix products."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache
def bicubic_matrix(size: int, factor: int) -> NDArray[np.float32]:
    """Matrix [size * factor, size] that upsamples a vector by `factor`.

    Keys' cubic kernel with a = -.5 and half-pixel centres, borders mirrored: MATLAB's `imresize`,
    which released code applies to its responses (v2 paper §4.1: 17 x 17 to 272 x 272).
    """
    position = (np.arange(size * factor) + 0.5) / factor - 0.5
    first = np.floor(position).astype(int) - 1
    matrix = np.zeros((size * factor, size))
    for tap in range(4):
        index = first + tap
        mirrored = np.where(index < 0, -1 - index, index)
        mirrored = np.where(mirrored >= size, 2 * size - 1 - mirrored, mirrored)
        np.add.at(matrix, (np.arange(size * factor), mirrored), _keys(position - index))
    return matrix.astype(np.float32)


def _keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    d = np.abs(distance)
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
