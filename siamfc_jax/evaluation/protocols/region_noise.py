"""VOT2014's experiment "region_noise": the supervised one, started from perturbed regions.

Source: stack_vot2014.m and sequence_transform_initialization.m of the VOT toolkit 7.
"""

import numpy as np

from siamfc_jax.evaluation.regions import Region, axis_aligned, corners

_SCALE, _SHIFT, _RADIANS = 0.1, 0.1, 0.1


def noise_of(sequence: str, repetition: int, seed: int = 0) -> np.random.Generator:
    """The random numbers of one repetition (from 0) on the sequence of that name."""
    return np.random.default_rng([seed, repetition, *sequence.encode()])


def region_noise(region: Region, random: np.random.Generator) -> Region:
    """The region with its axes scaled, its centre shifted, and turned about it: a polygon [2k].

    Each axis is scaled by U(.9, 1.1); the shift is U(-.1, .1) of the width and of the height of the
    smallest rectangle around, whose centre is the centre meant; the angle is U(-.1, .1) radians. As
    the toolkit has it, scale applies to the cosines only: with an angle, lengths differ slightly.

    Use: `supervised(..., initial_region=lambda r: axis_aligned(region_noise(r, random)))`.

    Raises:
      RegionError: the region is unknown.
    """
    around = axis_aligned(region)
    scale = random.uniform(1 - _SCALE, 1 + _SCALE, 2)
    shift = random.uniform(-_SHIFT, _SHIFT, 2) * around[2:]
    angle = random.uniform(-_RADIANS, _RADIANS)
    turn = np.asarray(
        [[scale[0] * np.cos(angle), -np.sin(angle)], [np.sin(angle), scale[1] * np.cos(angle)]]
    )
    centre = around[:2] + around[2:] / 2
    return ((corners(region) - centre) @ turn.T + centre + shift).ravel()
