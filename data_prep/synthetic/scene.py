"""Casting and planning: from a config and a seed to sprites with tracks, lights and a camera."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from data_prep.synthetic.casting import PAINTED, Cast, Looks
from data_prep.synthetic.config import SceneConfig
from data_prep.synthetic.motion import Camera, Point, Track, Wave

# Every object and device draws from its own random stream, so adding one leaves the others alone.
_TARGET, _DISTRACTOR, _OCCLUDER, _CAMERA, _LIGHT, _BACKGROUND, _ORDER = range(7)
_SLOW = (60.0, 240.0)
_QUICK = (40.0, 120.0)
_SHAKE = (3.0, 12.0)
N_LAMPS = 3


@dataclass(frozen=True)
class Actor:
    """An object and its motion; target is its column in the ground truth, or None."""

    looks: Looks
    track: Track
    target: int | None


@dataclass(frozen=True)
class Lights:
    """global_waves: brightness, red and blue over time. lamps: for each roaming patch, the waves
    of its x, y (around the frame's centre, in half frames) and brightness."""

    global_waves: tuple[Wave, Wave, Wave]
    lamps: tuple[tuple[Wave, Wave, Wave], ...]


@dataclass(frozen=True)
class Scene:
    """All that frames are rendered from; actors are ordered from back to front."""

    config: SceneConfig
    background: Image.Image
    camera: Camera
    lights: Lights
    actors: tuple[Actor, ...]


@functools.lru_cache(maxsize=2)
def build_scene(config: SceneConfig, seed: int, cast: Cast = PAINTED) -> Scene:
    """Paints the background and sprites and draws all random motion. Raises ValueError for a
    negative seed."""
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    camera = _camera(config, _stream(seed, _CAMERA))
    roles = [cast.target(_stream(seed, _TARGET, index)) for index in range(config.n_targets)]
    targets = [_target(config, cast, seed, index, role) for index, role in enumerate(roles)]
    distractors = [
        _distractor(config, cast, _stream(seed, _DISTRACTOR, index), roles[index % len(roles)])
        for index in range(config.n_distractors)
    ]
    crowd = [*targets, *distractors]
    order = _stream(seed, _ORDER).permutation(len(crowd))
    occluders = []
    if config.occlusion > 0:
        occluders = [_occluder(config, cast, seed, i, targets) for i in range(config.n_occluders)]
    actors = (*(crowd[index] for index in order), *occluders)
    background = cast.background(_stream(seed, _BACKGROUND), *_background_size(config))
    return Scene(config, background, camera, _lights(_stream(seed, _LIGHT)), actors)


def _stream(seed: int, role: int, index: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, role, index])


def _target(config: SceneConfig, cast: Cast, seed: int, index: int, role: Any) -> Actor:
    return _actor(config, cast, np.random.default_rng([seed, _TARGET, index, 1]), role, index)


def _distractor(config: SceneConfig, cast: Cast, rng: np.random.Generator, target: Any) -> Actor:
    return _actor(config, cast, rng, cast.look_alike(rng, target, config.likeness), None)


def _actor(
    config: SceneConfig, cast: Cast, rng: np.random.Generator, role: Any, target: int | None
) -> Actor:
    size = float(np.exp(rng.uniform(*np.log(config.size_range))))
    track = _track(config, rng, size)
    return Actor(_dress_for_track(config, cast, rng, role, track), track, target)


def _dress_for_track(
    config: SceneConfig, cast: Cast, rng: np.random.Generator, role: Any, track: Track
) -> Looks:
    spread = float(np.exp(track.scale + config.zoom))
    return cast.dress(rng, role, track.size * spread, track.size / spread)


def _track(config: SceneConfig, rng: np.random.Generator, size: float) -> Track:
    frame = np.array([config.width, config.height], float)
    margin = np.minimum(0.5 * size, 0.4 * frame)
    direction = rng.uniform(0, 2 * np.pi)
    velocity = config.speed * np.array([np.cos(direction), np.sin(direction)])
    low, high = margin, frame - margin
    return Track(
        start=_start(rng, velocity * (config.n_frames - 1), low, high),
        velocity=velocity,
        low=low,
        high=high,
        wander=config.wander,
        wander_waves=(Wave.random(rng, _SLOW), Wave.random(rng, _SLOW)),
        size=size,
        scale=config.scale,
        scale_wave=Wave.random(rng, _SLOW, terms=2),
        rotation=float(np.deg2rad(config.rotation)),
        rotation_wave=Wave.random(rng, _QUICK, terms=2),
        deformation=config.deformation,
        bend_waves=(Wave.random(rng, _QUICK), Wave.random(rng, _QUICK), Wave.random(rng, _QUICK)),
        bend_rate=(rng.uniform(2, 5), rng.uniform(2, 5)),
        bend_drift=rng.uniform(0.02, 0.1),
    )


def _start(rng: np.random.Generator, travel: Point, low: Point, high: Point) -> Point:
    """A random start from which the straight path stays inside [low, high] wherever one fits."""
    first = np.clip(low - np.minimum(travel, 0), low, high)
    last = np.clip(high - np.maximum(travel, 0), low, high)
    return first + rng.random(2) * (np.maximum(last, first) - first)


def _occluder(
    config: SceneConfig, cast: Cast, seed: int, index: int, targets: list[Actor]
) -> Actor:
    """An obstacle that crosses the middle of its target's path at a planned moment."""
    rng = _stream(seed, _OCCLUDER, index)
    victim = targets[index % len(targets)].track
    size = config.occlusion * victim.size
    # One pass in each equal share of the clip, in the share's middle half.
    share = config.n_frames / config.n_occluders
    moment = share * (index + rng.uniform(0.25, 0.75))
    speed = rng.uniform(0.06, 0.1) * (victim.size + size) * rng.choice((-1, 1))
    velocity = np.array([speed, rng.uniform(-0.2, 0.2) * speed])
    miss = np.array([0, rng.uniform(-0.3, 0.3) * victim.size])
    nowhere = np.full(2, np.inf)
    track = dataclasses.replace(
        _track(config, rng, size),
        start=victim.position(moment) + miss - velocity * moment,
        velocity=velocity,
        low=-nowhere,
        high=nowhere,
        wander=0.0,
        scale=0.0,
        rotation=0.0,
        deformation=0.0,
    )
    return Actor(_dress_for_track(config, cast, rng, cast.occluder(rng), track), track, None)


def _camera(config: SceneConfig, rng: np.random.Generator) -> Camera:
    return Camera(
        centre=np.array([config.width, config.height]) / 2,
        pan=config.pan,
        pan_waves=(Wave.random(rng, _SLOW), Wave.random(rng, _SLOW)),
        zoom=config.zoom,
        zoom_wave=Wave.random(rng, _SLOW, terms=2),
        jitter=config.jitter,
        jitter_waves=(Wave.random(rng, _SHAKE), Wave.random(rng, _SHAKE)),
    )


def _lights(rng: np.random.Generator) -> Lights:
    first, second, third = (Wave.random(rng, _QUICK) for _ in range(3))
    lamps = tuple(
        (Wave.random(rng, _SLOW, 1), Wave.random(rng, _SLOW, 1), Wave.random(rng, _SLOW, 1))
        for _ in range(N_LAMPS)
    )
    return Lights((first, second, third), lamps)


def _background_size(config: SceneConfig) -> tuple[int, int]:
    """Of a picture that covers the view at its widest zoom and farthest pan, plus a border."""
    frame = np.array([config.width, config.height])
    size = np.ceil((frame + 2 * config.jitter) * np.exp(config.zoom) + 2 * config.pan + 4)
    return int(size[0]), int(size[1])
