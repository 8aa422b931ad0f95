"""VOT's real-time experiment (2017 to 2019): the video does not wait for the tracker.

Source: VOT toolkit 7, experiment_realtime.m, with the settings of the stacks vot2017 to vot2019.
"""

import math
from collections.abc import Callable

from siamfc_jax.evaluation.protocols.requests import Protocol, Start, Track
from siamfc_jax.evaluation.protocols.vot_record import (
    FIRST_PIXEL,
    Overlap,
    VotRecord,
    lost,
    next_known,
    region_of,
)
from siamfc_jax.evaluation.regions import Region, axis_aligned
from siamfc_jax.evaluation.runs import VotRun
from siamfc_jax.evaluation.sequences import VotSequence, box_of

FRAMES_PER_SECOND = 20.0
"""Of every sequence, whatever its own rate (override_fps)."""


class VideoClock:
    """How many frames of the video have passed since the tracker was started.

    The first `grace` replies count as one frame each; the others as long as they took, but at
    least one frame: no tracker is ahead of the video.
    """

    def __init__(self, frames_per_second: float, grace: int) -> None:
        self._rate = frames_per_second
        self._grace = grace
        self._milliseconds = 0.0

    def after(self, seconds: float) -> int:
        """Frames passed after one more reply that took so long, the frame of the start included."""
        interval = 1000.0 / self._rate
        graceful, self._grace = self._grace > 0, self._grace - 1
        self._milliseconds += interval if graceful else max(interval, 1000.0 * seconds)
        # MATLAB's round(floor(t * fps) / 1000), halves away from zero.
        return math.floor(math.floor(self._milliseconds * self._rate) / 1000 + 0.5)


def realtime(
    sequence: VotSequence,
    overlap: Overlap,
    *,
    skip: int = 5,
    grace: int = 3,
    frames_per_second: float = FRAMES_PER_SECOND,
    initial_region: Callable[[Region], Region] = axis_aligned,
) -> Protocol[VotRun]:
    """As `supervised`, but a slow tracker misses the frames that pass meanwhile.

    In those its box of before counts; its reply counts for the frame at which it arrives, and it is
    shown the one after. After a failure it starts `skip` frames after the frame of its last reply.
    The measured seconds decide: run it on a tracker of its own, not on one slot of many.

    Args and errors as `supervised`; `grace`: replies after a start that count as on time.
    """
    n_frames = len(sequence.frames)
    record = VotRecord(n_frames)
    frame = next_known(sequence, 0)
    while frame < n_frames:
        first = initial_region(sequence.truth[frame])
        started = yield Start(frame, box_of(first, FIRST_PIXEL))
        clock = VideoClock(frames_per_second, grace)
        record.initialised(frame)
        record.took(frame, started.seconds())
        now = frame - 1 + clock.after(started.seconds())
        failed, held = False, first
        while not failed and now + 1 < n_frames:
            sent = now + 1
            reply = yield Track(sent)
            record.took(sent, reply.seconds())
            region = region_of(reply.box())
            now = frame - 1 + clock.after(reply.seconds())
            failed = _report(sequence, overlap, record, held, region, sent, now)
            held = region
        frame = next_known(sequence, now + skip) if failed else n_frames
    return record.run()


def _report(
    sequence: VotSequence,
    overlap: Overlap,
    record: VotRecord,
    held: Region,
    new: Region,
    sent: int,
    now: int,
) -> bool:
    """Write down `held` for the frames from `sent` to before `now`, `new` for `now`, as far as the
    sequence goes; whether one of them was lost, which ends it."""
    for frame in range(sent, min(now + 1, len(sequence.frames))):
        region = new if frame == now else held
        if lost(region, sequence.truth[frame], overlap):
            record.failed(frame)
            return True
        record.found(frame, region)
    return False
