"""Object designs: a body with limbs and markings, each part a closed smooth contour."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.synthetic.textures import KINDS, Floats, muted_palette, random_palette

N_VERTICES = 180
_THETA = np.arange(N_VERTICES) * (2 * np.pi / N_VERTICES)


class Part(NamedTuple):
    """One textured piece of an object.

    contour: float64 [N_VERTICES, 2], (x, y) in object units (see `Design`); vertex k of every
    part lies in about the same direction from the part's middle, so that contours can be mixed.
    feature: the size of the pattern's elements, object units.
    """

    contour: NDArray[np.float64]
    kind: str
    palette: Floats
    feature: float


class Design(NamedTuple):
    """An object's look: its parts, from back to front.

    In object units the box around all parts is centred on the origin and its
    sqrt(width * height) is 1.
    """

    parts: tuple[Part, ...]

    def vertices(self) -> NDArray[np.float64]:
        """The contour points of every part: float64 [M, 2], object units."""
        return np.concatenate([part.contour for part in self.parts])


def random_design(rng: np.random.Generator) -> Design:
    """A new object: limbs behind a body, markings on it, mostly mirror symmetric."""
    body = _outline(rng) * rng.uniform((0.75, 0.75), (1.25, 1.25))
    limbs = [_limb(rng, body) for _ in range(rng.integers(0, 3))]
    marks = [_mark(rng, body) for _ in range(rng.integers(1, 3))]
    skin = random_palette(rng, (0.45, 0.95), (0.35, 1.0))
    accent = random_palette(rng, (0.3, 0.95), (0.3, 1.0))
    groups = [*((limb, accent) for limb in limbs), ([body], skin), *((m, accent) for m in marks)]
    parts = []
    for index, (contours, palette) in enumerate(groups):
        # Small parts carry a calm pattern; the body any pattern with a few repeats across it.
        kind = str(rng.choice(KINDS)) if index == len(limbs) else str(rng.choice(KINDS[:3]))
        feature = rng.uniform(0.14, 0.3)
        shuffled = palette[rng.permutation(len(palette))]
        parts += [Part(contour, kind, shuffled, feature) for contour in contours]
    return _centred(parts)


def look_alike(rng: np.random.Generator, design: Design, likeness: float) -> Design:
    """A different object between an unrelated one (likeness 0) and a twin of `design` (1)."""
    other = random_design(rng)
    parts = []
    for index, part in enumerate(design.parts):
        peer = other.parts[index % len(other.parts)]
        # Contours are mixed by form only: each part stays where it belongs on the object.
        stretch = np.ptp(part.contour, axis=0) / np.ptp(peer.contour, axis=0)
        form = (peer.contour - _middle(peer.contour)) * stretch
        contour = likeness * part.contour + (1 - likeness) * (form + _middle(part.contour))
        palette = likeness * part.palette + (1 - likeness) * peer.palette
        kind = part.kind if rng.random() < likeness else peer.kind
        parts.append(Part(contour, kind, palette.astype(np.float32), part.feature))
    return _centred(parts)


def post_design(rng: np.random.Generator) -> Design:
    """A plain upright obstacle (post, bush, boulder): one body, muted colours."""
    contour = _superellipse(rng) * (1.0, rng.uniform(1.0, 2.6))
    palette = muted_palette(rng, (0.15, 0.75))
    return _centred([Part(contour, str(rng.choice(KINDS)), palette, rng.uniform(0.12, 0.3))])


def _outline(rng: np.random.Generator) -> NDArray[np.float64]:
    family = (_superellipse, _blob, _star)[rng.integers(3)]
    return family(rng)


def _polar(radius: NDArray[np.float64]) -> NDArray[np.float64]:
    return radius[:, None] * np.stack([np.cos(_THETA), np.sin(_THETA)], axis=-1)


def _superellipse(rng: np.random.Generator) -> NDArray[np.float64]:
    power = rng.uniform(1.7, 5.0)
    total = np.abs(np.cos(_THETA)) ** power + np.abs(np.sin(_THETA)) ** power
    return _polar(total ** (-1 / power))


def _blob(rng: np.random.Generator) -> NDArray[np.float64]:
    waves = [rng.uniform(-0.4, 0.4) / k * np.cos(k * (_THETA - np.pi / 2)) for k in range(2, 6)]
    return _polar(1 + np.sum(waves, axis=0))


def _star(rng: np.random.Generator) -> NDArray[np.float64]:
    points = rng.integers(3, 8)
    return _polar(1 + rng.uniform(0.12, 0.3) * np.cos(points * (_THETA - np.pi / 2)))


def _limb(rng: np.random.Generator, body: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """A mirrored pair of ears, legs, wheels or wings on the body's rim."""
    anchor = body[rng.integers(N_VERTICES)]
    angle = np.arctan2(anchor[1], anchor[0])
    length, breadth = rng.uniform(0.3, 0.65), rng.uniform(0.2, 0.4)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    contour = _superellipse(rng) * (length, breadth) @ turn + 0.95 * anchor
    contour = np.roll(contour, round(angle / (2 * np.pi) * N_VERTICES), axis=0)
    return [contour, _mirrored(contour)]


def _mark(rng: np.random.Generator, body: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """An eye pair, window, muzzle or badge inside the body."""
    anchor = body[rng.integers(N_VERTICES)] * rng.uniform(0.25, 0.5)
    size = rng.uniform(0.14, 0.3)
    if abs(anchor[0]) < 1.15 * size:
        return [_outline(rng) * (1.4 * size, size) + (0, anchor[1])]
    contour = _superellipse(rng) * size + anchor
    return [contour, _mirrored(contour)]


def _mirrored(contour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left and right swapped, renumbered so that vertices keep their directions."""
    return np.roll(contour[::-1], N_VERTICES // 2 + 1, axis=0) * (-1, 1)


def _middle(contour: NDArray[np.float64]) -> NDArray[np.float64]:
    return (contour.min(axis=0) + contour.max(axis=0)) / 2


def _centred(parts: list[Part]) -> Design:
    vertices = np.concatenate([part.contour for part in parts])
    middle = _middle(vertices)
    size = np.sqrt(np.ptp(vertices, axis=0).prod())
    return Design(tuple(part._replace(contour=(part.contour - middle) / size) for part in parts))
