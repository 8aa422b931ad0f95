"""The loop between the decoder's thread, the device, and the writer's thread."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from siamfc_jax.media.results import TrackedFrame
from siamfc_jax.media.threads import Background, Prefetch

_PREDICTIONS_IN_FLIGHT = 2


class Prediction(Protocol):
    """Arrays on any device: box [N, 4], score, confidence and lost [N], response [N, h, w],
    response_box [N, 4]."""

    @property
    def box(self) -> Any: ...
    @property
    def score(self) -> Any: ...
    @property
    def confidence(self) -> Any: ...
    @property
    def lost(self) -> Any: ...
    @property
    def response(self) -> Any: ...
    @property
    def response_box(self) -> Any: ...


class VideoTracker(Protocol):
    """What the loop needs of siamfc_jax.tracking.online.MultiTracker."""

    @property
    def initial_prediction(self) -> Any: ...
    def init(self, image: np.ndarray, boxes: np.ndarray) -> None: ...
    def dispatch(self, image: np.ndarray) -> Any: ...


class TrackingLoop:
    """One pass over a video. Predictions are read one or two frames late, so that the host
    prepares the next frame while the device is busy.

    `tracker_seconds` is the time in which the tracker had work: before the loop waits for the
    decoder or the writer, it lets the tracker finish, so that such waiting never hides its work.
    It starts after the second frame, by when all is compiled; that moment is `warm_at`
    (time.perf_counter).
    """

    def __init__(
        self,
        tracker: VideoTracker,
        sink: Background[TrackedFrame],
        with_responses: bool,
        progress: Callable[[int], object],
    ):
        self.tracker_seconds = 0.0
        self.warm_at: float | None = None
        self.stopped = False
        self._tracker = tracker
        self._sink = sink
        self._with_responses = with_responses
        self._progress = progress
        self._in_flight: deque[tuple[np.ndarray, Prediction]] = deque()

    def run(
        self,
        first: np.ndarray,
        boxes: np.ndarray,
        rest: Prefetch[np.ndarray],
        should_stop: Callable[[], bool],
    ) -> None:
        self._tracker.init(first, boxes)
        self._in_flight.append((first, self._tracker.initial_prediction))
        self._deliver_oldest()
        try:
            for frame in rest:
                if should_stop():
                    self.stopped = True
                    break
                self._dispatch(frame)
                while len(self._in_flight) > _PREDICTIONS_IN_FLIGHT or (
                    self._in_flight and not rest.ready
                ):
                    self._deliver_oldest()
        finally:
            self._deliver_all()

    def _dispatch(self, frame: np.ndarray) -> None:
        with self._at_work():
            self._in_flight.append((frame, self._tracker.dispatch(frame)))
        if self.warm_at is None:
            self._deliver_all()
            self.warm_at, self.tracker_seconds = time.perf_counter(), 0.0

    def _deliver_all(self) -> None:
        while self._in_flight:
            self._deliver_oldest()

    def _deliver_oldest(self) -> None:
        image, prediction = self._in_flight.popleft()
        with self._at_work():
            boxes, scores = np.asarray(prediction.box), np.asarray(prediction.score)
            confidences, lost = np.asarray(prediction.confidence), np.asarray(prediction.lost)
            responses, places = np.empty((0, 1, 1), np.float32), np.empty((0, 4), np.float32)
            if self._with_responses:
                responses = np.asarray(prediction.response)
                places = np.asarray(prediction.response_box)
        if self._sink.full:
            with self._at_work():
                for _, younger in self._in_flight:
                    np.asarray(younger.box)
        self._sink.put(TrackedFrame(image, boxes, scores, confidences, lost, responses, places))
        self._progress(1)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.tracker_seconds += time.perf_counter() - begin
