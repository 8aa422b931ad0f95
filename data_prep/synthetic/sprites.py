"""Objects painted once, then sampled at any pose: premultiplied textures with mip levels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from data_prep.synthetic.shapes import Design, Part
from data_prep.synthetic.textures import Floats, texture

SHADOW_REACH = 0.1
"""How far the soft shadow extends beyond the silhouette, object units."""
_SHADOW_STRENGTH = 0.45
_SUPERSAMPLING = 4
_LEVEL_STEP = 1.5
_MAX_DENSITY = 400.0
_MIN_DENSITY = 8.0


class Level(NamedTuple):
    """texels: float32 [H, W, 5]: RGB in [0, 255] times alpha, alpha with shadow, and coverage of
    the object alone; density: texels per object unit."""

    texels: Floats
    density: float


class Sprite(NamedTuple):
    """A picture of an object. outline: float64 [M, 2], points (x, y) in object units among which
    are the silhouette's outermost, however it is turned or bent. levels: finest first. reach: half
    the picture's width and height, object units; its middle is the object's origin."""

    outline: NDArray[np.float64]
    levels: tuple[Level, ...]
    reach: tuple[float, float]

    def sample(self, x: Floats, y: Floats, pixels_per_unit: float) -> Floats:
        """Bilinear samples at object coordinates: float32 [*x.shape, 5], as `Level.texels`."""
        fits = [level for level in self.levels if level.density >= pixels_per_unit]
        level = fits[-1] if fits else self.levels[0]
        height, width, depth = level.texels.shape
        column = np.clip(x * np.float32(level.density) + (width - 1) / 2, 0, width - 1.01)
        row = np.clip(y * np.float32(level.density) + (height - 1) / 2, 0, height - 1.01)
        left, top = column.astype(np.int32), row.astype(np.int32)
        right_share, low_share = (column - left)[..., None], (row - top)[..., None]
        flat = level.texels.reshape(-1, depth)
        corner = top * width + left
        upper = flat[corner]
        upper += right_share * (flat[corner + 1] - upper)
        lower = flat[corner + width]
        lower += right_share * (flat[corner + width + 1] - lower)
        upper += low_share * (lower - upper)
        return upper


def paint(rng: np.random.Generator, design: Design, largest: float, smallest: float) -> Sprite:
    """Paints `design` for display at `smallest` to `largest` pixels per object unit."""
    density = min(max(largest, _MIN_DENSITY), _MAX_DENSITY)
    extent = np.abs(design.vertices()).max(axis=0) + SHADOW_REACH
    # Two empty texels around everything let samples beyond the rim clamp to nothing.
    width, height = (2 * int(np.ceil(e * density) + 2) for e in extent)
    light = rng.uniform(-1, 1), -1.0
    texels = np.zeros((height, width, 5), np.float32)
    for part in design.parts:
        _paint_part(rng, texels, part, density, light)
    _lay_shadow(texels, density)
    return sprite_of(design.vertices(), texels, density, smallest)


def sprite_of(
    outline: NDArray[np.float64], texels: Floats, density: float, smallest: float
) -> Sprite:
    """The sprite of a picture of `density` texels per object unit, seen at `smallest` or more."""
    levels = [Level(texels, density)]
    while levels[-1].density / _LEVEL_STEP >= max(smallest, _MIN_DENSITY):
        levels.append(_coarser(levels[0], levels[-1].density / _LEVEL_STEP))
    height, width = texels.shape[:2]
    return Sprite(outline, tuple(levels), (width / 2 / density, height / 2 / density))


def _paint_part(
    rng: np.random.Generator, texels: Floats, part: Part, density: float, light: tuple[float, float]
) -> None:
    height, width = texels.shape[:2]
    points = part.contour * density + (width / 2, height / 2)
    left, top = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + 1
    window = texels[top:bottom, left:right]
    shape = window.shape[:2]
    mask = _polygon_coverage(points - (left, top), shape)
    colour = texture(rng, part.kind, shape, part.palette, max(part.feature * density, 3.0))
    colour = np.clip(colour * _relief(mask, light)[..., None], 0, 255)
    alpha = mask[..., None]
    window[..., :3] = window[..., :3] * (1 - alpha) + colour * alpha
    window[..., 3:] = window[..., 3:] * (1 - alpha) + alpha


def _polygon_coverage(points: np.ndarray, shape: tuple[int, int]) -> Floats:
    """The fraction of each pixel inside the polygon: float32 of `shape`, in [0, 1]."""
    height, width = shape
    canvas = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    # ImageDraw puts integer coordinates at pixel centres.
    vertices = points * _SUPERSAMPLING - 0.5
    ImageDraw.Draw(canvas).polygon([(float(x), float(y)) for x, y in vertices], fill=255)
    return np.asarray(canvas.reduce(_SUPERSAMPLING), np.float32) / np.float32(255)


def _relief(mask: Floats, light: tuple[float, float]) -> Floats:
    """Brightness that makes a flat mask look rounded: lit towards `light`, dark at the rim."""
    thickness = 0.14 * min(mask.shape)
    soft = _blurred(mask, thickness)
    down, right = np.gradient(soft)
    slope = (right * light[0] + down * light[1]) * thickness
    rim = np.clip(_blurred(mask, max(0.12 * thickness, 0.8)) * 2 - 1, 0, 1)
    light_share = np.clip(1 - 0.9 * slope, 0.45, 1.6)
    return ((0.55 + 0.45 * rim) * (0.8 + 0.3 * soft) * light_share).astype(np.float32)


def _lay_shadow(texels: Floats, density: float) -> None:
    """Adds a soft dark halo under the object; alpha changes, coverage does not."""
    halo = _blurred(texels[..., 4], SHADOW_REACH / 3 * density) * _SHADOW_STRENGTH
    texels[..., 3] += (1 - texels[..., 3]) * halo


def _blurred(mask: Floats, radius: float) -> Floats:
    image = Image.fromarray((mask * 255 + 0.5).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / np.float32(255)


def _coarser(level: Level, density: float) -> Level:
    """`level` resampled to about `density`; the exact density keeps the middle in the middle."""
    height, width, depth = level.texels.shape
    share = density / level.density
    size = (max(2, round(width * share)), max(2, round(height * share)))
    # Resampling exactly the footprint of the rounded size, about the middle, keeps the factor.
    span = (size[0] / share, size[1] / share)
    padded = _padded(level.texels, (int(np.ceil(span[1])) + 2, int(np.ceil(span[0])) + 2))
    middle = padded.shape[1] / 2, padded.shape[0] / 2
    box = (middle[0] - span[0] / 2, middle[1] - span[1] / 2,
           middle[0] + span[0] / 2, middle[1] + span[1] / 2)  # fmt: skip
    channels = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(padded[..., c])).resize(
                size, Image.Resampling.HAMMING, box=box
            )
        )
        for c in range(depth)
    ]
    return Level(np.stack(channels, axis=-1), density)


def _padded(texels: Floats, shape: tuple[int, int]) -> Floats:
    """Zero padding, equal on opposite sides, to at least `shape`."""
    rows, columns = (max(0, -(-(s - t) // 2)) for s, t in zip(shape, texels.shape[:2], strict=True))
    return np.pad(texels, ((rows, rows), (columns, columns), (0, 0)))
