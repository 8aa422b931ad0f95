"""VOT's unsupervised experiment (since 2016): one start, no resets, one repetition."""

from collections.abc import Callable

import numpy as np

from siamfc_jax.evaluation.protocols.requests import Protocol, Start, Track
from siamfc_jax.evaluation.protocols.vot_record import (
    FIRST_PIXEL,
    VotRecord,
    next_known,
    region_of,
)
from siamfc_jax.evaluation.regions import Region, axis_aligned
from siamfc_jax.evaluation.runs import VotRun
from siamfc_jax.evaluation.sequences import VotSequence, box_of


def unsupervised(
    sequence: VotSequence, *, initial_region: Callable[[Region], Region] = axis_aligned
) -> Protocol[VotRun]:
    """Start on the first frame and track to the end; asks for no box before that.

    Returns:
      INITIALISED, then the tracker's rectangles; UNKNOWN, which overlaps with nothing, where a box
      is not finite.

    Raises:
      SequenceError: the first frame's truth is unknown.
    """
    record = VotRecord(len(sequence.frames))
    first = next_known(sequence, 0)
    replies = [(yield Start(first, box_of(initial_region(sequence.truth[first]), FIRST_PIXEL)))]
    for frame in range(1, len(sequence.frames)):
        replies.append((yield Track(frame)))
    record.initialised(first)
    for frame, reply in enumerate(replies):
        record.took(frame, reply.seconds())
        region = region_of(reply.box())
        if frame > first and np.isfinite(region).all():
            record.found(frame, region)
    return record.run()
