"""Still background pictures, larger than the frame, for the camera to pan over."""

from __future__ import annotations

import numpy as np
from PIL import Image

from data_prep.synthetic.shapes import post_design, random_design
from data_prep.synthetic.sprites import paint
from data_prep.synthetic.textures import Floats, fractal_noise, muted_palette, texture

_GROUNDS = ("cloud", "cells", "wood", "marble", "checks", "cloud")
_TONES = (0.2, 0.8)


def paint_background(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """An RGB picture of `width` x `height` pixels: open ground, a landscape or a row of walls."""
    scenery = (_ground, _landscape, _walls)[rng.integers(3)]
    picture = scenery(rng, (height, width))
    _scatter(rng, picture)
    light = 0.75 + 0.45 * fractal_noise(rng, (height, width), (1.5, 2.0), octaves=2)
    picture *= light[..., None]
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def _ground(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Grass, paving, boards or carpet seen from above, with worn patches of a second kind."""
    layers = []
    for kind in rng.choice(_GROUNDS, 2):
        palette, feature = muted_palette(rng, _TONES), rng.uniform(0.05, 0.12) * min(shape)
        layers.append(texture(rng, str(kind), shape, palette, feature))
    worn = fractal_noise(rng, shape, (2.5, 3.5))
    share = (0.5 + 0.5 * np.tanh(12 * (worn - rng.uniform(0.5, 0.7))))[..., None]
    return layers[0] * (1 - share) + layers[1] * share


def _landscape(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """A sky above hills that grow darker and more detailed towards the viewer."""
    height, width = shape
    sky = muted_palette(rng, (0.6, 0.95))
    picture = texture(rng, "cloud", shape, sky, 0.4 * height)
    rows = np.arange(height, dtype=np.float32)[:, None]
    n_ridges = int(rng.integers(3, 6))
    for index in range(n_ridges):
        nearness = (index + 1) / n_ridges
        profile = fractal_noise(rng, (2, width), (1, 2 + 2 * nearness), octaves=6)[:1]
        crest = height * (0.2 + 0.6 * (index + 0.3) / n_ridges - 0.18 * (profile - 0.5))
        palette = muted_palette(rng, (0.15, 0.75 - 0.15 * nearness))
        kind = str(rng.choice(("cloud", "marble", "wood", "cells")))
        hill = texture(rng, kind, shape, palette, height * (0.03 + 0.06 * nearness))
        haze = 0.5 * (1 - nearness)
        hill = hill * (1 - haze) + sky[2] * haze
        share = np.clip(rows - crest + 0.5, 0, 1)[..., None]
        picture = picture * (1 - share) + hill * share
    return picture


def _walls(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """House fronts of different texture, two rows deep, above a pavement."""
    height, width = shape
    picture = texture(rng, "cloud", shape, muted_palette(rng, (0.6, 0.95)), 0.4 * height)
    for roof_low, roof_high in ((0.05, 0.3), (0.25, 0.5)):
        left = 0
        while left < width:
            right = left + int(rng.uniform(0.12, 0.3) * width) + 1
            top = int(rng.uniform(roof_low, roof_high) * height)
            front = picture[top:, left:right]
            kind = str(rng.choice(("checks", "cells", "wood", "cloud", "spots", "stripes")))
            feature = rng.uniform(0.025, 0.06) * height
            front[:] = texture(rng, kind, front.shape[:2], muted_palette(rng, _TONES), feature)
            front[:2] *= 0.5
            front[:, :2] *= 0.5
            left = right
    street = picture[int(rng.uniform(0.62, 0.75) * height) :]
    street[:] = texture(rng, "cloud", street.shape[:2], muted_palette(rng, _TONES), 0.06 * height)
    return picture


def _scatter(rng: np.random.Generator, picture: Floats) -> None:
    """Strews a few kinds of small still things over the picture, in place."""
    height, width = picture.shape[:2]
    for _ in range(4):
        design = random_design(rng) if rng.random() < 0.25 else post_design(rng)
        size = rng.uniform(0.05, 0.16) * height
        thing = paint(rng, design, size, size).levels[0].texels
        fade = rng.uniform(0.5, 0.9)
        for _ in range(rng.integers(2, 7)):
            # Some stick out over the border, as things do.
            top = int(rng.uniform(-0.5 * size, height))
            left = int(rng.uniform(-0.5 * size, width))
            _paste(picture, thing, top, left, fade)


def _paste(picture: Floats, thing: Floats, top: int, left: int, fade: float) -> None:
    inner_top, inner_left = max(0, -top), max(0, -left)
    window = picture[top + inner_top : top + len(thing), left + inner_left : left + thing.shape[1]]
    cut = thing[inner_top:, inner_left:][: window.shape[0], : window.shape[1]] * fade
    window *= 1 - cut[..., 3:4]
    window += cut[..., :3]
