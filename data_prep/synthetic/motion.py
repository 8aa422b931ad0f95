"""Closed-form motion: every quantity is a function of the frame number alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.synthetic.textures import Floats

Point = NDArray[np.float64]


class Wave(NamedTuple):
    """A sum of sines of time whose absolute value never exceeds 1."""

    rates: NDArray[np.float64]
    phases: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def random(cls, rng: np.random.Generator, periods: tuple[float, float], terms: int = 3) -> Wave:
        """Sines with periods, in frames, drawn log-uniformly from `periods`."""
        rates = 2 * np.pi / np.exp(rng.uniform(np.log(periods[0]), np.log(periods[1]), terms))
        weights = rng.uniform(0.5, 1, terms)
        return cls(rates, rng.uniform(0, 2 * np.pi, terms), weights / weights.sum())

    def __call__(self, t: float) -> float:
        return float(self.weights @ np.sin(self.rates * t + self.phases))


class Bend(NamedTuple):
    """A smooth non-rigid deformation with an exact inverse: two sinusoidal shears, then a stretch.

    shear, rate, phase: the amplitude (object units), spatial rate (radians per object unit) and
    phase (radians) of the shear along x, then of the shear along y. stretch: log of the factor by
    which x grows and y shrinks.
    """

    shear: tuple[float, float]
    rate: tuple[float, float]
    phase: tuple[float, float]
    stretch: float

    def apply(self, points: Point) -> Point:
        x = points[:, 0] + self.shear[0] * np.sin(self.rate[0] * points[:, 1] + self.phase[0])
        y = points[:, 1] + self.shear[1] * np.sin(self.rate[1] * x + self.phase[1])
        return np.stack([x * np.exp(self.stretch), y * np.exp(-self.stretch)], axis=-1)

    def undo(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        x = x * np.float32(np.exp(-self.stretch))
        y = y * np.float32(np.exp(self.stretch))
        if self.shear[1]:
            y = y - np.float32(self.shear[1]) * np.sin(
                np.float32(self.rate[1]) * x + np.float32(self.phase[1])
            )
        if self.shear[0]:
            x = x - np.float32(self.shear[0]) * np.sin(
                np.float32(self.rate[0]) * y + np.float32(self.phase[0])
            )
        return x, y


class Pose(NamedTuple):
    """Where an object is: bent, turned by `angle` (radians), scaled (pixels per object unit) and
    moved to `centre` (frame pixels); `velocity` is the centre's, pixels per frame."""

    centre: Point
    scale: float
    angle: float
    bend: Bend
    velocity: Point

    def to_frame(self, points: Point) -> Point:
        """Object units [M, 2] to frame pixels [M, 2]."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        turn = np.array([[cosine, sine], [-sine, cosine]])
        return self.bend.apply(points) @ turn * self.scale + self.centre

    def to_object(self, columns: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """Frame pixel coordinates, x [W] and y [H], to object units, two arrays [H, W]."""
        x = ((columns - self.centre[0]) / self.scale).astype(np.float32)[None]
        y = ((rows - self.centre[1]) / self.scale).astype(np.float32)[:, None]
        cosine, sine = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        return self.bend.undo(cosine * x + sine * y, cosine * y - sine * x)


@dataclass(frozen=True)
class Camera:
    """A camera that pans over the background, zooms about the frame's centre, and shakes."""

    centre: Point
    pan: float
    pan_waves: tuple[Wave, Wave]
    zoom: float
    zoom_wave: Wave
    jitter: float
    jitter_waves: tuple[Wave, Wave]

    def offset(self, t: float) -> Point:
        """How far the view has panned over the background, pixels at zoom 1."""
        return self.pan * np.array([wave(t) for wave in self.pan_waves])

    def shake(self, t: float) -> Point:
        return self.jitter * np.array([wave(t) for wave in self.jitter_waves])

    def magnification(self, t: float) -> float:
        return float(np.exp(self.zoom * self.zoom_wave(t)))

    def to_frame(self, point: Point, t: float) -> Point:
        return self.centre + self.magnification(t) * (point - self.centre) + self.shake(t)


@dataclass(frozen=True)
class Track:
    """One object's motion. Positions are frame pixels before the camera's zoom and shake and are
    reflected into [low, high]; size is in pixels, rotation in radians."""

    start: Point
    velocity: Point
    low: Point
    high: Point
    wander: float
    wander_waves: tuple[Wave, Wave]
    size: float
    scale: float
    scale_wave: Wave
    rotation: float
    rotation_wave: Wave
    deformation: float
    bend_waves: tuple[Wave, Wave, Wave]
    bend_rate: tuple[float, float]
    bend_drift: float

    def position(self, t: float) -> Point:
        wandering = self.wander * np.array([wave(t) for wave in self.wander_waves])
        return _reflect(self.start + self.velocity * t + wandering, self.low, self.high)

    def pose(self, t: float, camera: Camera) -> Pose:
        before, after = (camera.to_frame(self.position(t + d), t + d) for d in (-0.5, 0.5))
        first, second, stretch = (self.deformation * wave(t) for wave in self.bend_waves)
        phase = self.bend_drift * t
        return Pose(
            camera.to_frame(self.position(t), t),
            self.size * float(np.exp(self.scale * self.scale_wave(t))) * camera.magnification(t),
            self.rotation * self.rotation_wave(t),
            Bend((first, second), self.bend_rate, (phase, 1.3 * phase), stretch),
            after - before,
        )


def _reflect(point: Point, low: Point, high: Point) -> Point:
    """Folds each coordinate into [low, high] by mirroring at the ends, as often as needed."""
    if np.all((point >= low) & (point <= high)):
        return point
    span = high - low
    return low + np.abs((point - low + span) % (2 * span) - span)
