"""Seeded procedural colour textures: noise, marble, stripes, checks, spots, cells, wood."""

from __future__ import annotations

import colorsys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

KINDS = ("cloud", "marble", "stripes", "checks", "spots", "cells", "wood")
_HUE_SCHEMES = (
    (0, 0.06, -0.06, 0.03),
    (0, 0.08, 0.5, 0.45),
    (0, 0.33, 0.05, 0.66),
    (0, 0, 0.15, 0.1),
)
_EARTHY_HUES = (0.03, 0.08, 0.11, 0.14, 0.24, 0.32, 0.5, 0.58, 0.62)
_N_COLOURS = 4
_TURN = np.float32(2 * np.pi)


def random_palette(
    rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]
) -> Floats:
    """Four harmonious colours, dark to light: float32 [4, 3], RGB in [0, 255].

    `saturation` and `value` are the HSV ranges drawn from, within [0, 1].
    """
    hue = rng.random()
    offsets = _HUE_SCHEMES[rng.integers(len(_HUE_SCHEMES))]
    values = np.linspace(*value, _N_COLOURS) + rng.uniform(-0.05, 0.05, _N_COLOURS)
    colours = [
        colorsys.hsv_to_rgb((hue + offset) % 1, rng.uniform(*saturation), np.clip(v, 0, 1))
        for offset, v in zip(rng.permutation(offsets), values, strict=True)
    ]
    return np.asarray(colours, np.float32) * 255


def muted_palette(rng: np.random.Generator, value: tuple[float, float]) -> Floats:
    """Four close shades of a soil, plant, stone or water colour, as `random_palette`."""
    hue = float(rng.choice(_EARTHY_HUES)) + rng.uniform(-0.03, 0.03)
    saturation = rng.uniform(0.05, 0.45)
    values = np.linspace(*value, _N_COLOURS)
    offsets = rng.uniform(-0.035, 0.035, _N_COLOURS)
    colours = [
        colorsys.hsv_to_rgb((hue + offset) % 1, saturation * rng.uniform(0.7, 1.2), v)
        for offset, v in zip(offsets, values, strict=True)
    ]
    return np.asarray(colours, np.float32) * 255


def fractal_noise(
    rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float], octaves: int = 5
) -> Floats:
    """Smooth multi-octave noise: float32 of `shape`, stretched over exactly [0, 1].

    `cells` is the number of bumps of the coarsest octave down and across; each further octave
    doubles it and takes 0.55 of the height.
    """
    height, width = shape
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows, columns = (max(2, round(c * 2**octave)) + 1 for c in cells)
        if octave and (rows > height or columns > width):
            break
        grid = Image.fromarray(rng.random((rows, columns), dtype=np.float32))
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) * 0.55**octave
    total -= total.min()
    return total / np.float32(max(float(total.max()), 1e-6))


def texture(
    rng: np.random.Generator, kind: str, shape: tuple[int, int], palette: Floats, feature: float
) -> Floats:
    """A texture of one of `KINDS`: float32 [*shape, 3], RGB in [0, 255].

    `feature` is the typical size of a stripe, spot or bump in pixels.
    """
    canvas = _Canvas.random(rng, shape, feature)
    value = _PATTERNS[kind](rng, canvas)
    # A shade of unrelated noise on every pattern keeps flat areas from looking synthetic.
    shade = 0.86 + 0.28 * canvas.noise(rng, 0.5)[..., None]
    return np.clip(_ramp(value, palette) * shade, 0, 255)


class _Canvas(NamedTuple):
    """Pixel coordinates turned by a random angle, in units of the feature size."""

    along: Floats
    across: Floats
    shape: tuple[int, int]
    feature: float

    @classmethod
    def random(cls, rng: np.random.Generator, shape: tuple[int, int], feature: float) -> _Canvas:
        angle = rng.uniform(0, np.pi)
        rows = np.arange(shape[0], dtype=np.float32)[:, None] / np.float32(feature)
        columns = np.arange(shape[1], dtype=np.float32)[None] / np.float32(feature)
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return cls(cosine * columns + sine * rows, cosine * rows - sine * columns, shape, feature)

    def noise(self, rng: np.random.Generator, frequency: float, octaves: int = 5) -> Floats:
        """Fractal noise whose coarsest bumps are `1 / frequency` features wide."""
        height, width = self.shape
        cells = (height / self.feature * frequency, width / self.feature * frequency)
        return fractal_noise(rng, self.shape, cells, octaves)


def _ramp(value: Floats, palette: Floats) -> Floats:
    """Maps value in [0, 1] through the palette by linear interpolation, with a lookup table."""
    stops = np.linspace(0, 1, len(palette))
    positions = np.linspace(0, 1, 1024)
    table = np.stack([np.interp(positions, stops, palette[:, c]) for c in range(3)], axis=-1)
    index = np.clip(value * 1023, 0, 1023).astype(np.int32)
    return table.astype(np.float32)[index]


def _square_wave(x: Floats) -> Floats:
    """A wave of period 1 in [0, 1] with steep but smooth flanks."""
    return 0.5 + 0.5 * np.tanh(6 * np.sin(_TURN * x))


def _cloud(rng: np.random.Generator, canvas: _Canvas) -> Floats:
    return canvas.noise(rng, 0.7)


def _marble(rng: np.random.Generator, canvas: _Canvas) -> Floats:
    bands: Floats = 0.25 * canvas.along + 2.0 * canvas.noise(rng, 0.35, octaves=4)
    return 0.5 + 0.5 * np.sin(_TURN * bands)


def _stripes(rng: np.random.Generator, canvas: _Canvas) -> Floats:
    warp = rng.uniform(0, 1) * canvas.noise(rng, 0.2, octaves=2)
    return 0.1 + 0.75 * _square_wave(0.5 * canvas.along + warp)


def _checks(rng: np.random.Generator, canvas: _Canvas) -> Floats:
    warp = rng.uniform(0, 0.6) * canvas.noise(rng, 0.2, octaves=2)
    first, second = _square_wave(0.4 * canvas.along + warp), _square_wave(0.4 * canvas.across)
    value: Floats = 0.1 + 0.48 * first + 0.32 * second
    return value


def _spots(rng: np.random.Generator, canvas: _Canvas) -> Floats:
    nearest, _, identity = _nearest_points(rng, canvas)
    discs = 0.5 - 0.5 * np.tanh(14 * (nearest - 0.22 - 0.14 * identity))
    return 0.12 + 0.2 * canvas.noise(rng, 0.7) + discs * (0.3 + 0.35 * identity)


def _cells(rng: np.random.Generator, canvas: _Canvas) -> Floats:
    nearest, second, identity = _nearest_points(rng, canvas)
    inside = np.tanh(7 * (second - nearest))
    return inside * (0.25 + 0.55 * identity + 0.2 * canvas.noise(rng, 0.7))


def _wood(rng: np.random.Generator, canvas: _Canvas) -> Floats:
    height, width = canvas.shape
    cells = (height / canvas.feature, 0.12 * width / canvas.feature)
    grain = fractal_noise(rng, canvas.shape, cells, octaves=5)
    return 0.5 * grain + 0.25 + 0.25 * np.sin(_TURN * 3.5 * grain)


def _nearest_points(rng: np.random.Generator, canvas: _Canvas) -> tuple[Floats, Floats, Floats]:
    """For one random point per feature-sized square: the distances (in features) to the nearest
    and second nearest point, and a random number in [0, 1] that names the nearest one."""
    rows = np.arange(canvas.shape[0], dtype=np.float32)[:, None] / np.float32(canvas.feature)
    columns = np.arange(canvas.shape[1], dtype=np.float32)[None] / np.float32(canvas.feature)
    row, column = rows.astype(np.int32), columns.astype(np.int32)
    points = rng.random((int(row.max()) + 3, int(column.max()) + 3, 3), dtype=np.float32)
    nearest = np.full(canvas.shape, 9, np.float32)
    second, identity = nearest.copy(), np.zeros(canvas.shape, np.float32)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            candidate = points[row + down + 1, column + right + 1]
            y = row + down + candidate[..., 0] - rows
            x = column + right + candidate[..., 1] - columns
            distance = np.sqrt(y * y + x * x)
            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            identity = np.where(closer, candidate[..., 2], identity)
            nearest = np.minimum(nearest, distance)
    return nearest, second, identity


_PATTERNS = {
    "cloud": _cloud,
    "marble": _marble,
    "stripes": _stripes,
    "checks": _checks,
    "spots": _spots,
    "cells": _cells,
    "wood": _wood,
}
