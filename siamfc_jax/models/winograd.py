"""Minimal filtering (Winograd / Toom-Cook): short correlations with few multiplications.

A valid correlation of `taps` weights that gives `outputs` values needs only
`outputs + taps - 1` multiplications once data and weights are changed of basis:

    y = output @ ((kernel @ weights) * (input @ data))
"""

import functools
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# Small points keep the transforms' entries, and so the rounding errors, small.
POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2))
MAX_MULTIPLICATIONS = len(POINTS) + 1


class Transforms(NamedTuple):
    """The three changes of basis, float32; M outputs, R taps, N = M + R - 1 multiplications."""

    input_NxN: np.ndarray
    kernel_NxR: np.ndarray
    output_MxN: np.ndarray


@functools.cache
def minimal_filtering(outputs: int, taps: int) -> Transforms:
    """Transforms of a 1-D valid correlation; in 2-D apply each along both axes.

    The rows are evaluations at N - 1 points and at infinity, after Toom and Cook; the
    Lagrange denominators go to the weights, which are transformed least often.
    """
    multiplications = outputs + taps - 1
    if not 1 <= multiplications <= MAX_MULTIPLICATIONS:
        raise ValueError(f"{outputs} outputs of {taps} taps need more points than there are")
    points = [Fraction(p) for p in POINTS[: multiplications - 1]]

    def others(i: int) -> list[Fraction]:
        return points[:i] + points[i + 1 :]

    denominators = [_product([p - q for q in others(i)]) for i, p in enumerate(points)]
    input_rows = [[*_monic(others(i)), 0] for i in range(len(points))] + [_monic(points)]
    kernel_rows = [
        [p**j / d for j in range(taps)] for p, d in zip(points, denominators, strict=True)
    ] + [[0] * (taps - 1) + [1]]
    output_rows = [[*(p**i for p in points), int(i == outputs - 1)] for i in range(outputs)]
    return Transforms(
        *(np.array(rows, dtype=np.float32) for rows in (input_rows, kernel_rows, output_rows))
    )


def transform(matrix: np.ndarray, values: list[jax.Array], axis: int = 0) -> jax.Array:
    """`matrix` times the vector of the arrays `values`, stacked along a new `axis`."""
    sums = [
        functools.reduce(
            jnp.add, [float(c) * v for c, v in zip(row, values, strict=True) if c != 0]
        )
        for row in matrix
    ]
    # Fused with a second transform this one would be computed again for each of its values.
    return lax.optimization_barrier(jnp.stack(sums, axis))


def _product(factors: list[Fraction]) -> Fraction:
    product = Fraction(1)
    for factor in factors:
        product *= factor
    return product


def _monic(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients, lowest power first, of the monic polynomial with these roots."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        scaled = [root * c for c in coefficients] + [Fraction(0)]
        coefficients = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients
