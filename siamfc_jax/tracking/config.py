"""What SiamFC's tracking loop can be told, and the presets of the papers and of released code.

"Release" names the settings and habits of the authors' released MATLAB tracker, or
of SiamDW's; "paper" follows the text and, where it is silent (penalty and window are not printed),
takes the released value.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from siamfc_jax.tracking.confidence import UNCALIBRATED, Confidence

PenaltyBase = Literal["raw", "above_min"]
DisplacementScale = Literal["previous", "chosen"]
Pyramid = Literal["direct", "two_stage", "exemplars"]

_FINITE = (
    "scale_step",
    "scale_lerp",
    "scale_penalty",
    "window_influence",
    "context",
    "min_side",
    "max_side",
)
_CHOICES = {
    "penalty_base": get_args(PenaltyBase),
    "displacement_scale": get_args(DisplacementScale),
    "pyramid": get_args(Pyramid),
}


@dataclass(frozen=True)
class SiamFCTracking:
    """Settings of the tracking loop (v2 paper §2.4 "Tracking algorithm" and §4.1 "Tracking").

    Attributes:
      n_scales: how many scales are searched, odd (v2 §4.2: 5; "3s": 3).
      scale_step: ratio of neighbouring scales (v2 §4.1: 1.025; released 1.0255 and 1.0375).
      scale_lerp: share of the chosen scale in the new one, the damping (v2 §4.1: .35; released
        .34 and .59; v1 §3.1: .65).
      scale_penalty: factor on the peak of every scale but the middle one (v2 §2.4 "any change in
        scale is penalized"; released .962 and .9745).
      penalty_base: what the penalty multiplies. "raw": the response itself, as released, which
        *raises* a negative peak; "above_min": its height over the lowest response of all scales,
        so that a penalty below 1 always lowers.
      window_influence: weight of the cosine window in the convex sum (released .168 and .176).
      upsample: factor of the bicubic upsampling of the response (v2 §4.1: 17 -> 272, 16).
      exemplar_size, search_size: sides of the crops in pixels (v2 §2.4: 127, 255).
      stride: total stride of the embedding in pixels (v2 §2.4: 8).
      context: margin around the box in units of w + h, both sides together (v2 eq. 7: .5).
      min_side, max_side: limits of the search side relative to its first value (released .2, 5).
        Without them a lost target grows without bound.
      size_follows_limits: the box stops growing with the search side. Released code limits only
        the search side.
      legacy_center: the displacement is measured from the upsampled map's ceil(272 / 2) counted
        from 1, as released: half an upsampled pixel (.25 search pixels) off the true centre.
      displacement_scale: side that turns search pixels into frame pixels. "previous": the search
        side before this frame's scale was chosen, as released; "chosen": that of the chosen scale,
        in whose crop the displacement was measured.
      round_crops: crops start and end on whole frame pixels, as released, up to half a pixel
        (and, by its formula, another half) off the target's centre.
      pyramid: "direct" resizes every scale from the frame, bilinearly. "two_stage" is the released
        way: crops of whole pixels; the largest region is resized so that the smallest scale has
        its final size, and the scales are cut from that and resized again; by area when they
        shrink (`siamfc_jax.area_resize`). Slower. "exemplars" cuts the exemplar, once, at the
        inverse of every scale, and every frame one search image at the middle one, whose response
        to each of them stands for a scale: of no paper, and the work of one scale. There
        `round_crops`, which would upset the scales, and `displacement_scale` change nothing.
      clip_to_frame: the centre stays inside the frame and the reported box is cut at its border.
        Released code does neither.
      confidence: what makes a probability of the score, and when a target is lost. It does not
        change the boxes.
    """

    n_scales: int = 3
    scale_step: float = 1.025
    scale_lerp: float = 0.35
    scale_penalty: float = 0.9745
    penalty_base: PenaltyBase = "above_min"
    window_influence: float = 0.176
    upsample: int = 16
    exemplar_size: int = 127
    search_size: int = 255
    stride: int = 8
    context: float = 0.5
    min_side: float = 0.2
    max_side: float = 5.0
    size_follows_limits: bool = True
    legacy_center: bool = False
    displacement_scale: DisplacementScale = "chosen"
    round_crops: bool = False
    pyramid: Pyramid = "direct"
    clip_to_frame: bool = True
    confidence: Confidence = UNCALIBRATED

    def __post_init__(self) -> None:
        for name in ("exemplar_size", "search_size", "stride", "upsample"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in _FINITE:
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be a finite number, not {getattr(self, name)}")
        if self.n_scales < 1 or self.n_scales % 2 == 0:
            raise ValueError(f"n_scales must be odd and positive, not {self.n_scales}")
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} must be {' or '.join(allowed)}, not {getattr(self, name)!r}"
                )
        if self.scale_step <= 1 and self.n_scales > 1:
            raise ValueError(f"scale_step must be above 1, not {self.scale_step:g}")

    @property
    def whole_pixels(self) -> bool:
        """Whether crops start and end on whole frame pixels; the two-stage pyramid's always do,
        those of exemplars never."""
        return self.pyramid == "two_stage" or (self.round_crops and self.pyramid == "direct")

    @property
    def scales(self) -> tuple[float, ...]:
        """Searched scales in increasing order; the middle one is 1."""
        half = self.n_scales // 2
        return tuple(self.scale_step**power for power in range(-half, half + 1))

    @property
    def exemplar_scales(self) -> tuple[float, ...]:
        """Scales of the target in the exemplars, relative to the one that the paper cuts."""
        return self.scales if self.pyramid == "exemplars" else (1.0,)

    @property
    def search_scales(self) -> tuple[float, ...]:
        """Scales of the search images of a frame."""
        return (1.0,) if self.pyramid == "exemplars" else self.scales


def _released(
    n_scales: int, scale_step: float, scale_lerp: float, scale_penalty: float, window: float
) -> SiamFCTracking:
    return SiamFCTracking(
        n_scales=n_scales,
        scale_step=scale_step,
        scale_lerp=scale_lerp,
        scale_penalty=scale_penalty,
        window_influence=window,
        penalty_base="raw",
        size_follows_limits=False,
        legacy_center=True,
        displacement_scale="previous",
        round_crops=True,
        pyramid="two_stage",
        clip_to_frame=False,
    )


SIAMFC_PAPER = SiamFCTracking(n_scales=5, scale_penalty=0.962, window_influence=0.168)
"""SiamFC, 5 scales, v2 paper §4.1."""

SIAMFC_RELEASE = _released(5, 1.0255, 0.34, 0.962, 0.168)
"""SiamFC, 5 scales, released settings."""

SIAMFC_3S_PAPER = SiamFCTracking(n_scales=3)
"""SiamFC-3s, v2 paper §4.2: as SiamFC with 3 of its scales."""

SIAMFC_3S_RELEASE = _released(3, 1.0375, 0.59, 0.9745, 0.176)
"""SiamFC-3s, released settings: the tracker behind the published raw results."""

SIAMFC_V1_PAPER = SiamFCTracking(n_scales=3, scale_step=1.03, scale_lerp=0.65)
"""SiameseFC-AlexNet and -ResNet, v1 paper §3.1; no code was released for v1."""

SIAMFC_CIRESNET22_RELEASE = replace(
    SIAMFC_3S_RELEASE, window_influence=0.35, legacy_center=False, clip_to_frame=True
)
"""SiameseFC-CIResNet-22 as released with SiamDW (lib/tracker/siamfc.py), before its tuning on each
benchmark. There the box is not cut, but kept between 10 pixels and the frame's size."""

PRESETS = {
    "siamfc-paper": SIAMFC_PAPER,
    "siamfc-release": SIAMFC_RELEASE,
    "siamfc-3s-paper": SIAMFC_3S_PAPER,
    "siamfc-3s-release": SIAMFC_3S_RELEASE,
    "siamfc-ciresnet22-release": SIAMFC_CIRESNET22_RELEASE,
    "siamfc-v1-paper": SIAMFC_V1_PAPER,
}
