"""What a synthetic clip contains, and the named presets."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class SceneConfig:
    """The recipe of one clip; a seed turns it into pixels. Every strength is off at 0.

    Frame and cast:
      width, height: frame size in pixels. n_frames: clip length.
      n_targets: objects with ground truth (at least 1).
      n_distractors: objects without ground truth that resemble the targets.
      likeness: how close distractors come to the target they imitate, 0 (unrelated) to 1 (same
        colours and silhouettes).
      size_range: smallest and largest sqrt(width * height) of an object's box, in pixels, at
        scale 1; occluders are sized by `occlusion` instead.
    Object motion, all smooth in time:
      speed: constant velocity, pixels per frame, in a random direction; an object whose centre
        would leave the frame bounces off its border.
      wander: amplitude of a smooth random path on top of it, pixels.
      scale: amplitude of log scale; sizes stay within exp(+-scale) of their mean.
      rotation: amplitude, degrees.
      deformation: amplitude of non-rigid bending, as a fraction of the object's size.
    Imaging:
      blur: motion blur of objects, as the fraction of the frame interval the shutter is open.
      global_light: relative amplitude of brightness (and a little colour) change over time.
      local_light: relative amplitude of soft patches of light and shade that roam the frame.
    Occlusion:
      n_occluders: objects that pass over a target, each once, spread over the clip.
      occlusion: the occluders' size as a fraction of their target's.
    Camera, which moves the background under the objects and shakes and zooms everything:
      pan: amplitude, pixels. zoom: amplitude of log zoom. jitter: amplitude of shake, pixels.

    Raises ValueError naming the field when a value is out of range.
    """

    width: int = 640
    height: int = 480
    n_frames: int = 120
    n_targets: int = 1
    n_distractors: int = 0
    likeness: float = 0.6
    size_range: tuple[float, float] = (60.0, 120.0)
    speed: float = 0.0
    wander: float = 0.0
    scale: float = 0.0
    rotation: float = 0.0
    deformation: float = 0.0
    blur: float = 0.0
    global_light: float = 0.0
    local_light: float = 0.0
    n_occluders: int = 0
    occlusion: float = 0.0
    pan: float = 0.0
    zoom: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        for name in ("width", "height", "n_frames", "n_targets"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name != "size_range":
                _require(math.isfinite(value) and value >= 0, field.name, "finite and >= 0", value)
        low, high = self.size_range
        ordered = 0 < low <= high < math.inf
        _require(ordered, "size_range", "(low, high) with 0 < low <= high", self.size_range)
        _require(self.likeness <= 1, "likeness", "at most 1", self.likeness)
        _require(self.deformation <= 0.5, "deformation", "at most 0.5", self.deformation)
        light = self.global_light + self.local_light
        _require(light < 1, "global_light + local_light", "below 1", light)


def _require(holds: bool, name: str, wanted: str, value: object) -> None:
    if not holds:
        raise ValueError(f"SceneConfig.{name} must be {wanted}, got {value!r}")


EASY = SceneConfig(width=320, height=240, n_frames=40, size_range=(40.0, 60.0), speed=1.5)
"""One target gliding over a still background: small and quick, for tests."""

DEMO = SceneConfig(
    n_distractors=2, likeness=0.6, size_range=(84.0, 100.0), speed=1.0, wander=70.0, scale=0.2,
    rotation=15.0, deformation=0.04, blur=0.5, global_light=0.12, local_light=0.25, n_occluders=1,
    occlusion=0.8, pan=90.0, zoom=0.06, jitter=1.0,
)  # fmt: skip
"""Everything at once, mildly: the clip that ships with the package."""

HARD = SceneConfig(
    n_targets=2, n_distractors=4, likeness=0.75, size_range=(40.0, 130.0), speed=2.5, wander=110.0,
    scale=0.45, rotation=40.0, deformation=0.1, blur=0.8, global_light=0.3, local_light=0.35,
    n_occluders=4, occlusion=1.1, pan=140.0, zoom=0.12, jitter=3.0,
)  # fmt: skip
"""Strong variation of every kind, for training."""

COMPOSITE = SceneConfig(
    width=480, height=360, n_frames=96, n_distractors=3, likeness=0.5, size_range=(32.0, 140.0),
    speed=1.0, wander=120.0, scale=0.45, rotation=18.0, deformation=0.06, blur=0.5,
    global_light=0.35, local_light=0.35, n_occluders=1, occlusion=0.8, pan=100.0, zoom=0.15,
    jitter=2.0,
)  # fmt: skip
"""Cut-outs over photographs, for training; few of its frames need be kept (`every`)."""

PRESETS = {"easy": EASY, "demo": DEMO, "hard": HARD, "composite": COMPOSITE}
