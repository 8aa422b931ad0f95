"""VOT's supervised (reset-based) experiment, and when its repetitions end.

Source: VOT toolkit 7, experiment_supervised.m; vot-toolkit 0.8, vot/experiment/multirun.py.
"""

from collections.abc import Callable, Sequence

import numpy as np

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

REPETITIONS = 15
_IDENTICAL_RUNS, _IDENTICAL_OVERLAP = 3, 0.999


def supervised(
    sequence: VotSequence,
    overlap: Overlap,
    *,
    skip: int = 5,
    initial_region: Callable[[Region], Region] = axis_aligned,
) -> Protocol[VotRun]:
    """Track until the target is lost, and start again `skip` frames after that.

    Args:
      sequence: with its frames.
      overlap: decides: a failure is an overlap of 0 or less, or a box that is not finite.
      skip: frames from the failure to the new start.
      initial_region: truth -> rectangle (x, y, w, h) to start with, in VOT's numbers; of
        `region_noise`, a perturbed one.

    Returns:
      INITIALISED where the tracker started, FAILED where it failed, UNKNOWN in the frames between,
      the tracker's rectangles elsewhere. A start on a frame whose truth is unknown is put off to
      the next known one.

    Raises:
      SequenceError: the first frame's truth is unknown.
    """
    n_frames = len(sequence.frames)
    record = VotRecord(n_frames)
    frame = next_known(sequence, 0)
    while frame < n_frames:
        started = yield Start(frame, box_of(initial_region(sequence.truth[frame]), FIRST_PIXEL))
        record.initialised(frame)
        record.took(frame, started.seconds())
        failed = yield from _track_until_lost(sequence, overlap, record, frame + 1)
        frame = n_frames if failed is None else next_known(sequence, failed + skip)
    return record.run()


def _track_until_lost(
    sequence: VotSequence, overlap: Overlap, record: VotRecord, first: int
) -> Protocol[int | None]:
    """The frame of the failure; None: tracked to the end."""
    for frame in range(first, len(sequence.frames)):
        reply = yield Track(frame)
        region = region_of(reply.box())
        record.took(frame, reply.seconds())
        if lost(region, sequence.truth[frame], overlap):
            record.failed(frame)
            return frame
        record.found(frame, region)
    return None


def another_repetition(
    runs: Sequence[VotRun], overlap: Overlap, repetitions: int = REPETITIONS
) -> bool:
    """Whether the runs of a sequence so far ask for one more.

    There are `repetitions` in all; but when the first three are identical, the tracker counts as
    deterministic, and the rest is left out.
    """
    if len(runs) < _IDENTICAL_RUNS:
        return len(runs) < repetitions
    first, *others = runs[:_IDENTICAL_RUNS]
    deterministic = all(_identical(first, other, overlap) for other in others)
    return not deterministic and len(runs) < repetitions


def _identical(a: VotRun, b: VotRun, overlap: Overlap) -> bool:
    return len(a.regions) == len(b.regions) and all(
        _same(one, other, overlap) for one, other in zip(a.regions, b.regions, strict=True)
    )


def _same(a: Region, b: Region, overlap: Overlap) -> bool:
    if min(len(a), len(b)) == 1 or np.array_equal(a, b):
        return np.array_equal(a, b)
    return overlap(a, b) > _IDENTICAL_OVERLAP
