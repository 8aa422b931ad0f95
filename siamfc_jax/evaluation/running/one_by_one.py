"""Jobs one after the other on a tracker object, which may raise, hang, or talk nonsense.

Every run goes on in a thread of its own, which tells what it does; when it tells nothing for too
long it is given up. A thread cannot be killed: what hangs goes on hanging, beside the other runs,
until the process ends.
"""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from queue import Empty, Queue
from typing import Generic

from siamfc_jax.evaluation.running.drive import (
    TRACKERS_FAULTS,
    FrameTracker,
    TrackerError,
    drive,
    one_line,
)
from siamfc_jax.evaluation.running.jobs import Job, Outcome, R, failed, finished, frame_name
from siamfc_jax.evaluation.running.unusable import noting_unusable
from siamfc_jax.evaluation.sequences import SequenceError

PATIENCE = 120.0
"""Seconds without a sign of life after which a run is given up; the first frame may compile."""

_LAST_CALL = 2.0


def one_by_one(
    jobs: list[Job[R]],
    make_tracker: Callable[[], FrameTracker],
    *,
    patience: float = PATIENCE,
    include_decoding: bool = False,
    on_frame: Callable[[], object] = lambda: None,
) -> Iterator[Outcome[R]]:
    """Run `jobs` in order and yield each one's outcome as it ends.

    A run whose tracker raises, or hangs for `patience` seconds, ends with a Failure; the next one
    gets a new tracker from `make_tracker`, and fails if that raises or hangs. Otherwise all share
    one. What `make_tracker` raises the first time, and any interrupt, goes to the caller.
    """
    tracker = make_tracker() if jobs else None
    for job in jobs:
        watched = _Watched(job, tracker, make_tracker, include_decoding, on_frame)
        outcome = watched.wait(patience)
        tracker = None if outcome.run is None else watched.tracker
        del watched
        yield outcome


class _GivenUpError(BaseException):
    """Ends the thread of a run that was given up, should it ever come back."""


class _Watched(threading.Thread, Generic[R]):
    """A run that is going on, on `tracker`, or on a new one. `wait` for it once."""

    def __init__(
        self,
        job: Job[R],
        tracker: FrameTracker | None,
        make_tracker: Callable[[], FrameTracker],
        include_decoding: bool,
        on_frame: Callable[[], object],
    ) -> None:
        super().__init__(name=f"run {job.sequence}", daemon=True)
        self.tracker = tracker
        self._make_tracker = make_tracker
        self._job = job
        self._given_up = False
        self._drive = partial(
            drive,
            frames=job.frames,
            include_decoding=include_decoding,
            before=self._tell,
            on_frame=lambda: self._given_up or on_frame(),
        )
        self._outcomes: Queue[Outcome[R] | BaseException] = Queue()
        self._last_sign = ("making a new tracker", time.monotonic())
        self.start()

    def wait(self, patience: float) -> Outcome[R]:
        try:
            while True:
                doing, at = self._last_sign
                rest = at + patience - time.monotonic()
                if rest <= 0:
                    return failed(self._job, "hung", f"hung for {patience:g} s {doing}")
                try:
                    outcome = self._outcomes.get(timeout=min(rest, threading.TIMEOUT_MAX))
                except Empty:
                    continue
                if isinstance(outcome, BaseException):
                    raise outcome
                return outcome
        except BaseException:
            # A process that ends while a thread is inside the device's library may crash.
            self._given_up = True
            self.join(_LAST_CALL)
            raise
        finally:
            self._given_up = True

    def run(self) -> None:
        try:
            self._outcomes.put(self._outcome())
        except BaseException as error:  # A bug, or an interrupt: the main thread raises it.
            self._outcomes.put(error)

    def _outcome(self) -> Outcome[R]:
        unusable: set[int] = set()
        if self.tracker is None:
            try:
                self.tracker = self._make_tracker()
            except TRACKERS_FAULTS as error:
                reason = f"making a new tracker: {one_line(error)}"
                return failed(self._job, "raised", reason)
        try:
            run = self._drive(
                self.tracker, protocol=noting_unusable(self._job.protocol(), unusable)
            )
        except SequenceError as error:
            return failed(self._job, "unreadable", str(error))
        except TrackerError as error:
            return failed(self._job, "raised", str(error))
        return finished(self._job, run, unusable)

    def _tell(self, doing: str, frame: int) -> None:
        if self._given_up:
            raise _GivenUpError
        self._last_sign = (f"{doing} {frame_name(self._job.frames, frame)}", time.monotonic())
