"""One pass: start once, track to the last frame (OTB's OPE, TRE and SRE; LaSOT; GOT-10k)."""

import numpy as np
from numpy.typing import ArrayLike

from siamfc_jax.evaluation.protocols.requests import Protocol, Start, Track
from siamfc_jax.evaluation.runs import Run
from siamfc_jax.evaluation.sequences import Sequence, as_annotated, box_of


def one_pass(sequence: Sequence, row: int = 0, box: ArrayLike | None = None) -> Protocol[Run]:
    """Start on frame `row` and track to the end; asks for no box before that.

    Args:
      sequence: with its frames.
      row: where to start: 0, or the first row of a TRE segment.
      box: (x, y, w, h) in the benchmark's numbers to start with, as SRE's; None: the truth's row.

    Returns:
      A run in the benchmark's numbers, its first box the given one. A box with a number that is not
      finite becomes a row of NaN, which scoring carries forward and counts.
    """
    given = np.asarray(sequence.truth[row] if box is None else box, np.float64)
    replies = [(yield Start(row, box_of(given, sequence.first_pixel)))]
    for frame in range(row + 1, len(sequence.frames)):
        replies.append((yield Track(frame)))
    found = np.reshape([reply.box() for reply in replies[1:]], (-1, 4))
    annotated = as_annotated(found, sequence.first_pixel)
    annotated[~np.isfinite(annotated).all(1)] = np.nan
    seconds = np.asarray([reply.seconds() for reply in replies], np.float64)
    return Run(np.concatenate([given[None], annotated]), row, seconds)
