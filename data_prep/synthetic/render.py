"""Frames, boxes, visibilities and masks of a scene."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data_prep.synthetic.casting import PAINTED, Cast
from data_prep.synthetic.config import DEMO, SceneConfig
from data_prep.synthetic.scene import Actor, Scene, build_scene
from data_prep.synthetic.sprites import SHADOW_REACH
from data_prep.synthetic.textures import Floats

DEMO_SEED = 74
_MAX_SHUTTER_SAMPLES = 16
_LIGHT_CELL = 16


class Frame(NamedTuple):
    """image: uint8 [H, W, 3] RGB. boxes: float32 [N, 4]. visible: float32 [N]. See `Clip`."""

    image: NDArray[np.uint8]
    boxes: Floats
    visible: Floats


class Clip(NamedTuple):
    """T frames of N targets.

    frames: uint8 [T, H, W, 3], RGB.
    boxes: float32 [T, N, 4], (x, y, w, h) in pixels, (x, y) the upper-left corner from the
      frame's upper-left corner: the tight box of the whole silhouette at mid exposure, whether
      or not parts of it are hidden or outside the frame.
    visible: float32 [T, N], the fraction of the silhouette's pixels inside the frame and not
      behind something else, in [0, 1].
    """

    frames: NDArray[np.uint8]
    boxes: Floats
    visible: Floats


def render_frame(config: SceneConfig, seed: int, t: int) -> Frame:
    """Frame `t` alone. Raises IndexError unless 0 <= t < config.n_frames."""
    if not 0 <= t < config.n_frames:
        raise IndexError(f"frame {t} is outside the clip of {config.n_frames} frames")
    return draw(build_scene(config, seed), t)


def iter_frames(
    config: SceneConfig, seed: int, cast: Cast = PAINTED, *, every: int = 1
) -> Iterator[Frame]:
    """All frames, or every so many, in order, each drawn when asked for."""
    scene = build_scene(config, seed, cast)
    return (draw(scene, t) for t in range(0, config.n_frames, every))


def render_clip(config: SceneConfig, seed: int) -> Clip:
    """The whole clip in memory. The same config and seed give the same bytes."""
    return Clip(*(np.stack(column) for column in zip(*iter_frames(config, seed), strict=True)))


def render_demo() -> Clip:
    """The demonstration clip: 120 frames of 640 x 480 meant for 30 frames per second; the target
    to track is target 0 and starts at `boxes[0, 0]`."""
    return render_clip(DEMO, DEMO_SEED)


def render_masks(config: SceneConfig, seed: int, t: int, cast: Cast = PAINTED) -> NDArray[np.bool_]:
    """Each target's silhouette in frame `t`, sampled at pixel centres, without blur and as if
    nothing were in front of it: bool [N, H, W]."""
    scene = build_scene(config, seed, cast)
    masks = np.zeros((config.n_targets, config.height, config.width), bool)
    columns, rows = np.arange(config.width) + 0.5, np.arange(config.height) + 0.5
    for actor in scene.actors:
        if actor.target is not None:
            pose = actor.track.pose(t, scene.camera)
            x, y = pose.to_object(columns, rows)
            masks[actor.target] = actor.looks.at(t).sample(x, y, pose.scale)[..., 4] > 0.5
    return masks


def draw(scene: Scene, t: int) -> Frame:
    """Renders one frame of a built scene."""
    config = scene.config
    canvas = _view(scene, t)
    patches = [_patch(actor, scene, t) for actor in scene.actors]
    for patch in patches:
        _blend(canvas, patch)
    _relight(canvas, scene, t)
    boxes = np.zeros((config.n_targets, 4), np.float32)
    visible = np.zeros(config.n_targets, np.float32)
    for depth, (actor, patch) in enumerate(zip(scene.actors, patches, strict=True)):
        if actor.target is not None:
            boxes[actor.target] = patch.box
            visible[actor.target] = _visible_share(patch, patches[depth + 1 :], config)
    return Frame(np.clip(canvas + 0.5, 0, 255).astype(np.uint8), boxes, visible)


class _Patch(NamedTuple):
    """An object in the frame. box: (x, y, w, h). left, top: the patch's corner, whole pixels.
    colour: float32 [h, w, 4], premultiplied and blurred. silhouette: bool [h, w], sharp."""

    box: tuple[float, float, float, float]
    left: int
    top: int
    colour: Floats
    silhouette: NDArray[np.bool_]


def _patch(actor: Actor, scene: Scene, t: float) -> _Patch:
    config, sprite = scene.config, actor.looks.at(t)
    pose = actor.track.pose(t, scene.camera)
    points = pose.to_frame(sprite.outline)
    low, high = points.min(axis=0), points.max(axis=0)
    box = (low[0], low[1], high[0] - low[0], high[1] - low[1])
    smear = config.blur * pose.velocity
    margin = np.ceil(1.5 * SHADOW_REACH * pose.scale + np.abs(smear) / 2 + 2)
    left, top = (int(v) for v in np.floor(low - margin))
    right, bottom = (int(v) for v in np.ceil(high + margin))
    if right <= 0 or bottom <= 0 or left >= config.width or top >= config.height:
        return _Patch(box, left, top, np.zeros((0, 0, 4), np.float32), np.zeros((0, 0), bool))
    x, y = pose.to_object(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    samples = sprite.sample(x, y, pose.scale)
    colour = _smeared(np.ascontiguousarray(samples[..., :4]), smear)
    return _Patch(box, left, top, colour, samples[..., 4] > 0.5)


def _smeared(colour: Floats, smear: NDArray[np.float64]) -> Floats:
    """Motion blur: the mean over positions along `smear` (x, y in pixels), centred on zero."""
    length = float(np.hypot(*smear))
    if length < 0.25:
        return colour
    n_samples = min(int(np.ceil(length)) + 1, _MAX_SHUTTER_SAMPLES)
    result = np.zeros_like(colour)
    height, width = colour.shape[:2]
    for (down, right), weight in _shutter_kernel(smear, n_samples).items():
        target = result[max(0, down) : height + down, max(0, right) : width + right]
        source = colour[max(0, -down) : height - down, max(0, -right) : width - right]
        target += np.float32(weight) * source
    return result


def _shutter_kernel(smear: NDArray[np.float64], n_samples: int) -> dict[tuple[int, int], float]:
    """Weights, summing to 1, of whole-pixel shifts (down, right) along the smear."""
    kernel: dict[tuple[int, int], float] = {}
    for along in np.linspace(-0.5, 0.5, n_samples):
        x, y = along * smear
        left, top = int(np.floor(x)), int(np.floor(y))
        for down, row_weight in ((top, 1 - (y - top)), (top + 1, y - top)):
            for right, weight in ((left, 1 - (x - left)), (left + 1, x - left)):
                if row_weight * weight > 0:
                    share = row_weight * weight / n_samples
                    kernel[down, right] = kernel.get((down, right), 0) + share
    return kernel


def _view(scene: Scene, t: int) -> Floats:
    """The background through the camera: float32 [H, W, 3]."""
    config, camera = scene.config, scene.camera
    zoom = camera.magnification(t)
    middle = np.array(scene.background.size) / 2 + camera.offset(t)
    # Frame point p shows background point (p - centre - shake) / zoom + middle.
    shift = middle - (camera.centre + camera.shake(t)) / zoom
    view = scene.background.transform(
        (config.width, config.height),
        Image.Transform.AFFINE,
        (1 / zoom, 0, shift[0], 0, 1 / zoom, shift[1]),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(view).astype(np.float32)


def _blend(canvas: Floats, patch: _Patch) -> None:
    height, width = patch.colour.shape[:2]
    above, before = max(0, -patch.top), max(0, -patch.left)
    window = canvas[patch.top + above : max(0, patch.top + height),
                    patch.left + before : max(0, patch.left + width)]  # fmt: skip
    colour = patch.colour[above:, before:][: window.shape[0], : window.shape[1]]
    window *= 1 - colour[..., 3:]
    window += colour[..., :3]


def _relight(canvas: Floats, scene: Scene, t: int) -> None:
    """Multiplies the picture by the light of the moment, in place."""
    config = scene.config
    if config.global_light:
        brightness, red, blue = (config.global_light * w(t) for w in scene.lights.global_waves)
        tint = (1 + brightness) * np.array([1 + red / 4, 1, 1 + blue / 4])
        canvas *= tint.astype(np.float32)
    if config.local_light:
        canvas *= _lamp_light(scene, t)[..., None]


def _lamp_light(scene: Scene, t: int) -> Floats:
    """The roaming patches' gain around 1: float32 [H, W], computed coarsely as it is smooth."""
    width, height = scene.config.width, scene.config.height
    coarse = (-(-width // _LIGHT_CELL) + 1, -(-height // _LIGHT_CELL) + 1)
    x = np.linspace(-1, 1, coarse[0])[None]
    y = np.linspace(-1, 1, coarse[1])[:, None]
    gain = np.ones(coarse[::-1])
    for wave_x, wave_y, wave_gain in scene.lights.lamps:
        distance2 = (x - 1.2 * wave_x(t)) ** 2 + (y - 1.2 * wave_y(t)) ** 2
        strength = scene.config.local_light * (0.6 + 0.4 * wave_gain(t))
        gain *= 1 + np.sign(wave_gain.phases[0] - np.pi) * strength * np.exp(-4 * distance2)
    light = Image.fromarray(gain.astype(np.float32))
    return np.asarray(light.resize((width, height), Image.Resampling.BICUBIC))


def _visible_share(patch: _Patch, in_front: list[_Patch], config: SceneConfig) -> float:
    """The fraction of the silhouette inside the frame and not covered by patches in front."""
    height, width = patch.silhouette.shape
    shown = patch.silhouette.copy()
    rows, columns = np.arange(height) + patch.top, np.arange(width) + patch.left
    shown[(rows < 0) | (rows >= config.height)] = False
    shown[:, (columns < 0) | (columns >= config.width)] = False
    for other in in_front:
        other_height, other_width = other.silhouette.shape
        top, left = max(patch.top, other.top), max(patch.left, other.left)
        bottom = min(patch.top + height, other.top + other_height)
        right = min(patch.left + width, other.left + other_width)
        if top < bottom and left < right:
            cover = other.silhouette[top - other.top : bottom - other.top,
                                     left - other.left : right - other.left]  # fmt: skip
            shown[top - patch.top : bottom - patch.top,
                  left - patch.left : right - patch.left] &= ~cover  # fmt: skip
    return float(shown.sum() / max(1, patch.silhouette.sum()))
