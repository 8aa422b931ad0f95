"""A protocol carried out on any object with `init` and `update`."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol as Interface
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from siamfc_jax.boxes import Boxes
from siamfc_jax.evaluation.protocols.requests import Protocol, Reply, Start, Track
from siamfc_jax.evaluation.running.decoders import Decoders
from siamfc_jax.evaluation.running.decoding import decode_frame
from siamfc_jax.evaluation.running.frames_ahead import FramesAhead, Image
from siamfc_jax.evaluation.running.jobs import frame_name

_DEPTH = 4

R = TypeVar("R")

TRACKERS_FAULTS = (Exception, SystemExit, GeneratorExit)
"""What a tracker may raise at the cost of its run alone; an interrupt is the user's."""


class FrameTracker(Interface):
    """Anything with OpenCV's and GOT-10k's two methods. Images are uint8 [H, W, 3] RGB, boxes
    (x, y, w, h) in the package's convention (`siamfc_jax.boxes`); NaN says that it is lost."""

    def init(self, image: Image, box: Boxes) -> object: ...

    def update(self, image: Image) -> ArrayLike: ...


class TrackerError(ValueError):
    """A tracker raised, or answered something other than a box; one line names the frame."""


def drive(
    tracker: FrameTracker,
    frames: tuple[Path, ...],
    protocol: Protocol[R],
    *,
    include_decoding: bool = False,
    before: Callable[[str, int], object] = lambda doing, frame: None,
    on_frame: Callable[[], object] = lambda: None,
    read: Callable[[Path], Image] = decode_frame,
) -> R:
    """Carry out `protocol` on the sequence of `frames`, and return what it returns.

    Args:
      tracker: started by the protocol's first request, whatever it did before.
      include_decoding: frames are read when they are needed, and `Reply.seconds` counts that;
        otherwise a thread reads ahead, and it counts the tracker alone.
      before: called before all that may take time, with what it is ("reading", "starting on",
        "tracking into") and the frame's number.
      on_frame: called after every answer of the tracker.
      read: a frame's file -> image.

    Raises:
      SequenceError: a frame cannot be read.
      TrackerError: the tracker raised, or answered something else than four numbers.
    """
    depth = 0 if include_decoding else _DEPTH
    with Decoders(1) as thread, FramesAhead(frames, thread, depth, read) as ahead:
        try:
            request = next(protocol)
            while True:
                began = time.perf_counter()
                before("reading", request.frame)
                image = ahead.take(request.frame)
                doing = "starting on" if isinstance(request, Start) else "tracking into"
                before(doing, request.frame)
                if not include_decoding:
                    began = time.perf_counter()
                try:
                    box = _answer(tracker, image, request)
                except TRACKERS_FAULTS as error:
                    where = f"{doing} {frame_name(frames, request.frame)}"
                    raise TrackerError(f"{where}: {one_line(error)}") from error
                reply = _reply(box, time.perf_counter() - began)
                on_frame()
                request = protocol.send(reply)
        except StopIteration as end:
            result: R = end.value
            return result


def _answer(tracker: FrameTracker, image: Image, request: Start | Track) -> Boxes:
    if isinstance(request, Start):
        tracker.init(image, request.box)
        return request.box
    answer = tracker.update(image)
    box = np.array(answer, np.float32)  # A copy: some trackers write into the same array again.
    if box.shape != (4,):
        raise ValueError(f"update() must return x, y, w, h, not {answer!r:.60}")
    return box


def _reply(box: Boxes, seconds: float) -> Reply:
    return Reply(lambda: box, lambda: seconds)


def one_line(error: BaseException) -> str:
    """What a tracker raised, for a message."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
