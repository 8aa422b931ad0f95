"""How SiamRPN is trained beyond what all networks share, and the presets."""

from dataclasses import dataclass
from typing import Any, Literal

from siamfc_jax.training.augment import Augmentation, expect_within

_RANGES = {
    "positive_iou": (0.0, 1.0),
    "negative_iou": (0.0, 1.0),
    "most_positives": (1, 1e6),
    "most_samples": (2, 1e6),
    "of_other_object": (0, 1e6),
    "sigma": (0.01, 100),
    "regression_weight": (0, 1e3),
}


@dataclass(frozen=True)
class RPNTraining:
    """Which anchors of a pair are learnt from, and what of them; the defaults are PySOT's.

    Attributes:
      positive_iou: anchors that overlap the box by more are positive (paper §3.3).
      negative_iou: anchors that overlap it by less are negative; those between are neither (§3.3).
      most_positives: "we also limit at most 16 positive samples"; drawn at random where there are
        more.
      most_samples: "and totally 64 samples from one training pair", positive and negative (§3.3).
      of_other_object: a pair of different objects has no positive anchors, and so many negative
        ones, within 3 cells of the other object (PySOT: 16 of 7 x 7 cells; of no paper).
      classification: "balanced": the mean cross-entropies of the positive and of the negative
        anchors of the batch count half each, and a pair has most_samples - most_positives
        negative anchors, however few are positive (PySOT). "mean": one mean over all of them, and
        negative anchors fill up each pair's samples, as in Faster R-CNN, whose loss §3.2 takes.
      regression: "smooth-l1" is eq. 4; "l1" its limit for great sigma (PySOT).
      sigma: of eq. 4, which leaves it open; 3 in Faster R-CNN's released code.
      regression_weight: lambda of eq. 5, which leaves it open. PySOT: 1.2; ports: 5 with the mean
        over the four offsets, 1.25 with eq. 6's sum.
    """

    positive_iou: float = 0.6
    negative_iou: float = 0.3
    most_positives: int = 16
    most_samples: int = 64
    of_other_object: int = 16
    classification: Literal["balanced", "mean"] = "balanced"
    regression: Literal["l1", "smooth-l1"] = "l1"
    sigma: float = 3.0
    regression_weight: float = 1.2

    def __post_init__(self) -> None:
        expect_within(self, _RANGES)
        if self.negative_iou > self.positive_iou:
            raise ValueError(
                f"negative_iou {self.negative_iou:g} is above positive_iou {self.positive_iou:g}: "
                "anchors would be both"
            )
        if self.most_positives >= self.most_samples:
            raise ValueError(
                f"most_positives {self.most_positives} must be less than most_samples "
                f"{self.most_samples}, or no negative is left"
            )


_RELEASED_EPOCH = 600_000

SIAMRPN_PRESETS: dict[str, dict[str, Any]] = {
    # Paper §5.1 and §3.3, which leave open the pairs of an epoch (here SiamFC's), the batch, weight
    # decay, clipping and the strength of the augmentation (here the ports').
    "siamrpn-paper": {
        "epochs": 50,
        "pairs_per_epoch": 50_000,
        "batch": 32,
        "first_rate": 1e-2,
        "last_rate": 1e-6,
        "weight_decay": 5e-4,
        "search_size": 255,
        "frozen": ("conv1", "conv2", "conv3"),
        "clip_norm": 10.0,
        "rpn": RPNTraining(
            of_other_object=0,
            classification="mean",
            regression="smooth-l1",
            regression_weight=1.0,
        ),
        "augmentation": Augmentation(
            stretch=0.0, search_stretch=0.15, shift=12.0, colour=0.0, grey=0.0
        ),
    },
    # PySOT's siamrpn_alex_dwxcorr. Its warm-up begins at half the rate, its rates fall after that
    # only, its blur is stronger, and biases learn there no faster than kernels.
    "siamrpn-release": {
        "epochs": 50,
        "pairs_per_epoch": _RELEASED_EPOCH,
        "batch": 128,
        "first_rate": 1e-2,
        "last_rate": 5e-4,
        "warm_up": 5 * (_RELEASED_EPOCH // 128),
        "weight_decay": 1e-4,
        "search_size": 255,
        "frozen": ("conv",),
        "unfreeze": ((10, "conv4"), (10, "conv5")),
        "clip_norm": 10.0,
        "rpn": RPNTraining(),
        "augmentation": Augmentation(
            stretch=0.05, search_stretch=0.18, shift=64.0, colour=0.1, grey=0.0, blur=0.2
        ),
    },
}
"""Arguments of `TrainSettings` by the name of the preset."""
