"""One person's work on one video: what is shown, which targets are followed, and every command.

No thread, no clock and no browser in here: whoever has a session calls it from one thread.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from experiments.studio.track import Answer, ResponseMap, Track
from siamfc_jax.boxes import check_boxes
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.footage import Footage
from siamfc_jax.media.tracking_loop import Prediction, VideoTracker

HISTORY = 150
MOST_TARGETS = 16
_SMALLEST_SIDE = 2.0


class TargetView(NamedTuple):
    """A target in the shown frame; `box`, `score` and `response` are None where it has none.

    `key` stays the same, whatever happens to other targets. `first` and `last` are the frames from
    and to which it was followed. `lost`: the tracker takes its box for wrong. `history`: scores
    float32 [HISTORY] of the frames up to this one, nan where there is none.
    """

    key: int
    first: int
    last: int
    box: np.ndarray | None
    score: float | None
    lost: bool
    history: np.ndarray
    response: ResponseMap | None


@dataclass(frozen=True)
class View:
    """What a person sees; `n_frames` is None for a camera."""

    name: str
    image: np.ndarray
    frame: int
    n_frames: int | None
    playing: bool
    targets: tuple[TargetView, ...]


@dataclass(frozen=True)
class Tracked:
    """What there is to download: float32 [F, N, COLUMNS of a track]; frames come from `footage`,
    which is to be closed."""

    footage: Footage
    table: np.ndarray


class Session:
    """Commands change it, `advance` goes on by a frame, `view` tells what to show.

    Args:
      new_tracker: makes a tracker for one target.
      on_device: runs a function where trackers may run, in turn with other sessions.

    Commands raise ValueError (MediaError, BoxError) with one line for the person.
    """

    def __init__(
        self,
        new_tracker: Callable[[], VideoTracker],
        on_device: Callable[[Callable[[], Any]], Future[Any]],
    ):
        self.footage: Footage | None = None
        self.playing = False
        self._new_tracker, self._on_device = new_tracker, on_device
        self._frame = 0
        self._image = np.empty((0, 0, 3), np.uint8)
        self._tracks: dict[int, Track] = {}
        self._trackers: dict[int, VideoTracker] = {}
        self._next_key = 0
        self._newest = 0

    def open(self, footage: Footage) -> None:
        """Begins with this footage, and owns it; what was followed before is gone."""
        self.close()
        self.footage = footage
        self._newest = self._next_key = 0
        self._show(0)
        # A camera shows what it sees at once.
        self.playing = footage.n_frames is None
        tracker, first = self._new_tracker(), self._image
        self._on_device(lambda: _compile(tracker, first))

    def close(self) -> None:
        """Nothing is open any more."""
        if self.footage is not None:
            self.footage.close()
        self.footage, self.playing = None, False
        self._image = np.empty((0, 0, 3), np.uint8)
        self._tracks.clear()
        self._trackers.clear()

    def play(self) -> None:
        """Goes on from the shown frame, or from where targets were left behind; over at the end."""
        footage = self._open_footage()
        if footage.n_frames is not None and self._frame + 1 >= footage.n_frames:
            self._show(0)
        left = [track.last for track in self._tracks.values()]
        if left and self._frame > max(left):
            self._show(max(left))
        self.playing = True

    def pause(self) -> None:
        self.playing = False

    def seek(self, frame: int) -> None:
        """Shows a frame, the nearest there is, and pauses; in a camera's past only what is kept."""
        self.playing = False
        self._show(self._existing(frame))

    def draw(self, frame: int, box: np.ndarray, key: int | None = None, play: bool = True) -> None:
        """A target begins in this frame with this box (x, y, w, h): a new one, or one that is
        known by its key, which is followed anew from here."""
        footage = self._open_footage()
        frame = self._existing(frame)
        image = footage.frame(frame)
        checked = _checked(box, footage)
        if key not in self._tracks and len(self._tracks) >= MOST_TARGETS:
            raise MediaError(f"{MOST_TARGETS} targets are the most; remove one first")
        tracker = self._new_tracker()
        self._on_device(lambda: tracker.init(image, checked)).result()
        if key is None or key not in self._tracks:
            key, self._next_key = self._next_key, self._next_key + 1
            self._tracks[key] = Track()
        self._trackers[key] = tracker
        answer = _answer(tracker.initial_prediction)
        self._tracks[key].begin(frame, answer._replace(box=checked[0]))
        self._show(frame)
        self.playing = play

    def delete(self, key: int) -> None:
        """Forgets a target; none has this key: nothing happens."""
        self._tracks.pop(key, None)
        self._trackers.pop(key, None)

    def advance(self) -> None:
        """Shows the next frame, with every target followed into it that got as far as this one;
        pauses at the end."""
        footage, frame = self._open_footage(), self._frame + 1
        if footage.n_frames is not None and frame >= footage.n_frames:
            self.playing = False
            return
        try:
            self._follow(footage, frame, footage.frame(frame))
            self._show(frame)
        except BaseException:
            self.playing = False
            raise
        if frame + 1 == footage.n_frames:
            self.playing = False

    def view(self) -> View | None:
        """None while nothing is open."""
        if self.footage is None:
            return None
        return View(
            self.footage.name,
            self._image,
            self._frame,
            self.footage.n_frames,
            self.playing,
            tuple(_target_view(key, track, self._frame) for key, track in self._tracks.items()),
        )

    def tracked(self) -> Tracked:
        """Everything there is up to the last frame with a box; ValueError: there is none."""
        footage = self._open_footage()
        if not self._tracks:
            raise MediaError("there is nothing to download yet; draw a box first")
        n_frames = 1 + max(track.last for track in self._tracks.values())
        table = np.stack([track.table(n_frames) for track in self._tracks.values()], 1)
        return Tracked(footage.again(), table)

    def _follow(self, footage: Footage, frame: int, image: np.ndarray) -> None:
        due = {key: track for key, track in self._tracks.items() if track.last == frame - 1}
        if not due:
            return
        trackers = [self._trackers[key] for key in due]
        answers = self._on_device(lambda: _answers(trackers, image))
        if footage.n_frames is not None and frame + 1 < footage.n_frames:
            # Decoded while the device works. What is wrong with it is told when its turn comes.
            _try_to_read(footage, frame + 1)
        for track, (answer, response) in zip(due.values(), answers.result(), strict=True):
            track.add(answer, response)

    def _existing(self, frame: int) -> int:
        footage = self._open_footage()
        # Of a camera, only what was shown exists.
        last = self._newest if footage.n_frames is None else footage.n_frames - 1
        return min(max(frame, 0), last)

    def _show(self, frame: int) -> None:
        self._image = self._open_footage().frame(frame)
        self._frame = frame
        self._newest = max(self._newest, frame)

    def _open_footage(self) -> Footage:
        if self.footage is None:
            raise MediaError("no video is open; open one first")
        return self.footage


def _checked(box: np.ndarray, footage: Footage) -> np.ndarray:
    box = np.asarray(box, np.float32)
    if box.shape == (4,) and not (box[2:] >= _SMALLEST_SIDE).all():
        raise MediaError("this box has no area; press at one corner and drag to the other")
    return check_boxes(box[None], footage.width, footage.height)


def _target_view(key: int, track: Track, frame: int) -> TargetView:
    return TargetView(
        key,
        track.first,
        track.last,
        track.box(frame),
        track.score(frame),
        track.is_lost(frame),
        track.history(frame, HISTORY),
        track.response(frame),
    )


def _answers(trackers: list[VideoTracker], image: np.ndarray) -> list[tuple[Answer, ResponseMap]]:
    predictions: list[Prediction] = [tracker.dispatch(image) for tracker in trackers]
    return [
        (
            _answer(prediction),
            ResponseMap(np.array(prediction.response[0]), np.array(prediction.response_box[0])),
        )
        for prediction in predictions
    ]


def _answer(prediction: Prediction) -> Answer:
    return Answer(
        np.asarray(prediction.box)[0],
        float(np.asarray(prediction.score)[0]),
        float(np.asarray(prediction.confidence)[0]),
        bool(np.asarray(prediction.lost)[0]),
    )


def _compile(tracker: VideoTracker, image: np.ndarray) -> None:
    """A first call for frames of this size takes seconds: before a person waits for it."""
    height, width = image.shape[:2]
    tracker.init(image, np.array([[width / 4, height / 4, width / 2, height / 2]], np.float32))
    np.asarray(tracker.dispatch(image).box)


def _try_to_read(footage: Footage, frame: int) -> None:
    try:
        footage.frame(frame)
    except (ValueError, OSError):
        return
