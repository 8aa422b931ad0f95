"""From tracks to a crop bank in memory, for training sets that fit there."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.tracks import Track, read_image
from siamfc_jax.data.context_crops import context_crop
from siamfc_jax.data.crop_bank import CropBank, TrackCrops, make_bank


class Split(NamedTuple):
    """Tracks to train on, and those of held-out videos."""

    train: list[Track]
    validation: list[Track]


def split_by_video(tracks: Iterable[Track], held_out: Sequence[str]) -> Split:
    """Put every track of the videos named in `held_out` on the validation side.

    Raises:
      ValueError: a held-out video has no track.
    """
    train: list[Track] = []
    validation: list[Track] = []
    for track in tracks:
        (validation if track.video in held_out else train).append(track)
    missing = set(held_out) - {track.video for track in validation}
    if missing:
        raise ValueError(f"no such video to hold out: {', '.join(sorted(missing))}")
    return Split(train, validation)


def load_bank(
    videos: Sequence[Track], stills: Sequence[Track], *, room: int, stills_share: float
) -> CropBank:
    """Cut the crops of all tracks, `room` pixels wide, with a progress bar.

    A video's track is drawn with the square root of its length; stills are drawn alike, and
    together `stills_share` of the time.

    Raises:
      SourceError: an image cannot be read.
    """
    weights = np.sqrt([len(track.frames) for track in videos])
    total = weights.sum() if videos else 1.0
    still_weight = stills_share / max(1 - stills_share, 1e-6) * total / max(len(stills), 1)
    jobs = [*zip(videos, weights, strict=True), *((still, still_weight) for still in stills)]
    crop = partial(_crop_track, room=room)
    with ThreadPoolExecutor(2) as pool:
        tracks = pool.map(lambda job: crop(job[0], float(job[1])), jobs)
        return make_bank(list(tqdm(tracks, "cropping tracks", len(jobs), unit="track")))


def _crop_track(track: Track, weight: float, *, room: int) -> TrackCrops:
    crops: list[NDArray[np.uint8]] = [
        context_crop(read_image(frame), box, out_size=room)
        for frame, box in zip(track.frames, track.boxes, strict=True)
    ]
    return TrackCrops(np.stack(crops), track.numbers, weight)
