"""Training crops in memory, and seeded pairs of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class CropBank(NamedTuple):
    """Crops of all tracks, one after another.

    Attributes:
      crops: [N, M, M, 3] uint8, each centred on its target (`context_crop`).
      frame: [N] int32, frame number of each crop in its video.
      starts: [K + 1] int64; track k owns crops starts[k]..starts[k + 1]. A still is a track of 1.
      weights: [K] float64, how often each track is drawn; sums to 1.
    """

    crops: NDArray[np.uint8]
    frame: NDArray[np.int32]
    starts: NDArray[np.int64]
    weights: NDArray[np.float64]


class TrackCrops(NamedTuple):
    """The crops [n, M, M, 3] uint8 of one track, the numbers [n] of their frames, and how often
    the track is drawn relative to others."""

    crops: NDArray[np.uint8]
    frame: NDArray[np.int32]
    weight: float


def make_bank(tracks: Sequence[TrackCrops]) -> CropBank:
    """Join tracks into a bank.

    Raises:
      ValueError: there is no track, or one without crops.
    """
    if not tracks or any(len(track.crops) == 0 for track in tracks):
        raise ValueError("a crop bank needs at least one track, and every track a crop")
    lengths = [len(track.crops) for track in tracks]
    weights = np.asarray([track.weight for track in tracks], np.float64)
    return CropBank(
        np.concatenate([track.crops for track in tracks]),
        np.concatenate([track.frame for track in tracks]),
        np.concatenate([[0], np.cumsum(lengths)]),
        weights / weights.sum(),
    )


def sample_pairs(
    bank: CropBank, seed: int, step: int, batch: int, max_gap: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Exemplars and searches, uint8 [batch, M, M, 3] each; a function of (seed, step) alone.

    Both come from one track and are at most `max_gap` frames apart (v1 paper §2.2: T); the tracks
    of one batch are distinct where there are enough, so that its other pairs are true negatives.
    """
    random = np.random.default_rng([seed, step])
    count = len(bank.weights)
    tracks = random.choice(count, batch, replace=count < batch, p=bank.weights)
    exemplars, searches = [], []
    for track in tracks:
        frame = bank.frame[bank.starts[track] : bank.starts[track + 1]]
        first = random.integers(len(frame))
        second = random.choice(np.flatnonzero(np.abs(frame - frame[first]) <= max_gap))
        exemplars.append(bank.starts[track] + first)
        searches.append(bank.starts[track] + second)
    return bank.crops[exemplars], bank.crops[searches]
