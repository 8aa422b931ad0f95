"""Who plays in a scene: objects painted from designs; `cutouts` has real ones."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from PIL import Image

from data_prep.synthetic.background import paint_background
from data_prep.synthetic.shapes import Design, look_alike, post_design, random_design
from data_prep.synthetic.sprites import Sprite, paint


class Looks(Protocol):
    """An object's appearance over time; frame numbers are real, from 0."""

    def at(self, t: float) -> Sprite: ...


class Cast(Protocol):
    """Where a scene's objects and background come from. A role is whatever the cast chooses to
    make a look of later, when it is known how large it will be seen. Immutable and hashable."""

    def __hash__(self) -> int: ...

    def target(self, rng: np.random.Generator) -> Any:
        """A role for an object with ground truth."""

    def look_alike(self, rng: np.random.Generator, role: Any, likeness: float) -> Any:
        """A role that resembles another, from not at all (0) to as a twin (1)."""

    def occluder(self, rng: np.random.Generator) -> Any:
        """A role for what passes in front of a target."""

    def dress(self, rng: np.random.Generator, role: Any, largest: float, smallest: float) -> Looks:
        """The role's looks, for display at `smallest` to `largest` pixels per object unit."""

    def background(self, rng: np.random.Generator, width: int, height: int) -> Image.Image:
        """An RGB picture of that many pixels."""


class Painted:
    """A sprite that looks the same all the time."""

    def __init__(self, sprite: Sprite) -> None:
        self._sprite = sprite

    def at(self, t: float) -> Sprite:
        return self._sprite


class PaintedCast:
    """Objects and backgrounds of pure invention."""

    def target(self, rng: np.random.Generator) -> Design:
        return random_design(rng)

    def look_alike(self, rng: np.random.Generator, role: Design, likeness: float) -> Design:
        return look_alike(rng, role, likeness)

    def occluder(self, rng: np.random.Generator) -> Design:
        return post_design(rng)

    def dress(
        self, rng: np.random.Generator, role: Design, largest: float, smallest: float
    ) -> Painted:
        return Painted(paint(rng, role, largest, smallest))

    def background(self, rng: np.random.Generator, width: int, height: int) -> Image.Image:
        return paint_background(rng, width, height)


PAINTED: Cast = PaintedCast()
