"""Tracking a video from its source to the files that show the result.

Three things go on at once: a thread decodes ahead, the device tracks, and a thread draws and
writes behind.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np

from siamfc_jax.boxes import check_boxes
from siamfc_jax.media.box_writer import TrackingRecord
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.reading import open_frames
from siamfc_jax.media.results import TrackingResults
from siamfc_jax.media.summary import TrackSummary
from siamfc_jax.media.threads import Background, Prefetch
from siamfc_jax.media.tracking_loop import TrackingLoop, VideoTracker


def track_video(
    source: str | Path,
    boxes: np.ndarray,
    tracker: VideoTracker,
    out_dir: str | Path,
    *,
    model: str = "",
    response_overlay: bool = False,
    max_frames: int | None = None,
    progress: Callable[[int], object] = lambda n_frames: None,
) -> TrackSummary:
    """Tracks the boxes of the first frame through a video and writes the results to `out_dir`.

    Args:
      source: what `open_frames` takes.
      boxes: float [N, 4], x, y, w, h in the first frame.
      tracker: a MultiTracker.
      out_dir: gets NAME_tracked.mp4, .csv, .json and NAME_tracked_sheet.png.
      model: its name, for the JSON file.
      response_overlay: draw the response maps, too.
      max_frames: stop after so many frames, at least 1.
      progress: called with 1 for every frame done.

    Raises MediaError or BoxError, in one line, before anything is tracked when the input or the
    output will not do; MediaError, after the results so far were written, when the video breaks
    off or the disk is full.
    """
    with TrackingSession(source, boxes, out_dir, model, max_frames) as session:
        return session.run(tracker, response_overlay=response_overlay, progress=progress)


class TrackingSession:
    """A source whose first frame was read, boxes that fit in it, and outputs that can be written.

    All of that is checked on creation, before a tracker need exist. `source`, `boxes` and
    `first_frame` hold what was found. Use it in a `with` block and `run` it once.
    """

    def __init__(
        self,
        source: str | Path,
        boxes: np.ndarray,
        out_dir: str | Path,
        model: str = "",
        max_frames: int | None = None,
    ):
        with ExitStack() as opened:
            self.source = opened.enter_context(open_frames(source))
            self._frames = opened.enter_context(Prefetch(islice(self.source, max_frames)))
            self.first_frame = next(self._frames)
            height, width = self.first_frame.shape[:2]
            self.boxes = check_boxes(boxes, width, height)
            record = TrackingRecord(self.source.location, model, self.source.fps, width, height)
            results = TrackingResults(Path(out_dir).expanduser(), self.source.name, record)
            self._results = opened.enter_context(results)
            self._opened = opened.pop_all()
        self._loop: TrackingLoop | None = None
        self._started_at = self._ended_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def run(
        self,
        tracker: VideoTracker,
        *,
        response_overlay: bool = False,
        progress: Callable[[int], object] = lambda n_frames: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> TrackSummary:
        """Tracks until the frames end or `should_stop()` says so; then all files are finished.

        On an exception they are finished for the frames so far; `summary` tells about those.
        """
        sink = Background(self._results.add)
        self._loop = TrackingLoop(tracker, sink, response_overlay, progress)
        self._started_at = time.perf_counter()
        try:
            self._loop.run(self.first_frame, self.boxes, self._frames, should_stop)
            sink.close()
            self._results.close()
        except BaseException:
            # The first error tells most: a full disk fails one file after the other.
            for finish in (sink.close, self._results.close):
                with suppress(MediaError):
                    finish()
            raise
        finally:
            self._ended_at = time.perf_counter()
        return self.summary()

    def summary(self) -> TrackSummary:
        """Figures of the run, also of one that an exception ended."""
        if self._loop is None:
            raise ValueError("there is a summary only after run()")
        warm_at = self._loop.warm_at or self._ended_at
        tracked = self._results.tracked
        n_tracked = len(tracked.scores) - 2
        return TrackSummary(
            scores=tracked.scores,
            lost=tracked.lost,
            startup_seconds=warm_at - self._started_at,
            tracking_fps=_rate(n_tracked, self._loop.tracker_seconds),
            end_to_end_fps=_rate(n_tracked, self._ended_at - warm_at),
            stopped=self._loop.stopped,
            paths=self._results.paths,
        )


def _rate(n_frames: int, seconds: float) -> float:
    return n_frames / seconds if n_frames > 0 and seconds > 0 else 0.0
