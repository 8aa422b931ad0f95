"""Pairs that a tiny SiamRPN can learn from: a bright checkered box on dull noise, whose sides have
another ratio in the search image than in the exemplar."""

import numpy as np

from siamfc_jax.data.context_crops import box_in_crop
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.rpn_heads import UpChannelHead
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.training.augment import Augmentation, rooms_for
from siamfc_jax.training.objective import Batch
from siamfc_jax.training.settings import TrainSettings

SMALLEST = SiamRPNNetwork(
    AlexNetConfig((8, 8, 8, 8, 8), (1, 1, 1, 1, 1), norm_last=True), UpChannelHead(8)
)
MOVING = Augmentation(stretch=0.0, search_stretch=0.15, shift=24.0, colour=0.0, grey=0.0)
QUICK = TrainSettings(
    epochs=2,
    pairs_per_epoch=2400,
    batch=8,
    first_rate=1e-2,
    last_rate=1e-3,
    search_size=191,
    sync_norm=True,
    clip_norm=10.0,
    augmentation=MOVING,
)
EXEMPLAR_ROOM, SEARCH_ROOM = rooms_for(MOVING, QUICK.exemplar_size, QUICK.search_size)


def batch_of(count, *, seed=0, negative=()):
    """Pairs of boxes whose height is .4 to 2.5 times their width, of a pattern each; the search
    images of `negative` pairs show another one."""
    random = np.random.default_rng(seed)
    aspects = np.exp(random.uniform(-0.9, 0.9, (2, count)))
    patterns = random.integers(150, 256, (count, 4, 4, 3))
    other = np.isin(np.arange(count), negative)
    shown = np.where(other[:, None, None, None], 255 - patterns, patterns)
    exemplar, exemplar_box = _crops(random, EXEMPLAR_ROOM, aspects[0], patterns)
    search, search_box = _crops(random, SEARCH_ROOM, aspects[1], shown)
    video = np.arange(count, dtype=np.int32)
    return Batch(exemplar, search, exemplar_box, search_box, other, video)


def _crops(random, room, aspects, patterns):
    images = random.integers(0, 90, (len(aspects), room, room, 3), np.uint8)
    boxes = np.stack([box_in_crop(1.0, aspect, out_size=room) for aspect in aspects])
    for image, (x, y, w, h), pattern in zip(images, boxes, patterns, strict=True):
        left, top, right, bottom = np.rint([x, y, x + w, y + h]).astype(int)
        rows = np.arange(bottom - top) * 4 // (bottom - top)
        columns = np.arange(right - left) * 4 // (right - left)
        image[top:bottom, left:right] = pattern[rows][:, columns]
    return images, boxes
