"""Held-out videos tracked so that the tracker fails, too, and what it saw meanwhile.

Every video is followed to its end and back again, and from its end to its start and back, also from
its middle: twice as long as it is, so that there is time to drift.
"""

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.frame_images import decoded
from data_prep.tracks import SourceError, Track
from experiments.calibration import Frames
from siamfc_jax.boxes import iou
from siamfc_jax.durable import whole_file
from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.online import Model, compiled_tracker

_GOOD_IOU = 0.5


class Seen(NamedTuple):
    """What a tracker saw in n frames.

    Attributes:
      own: [] score of the exemplar in itself.
      score: [n]. response: [n, h, w]. box, truth: [n, 4].
    """

    own: NDArray[np.float32]
    score: NDArray[np.float32]
    response: NDArray[np.float32]
    box: NDArray[np.float32]
    truth: NDArray[np.float32]


def calibration_frames(model: Model, key: str, tracks: Sequence[Track], out: Path) -> Frames:
    """All frames of all runs. Runs are written to `out` as they end, and those of an earlier call
    with the same key and tracks are not repeated.

    Args:
      key: what the model's predictions depend on.

    Raises:
      SourceError: a frame cannot be read, or a track has only one.
      StorageError: `out` cannot be written.
    """
    for track in tracks:
        if len(track.frames) < 2:
            raise SourceError(f"{track.name}: has a box in one frame only; leave its video out")
    videos = sorted({track.video for track in tracks})
    numbers, runs = [], []
    for track in tqdm(tracks, "videos"):
        for seen in _runs(model, key, track, out):
            numbers.append(np.full(len(seen.score), videos.index(track.video)))
            runs.append(seen)
    columns = [features(seen) for seen in runs]
    return Frames(
        np.concatenate(numbers),
        {name: np.concatenate([own[name] for own in columns]) for name in columns[0]},
        np.concatenate([iou(seen.box, seen.truth) >= _GOOD_IOU for seen in runs]),
    )


def features(seen: Seen) -> dict[str, NDArray[np.float64]]:
    """What may tell how sure a box is, [n] each; the first is the score's logit."""
    logit = _logit(seen.score)
    response = seen.response.astype(np.float64)
    count, side = response.shape[:2]
    place = response.reshape(count, -1).argmax(1)
    rows, columns = np.divmod(place, side)
    y, x = np.mgrid[:side, :side]
    distance = np.maximum(
        np.abs(y - rows[:, None, None]), np.abs(x - columns[:, None, None])
    )  # of cells, as a king goes
    peak = response.max((1, 2))
    beside = np.where(distance > 2, response, np.nan)
    around = np.where(distance == 1, response, np.nan)
    return {
        "score": logit,
        "score / exemplar's own": logit / _logit(seen.own),
        "peak to sidelobe": (peak - np.nanmean(beside, (1, 2))) / np.nanstd(beside, (1, 2)),
        "margin over second": peak - np.nanmax(beside, (1, 2)),
        "sharpness": peak - np.nanmean(around, (1, 2)),
        "distance of peak": np.hypot(rows - (side - 1) / 2, columns - (side - 1) / 2),
    }


def _logit(score: NDArray[np.float32]) -> NDArray[np.float64]:
    inside = np.clip(score.astype(np.float64), 1e-7, 1 - 1e-7)
    logit: NDArray[np.float64] = np.log(inside) - np.log1p(-inside)
    return logit


def orders(count: int) -> Iterator[list[int]]:
    """Of each run the frames of a video that it shows."""
    there, back = list(range(count)), list(range(count))[::-1]
    for start in (0, count // 2):
        yield there[start:] + back[1:]
        yield back[start:] + there[1:]


def _runs(model: Model, key: str, track: Track, out: Path) -> Iterator[Seen]:
    name = f"{key} {track.name} {len(track.frames)}".encode() + track.boxes.tobytes()
    path = out / f"{hashlib.sha256(name).hexdigest()[:16]}.npz"
    seen = _read(path)
    if seen is None:
        seen = _tracked(model, track)
        with whole_file(path) as file:
            columns = zip(Seen._fields, zip(*seen, strict=True), strict=True)
            np.savez(file, **{f"{name}{i}": v for name, own in columns for i, v in enumerate(own)})
    yield from seen


def _read(path: Path) -> list[Seen] | None:
    if not path.exists():
        return None
    try:
        # Opened here: NumPy leaves a broken archive open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            count = len(file.files) // len(Seen._fields)
            return [Seen(*(file[f"{name}{i}"] for name in Seen._fields)) for i in range(count)]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _tracked(model: Model, track: Track) -> list[Seen]:
    images = []
    for _, image in decoded(track.frames):
        if isinstance(image, SourceError):
            raise image
        images.append(image)
    tracker, params = compiled_tracker(model.network, model.tracking), model.prepared()
    stream = jax.device_put(np.zeros(1, np.int32))
    runs = []
    for order in orders(len(images)):
        # Not an OnlineTracker: frames that were cut out around the target differ in size.
        frames = jax.device_put(on_canvas([images[order[0]]]))
        boxes = jax.device_put(track.boxes[order[:1]])
        state, first = tracker.init(params, frames, boxes, stream)
        predictions = []
        for number in order[1:]:
            frames = jax.device_put(on_canvas([images[number]]))
            state, prediction = tracker.step(params, state, frames)
            predictions.append(
                jax.device_get((prediction.score, prediction.response, prediction.box))
            )
        score, response, box = (np.concatenate(column) for column in zip(*predictions, strict=True))
        own = np.asarray(first.score)[0]
        runs.append(Seen(own, score, response, box, track.boxes[order[1:]]))
    return runs
