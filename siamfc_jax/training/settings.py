"""How networks are trained: settings, their presets, and the learning rate."""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

import jax.numpy as jnp
import optax

from siamfc_jax.training.augment import Augmentation, expect_within
from siamfc_jax.training.resnet_settings import RESNET_PRESETS
from siamfc_jax.training.siamrpn_settings import SIAMRPN_PRESETS, RPNTraining

# An exemplar of 87 pixels has an embedding of one cell.
_RANGES = {
    "epochs": (1, 1e6),
    "pairs_per_epoch": (1, 1e9),
    "batch": (1, 1e6),
    "first_rate": (0, 1e3),
    "last_rate": (0, 1e3),
    "warm_up": (0, 1e9),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 1),
    "exemplar_size": (87, 1e4),
    "search_size": (87, 1e4),
    "radius": (1, 1e4),
    "batch_negatives": (0, 1e6),
    "batch_negative_weight": (0, 1e3),
    "clip_norm": (0, 1e9),
}


@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained; the defaults are the released settings of SiamFC.

    Attributes:
      epochs: the learning rate falls geometrically from epoch to epoch (v2 §4.1: 50).
      pairs_per_epoch: v2 §4.1: 50 000; released code: 53 200, of which .9 to train.
      batch: pairs per step, over all devices and hosts (v2 §4.1: 8).
      first_rate, last_rate: learning rates of the first and the last epoch (v2 §4.1: 1e-2, 1e-5).
      warm_up: steps over which the learning rate rises linearly to its course (released: none).
      momentum, weight_decay: of SGD; decay on kernels only, biases learn twice as fast.
      exemplar_size, search_size: of the images that the network sees (v2 §4.1: 127 and 255;
        released: 239, so that shifts stay inside the stored crop; response 15 x 15).
      radius: of the positive labels in search pixels (eq. 6).
      batch_negatives: correlations of every exemplar with this many other search images of the
        batch (of other videos, on the same device), all cells negative. Of no paper.
      batch_negative_weight: weight of their mean loss.
      compute: type of the activations; parameters, norms, correlation and loss stay float32.
      sync_norm: batch norm over the whole batch, not over each device's share.
      frozen: layers whose name begins with one of these are not trained, nor are the batch norms
        that go with them, which use their running averages ("conv1": conv1 and bn1).
      unfreeze: (epoch, beginning of a name): from this epoch on, counted from 0, such layers are
        trained after all.
      clip_norm: a gradient that is longer is scaled down to this length; 0: none is.
      augmentation: how pairs are varied.
      rpn: what else a SiamRPN needs to know.
    """

    epochs: int = 50
    pairs_per_epoch: int = 47_880
    batch: int = 8
    first_rate: float = 1e-2
    last_rate: float = 1e-5
    warm_up: int = 0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    exemplar_size: int = 127
    search_size: int = 239
    radius: float = 16.0
    batch_negatives: int = 0
    batch_negative_weight: float = 0.25
    compute: Literal["float32", "bfloat16"] = "float32"
    sync_norm: bool = False
    frozen: tuple[str, ...] = ()
    unfreeze: tuple[tuple[int, str], ...] = ()
    clip_norm: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    rpn: RPNTraining = field(default_factory=RPNTraining)

    def __post_init__(self) -> None:
        expect_within(self, _RANGES)
        if self.search_size < self.exemplar_size:
            raise ValueError(
                f"search_size {self.search_size} is less than exemplar_size {self.exemplar_size}"
            )
        if self.pairs_per_epoch < self.batch:
            raise ValueError(
                f"an epoch of {self.pairs_per_epoch} pairs has no batch of {self.batch}"
            )
        if not 0 < self.last_rate <= self.first_rate:
            raise ValueError(
                f"learning rates must fall: first {self.first_rate:g}, last {self.last_rate:g}"
            )
        for epoch, name in self.unfreeze:
            if not 0 < epoch < self.epochs:
                raise ValueError(
                    f"unfreeze: {name!r} at epoch {epoch}; there are {self.epochs} epochs, "
                    "counted from 0, and the first is too early; change it, or leave it out"
                )
        if self.warm_up >= self.steps:
            raise ValueError(f"a warm_up of {self.warm_up} steps never ends in {self.steps} steps")

    @property
    def steps_per_epoch(self) -> int:
        return self.pairs_per_epoch // self.batch

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * self.steps_per_epoch


V2_RELEASE = TrainSettings()
"""The released code of v2."""

V2_PAPER = dataclasses.replace(
    V2_RELEASE,
    pairs_per_epoch=50_000,
    search_size=255,
    augmentation=Augmentation(stretch=0.0, shift=0.0, colour=0.0, grey=0.0),
)
"""v2 paper §4.1, which names no augmentation but the grey quarter for OTB (§4.3: grey=.25)."""

V1 = V2_PAPER
"""v1 paper §3.1; `data_prep.make_shards --negatives=.25` makes its quarter of negative pairs."""

MODERN = dataclasses.replace(
    V2_RELEASE,
    batch=128,
    first_rate=8e-2,
    last_rate=8e-5,
    warm_up=3 * (V2_RELEASE.pairs_per_epoch // 128),
    compute="bfloat16",
    sync_norm=True,
)
"""Batch 128 in bfloat16. Rates grow with batch / 8 up to half of that (linear scaling, Goyal et al.
2017 §2.1, halved as batch 8 is small for its norms), after three epochs of warm-up (§2.2)."""

PRESETS = {
    "v2-release": V2_RELEASE,
    "v2-paper": V2_PAPER,
    "v1": V1,
    "modern": MODERN,
    **{
        name: TrainSettings(**arguments)
        for name, arguments in {**RESNET_PRESETS, **SIAMRPN_PRESETS}.items()
    },
}


def learning_rate(settings: TrainSettings) -> optax.Schedule:
    """Constant within an epoch, geometric from `first_rate` to `last_rate` over the epochs."""
    ratio = (settings.last_rate / settings.first_rate) ** (1 / max(settings.epochs - 1, 1))
    fall = optax.exponential_decay(
        settings.first_rate, settings.steps_per_epoch, ratio, staircase=True
    )
    if not settings.warm_up:
        return fall
    return lambda step: fall(step) * jnp.minimum(1.0, (step + 1) / settings.warm_up)
