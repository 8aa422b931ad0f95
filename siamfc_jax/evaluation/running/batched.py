"""Many runs at once on one device: batches of videos, and runs that share a video's frames.

While the device tracks, threads decode the next frames, and boxes are read late; a run that ends
gives its place to the next one.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Generic

from siamfc_jax.boxes import Boxes
from siamfc_jax.evaluation.protocols.requests import Reply, Start
from siamfc_jax.evaluation.running.board import IN_FLIGHT, Board
from siamfc_jax.evaluation.running.canvases import Group, by_canvas, share_frames
from siamfc_jax.evaluation.running.decoders import Decoders, ReadingHungError
from siamfc_jax.evaluation.running.decoding import decode_frame
from siamfc_jax.evaluation.running.frames_ahead import FramesAhead, Image
from siamfc_jax.evaluation.running.jobs import Job, Outcome, R, failed, frame_name
from siamfc_jax.evaluation.running.lane import Lane
from siamfc_jax.evaluation.running.one_by_one import PATIENCE
from siamfc_jax.evaluation.running.slots import SlotMaker, Slots
from siamfc_jax.evaluation.sequences import SequenceError, frame_size

_DEPTH = 4


def batched(
    jobs: list[Job[R]],
    make_slots: SlotMaker,
    *,
    lanes: int | None = None,
    threads: int | None = None,
    patience: float = PATIENCE,
    include_decoding: bool = False,
    on_frame: Callable[[], object] = lambda: None,
    read: Callable[[Path], Image] = decode_frame,
) -> Iterator[Outcome[R]]:
    """Run `jobs` and yield each one's outcome as it ends.

    Neighbouring jobs over the same frames (TRE's and SRE's) become one batch that decodes them
    once. A frame that cannot be read, or not within `patience` seconds, costs the runs that share
    it. Nothing watches the device: what fails or hangs there is the caller's.

    Args:
      make_slots: the tracker.
      lanes: how many videos at a time; None: what suits the device.
      threads: that decode; None: one per core.
      patience: seconds that a frame's file may take.
      include_decoding: whether `Reply.seconds` counts the time for which frames were waited for.
      on_frame: called for every target in every frame.
      read: a frame's file -> image; raises SequenceError. Called in the threads.
    """
    lanes = lanes or make_slots.lanes
    threads = threads or os.cpu_count() or 1
    with Decoders(threads) as decoders:
        groups = []
        for shared in share_frames(jobs):
            frames = shared[0].frames
            try:
                size = decoders.result(decoders.submit(frame_size, frames[0]), patience)
                groups.append(Group(shared, size))
            except SequenceError as error:
                yield from (failed(job, "unreadable", str(error)) for job in shared)
            except ReadingHungError as error:
                reason = f"{error} {frame_name(frames, 0)}"
                yield from (failed(job, "hung", reason) for job in shared)
        for canvas, members in by_canvas(groups, make_slots.canvas, lanes).items():
            used = min(lanes, len(members))
            per_lane = max(len(group.jobs) for group in members)
            batch: _Batch[R] = _Batch(
                make_slots(canvas, used, per_lane), Board(canvas, used), per_lane, include_decoding
            )
            depth = max(_DEPTH, 2 * threads // used)

            def open_lane(group: Group[R], depth: int = depth) -> Lane[R]:
                return Lane(
                    group, FramesAhead(group.jobs[0].frames, decoders, depth, read, patience)
                )

            with closing(batch):
                yield from batch.run(deque(members), used, open_lane, on_frame)


class _Step:
    """One call of the slots; its boxes are waited for when they are asked for."""

    def __init__(self, wait: Callable[[], Boxes], seconds: float, n_targets: int) -> None:
        self._wait: Callable[[], Boxes] | None = wait
        self._seconds = seconds
        self._n_targets = n_targets

    def boxes(self) -> Boxes:
        if self._wait is not None:
            began = time.perf_counter()
            self._boxes = self._wait()
            self._seconds += time.perf_counter() - began
            self._wait = None  # It keeps the device's arrays alive.
        return self._boxes

    def seconds(self) -> float:
        self.boxes()
        return self._seconds / self._n_targets

    def reply(self, slot: int) -> Reply:
        return Reply(lambda: self.boxes()[slot], self.seconds)

    def started(self, box: Boxes) -> Reply:
        return Reply(lambda: box, self.seconds)


class _Batch(Generic[R]):
    """The videos of one canvas, in lanes of which the first ones are in use."""

    def __init__(self, slots: Slots, board: Board, per_lane: int, include_decoding: bool) -> None:
        self._slots = slots
        self._board = board
        self._per_lane = per_lane
        self._include_decoding = include_decoding
        self._lanes: list[Lane[R]] = []
        self._unread: deque[_Step] = deque()

    def run(
        self,
        waiting: deque[Group[R]],
        n_lanes: int,
        open_lane: Callable[[Group[R]], Lane[R]],
        on_frame: Callable[[], object],
    ) -> Iterator[Outcome[R]]:
        while True:
            while len(self._lanes) < n_lanes and waiting:
                lane = open_lane(waiting.popleft())
                yield from lane.ended()
                if lane.runs:
                    lane.prepare()
                    self._lanes.append(lane)
            if not self._lanes:
                return
            self._step(on_frame)
            for lane in self._lanes:
                yield from lane.ended()
            self._close_gaps()

    def close(self) -> None:
        for lane in self._lanes:
            lane.close()
        # A process that ends while the device computes may crash.
        self._read(0)

    def _step(self, on_frame: Callable[[], object]) -> None:
        began = time.perf_counter()
        if not all(lane.ready for lane in self._lanes):
            self._read(0)  # The device's time must not hide behind the decoder's.
        images = [lane.image() for lane in self._lanes]
        pixels, sizes = self._board.show(images)
        asking = {
            number * self._per_lane + place: run
            for number, lane in enumerate(self._lanes)
            if images[number] is not None
            for place, run in lane.asking().items()
        }
        requests = {slot: run.request for slot, run in asking.items()}
        starts = {slot: ask.box for slot, ask in requests.items() if isinstance(ask, Start)}
        n_slots = max((slot + 1 for slot in requests if slot not in starts), default=0)
        shown = time.perf_counter()
        self._slots.prepare(starts, n_slots)
        prepared = time.perf_counter()
        began = began + prepared - shown if self._include_decoding else prepared
        wait = self._slots.advance(pixels, sizes, starts, n_slots)
        step = _Step(wait, time.perf_counter() - began, max(len(asking), 1))
        self._unread.append(step)
        for slot, run in asking.items():
            run.answer(step.started(starts[slot]) if slot in starts else step.reply(slot))
            on_frame()
        self._read(IN_FLIGHT)

    def _read(self, n_left: int) -> None:
        while len(self._unread) > n_left:
            self._unread.popleft().boxes()

    def _close_gaps(self) -> None:
        """Lanes that have ended are left; the last ones take their places."""
        number = 0
        while number < len(self._lanes):
            if self._lanes[number].runs:
                number += 1
                continue
            self._lanes[number].close()
            last = self._lanes.pop()
            if number < len(self._lanes):
                self._slots.move(len(self._lanes), number)
                self._lanes[number] = last
