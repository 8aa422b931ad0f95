"""Whether a tracker's boxes change their aspect ratio where the target does.

Ratios are compared as log2(width / height), less that of the first true box: 0 is the ratio that
the tracker was given, 1 is twice as wide for its height. A tracker that keeps the ratio (SiamFC)
says 0 in every frame; so does nothing here depend on how well boxes lie, as long as they meet the
target at all.
"""

from collections.abc import Iterable
from collections.abc import Sequence as ListOf
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc_jax.boxes import iou
from siamfc_jax.evaluation.metrics.profiles import unusable_boxes
from siamfc_jax.evaluation.metrics.rectangles import Floats
from siamfc_jax.evaluation.metrics.sequence_curves import fitting_boxes
from siamfc_jax.evaluation.runs import ResultError, Results, Run
from siamfc_jax.evaluation.sequences import Sequence

OVERLAP_ABOVE = 0.1
"""Frames with less are those of a tracker that is lost; its box is of something else."""
FEWEST_FRAMES = 10
"""Fewer have no correlation worth the name."""
UNCHANGED = 0.03
"""A deviation below this (2 per cent of the ratio) is what rounding to whole pixels does."""
CHANGING = 0.2
"""From this deviation on (15 per cent), the truth changes enough to be followed: benchmarks' boxes
are drawn by hand, and in many sequences on purpose with one ratio throughout."""

NAN = float("nan")


class AspectTrace(NamedTuple):
    """Aspect ratios of the frames that count, or of those of several runs one after the other.

    Attributes:
      rows: [m] of the sequence's truth.
      truth, result: [m] log2(w / h), less that of the first true box.
      due: how many frames after the first have a true box and a target to be seen; m of them count.
    """

    rows: NDArray[np.intp]
    truth: Floats
    result: Floats
    due: int


class AspectScores(NamedTuple):
    """How the ratios of results follow those of the truth; NaN where that cannot be said.

    Attributes:
      frames, due: as many count, of so many.
      truth_deviation, result_deviation: standard deviations.
      correlation: Pearson's; NaN where either does not change.
      slope: of the result over the truth, by least squares: 1 follows in full, 0 not at all.
      error: mean |result - truth|.
      fixed_error: that of a result that keeps the first true ratio.
    """

    frames: int
    due: int
    truth_deviation: float = NAN
    result_deviation: float = NAN
    correlation: float = NAN
    slope: float = NAN
    error: float = NAN
    fixed_error: float = NAN

    @property
    def error_ratio(self) -> float:
        """Less than 1: better than a fixed ratio. NaN where the true ratio does not change."""
        return self.error / self.fixed_error if self.fixed_error >= UNCHANGED else NAN


class TrackerAspects(NamedTuple):
    """A tracker's traces.

    Attributes:
      tracker: its name.
      traces: sequence name -> one for each run over it.
      problems: sequence name -> why it has none.
    """

    tracker: str
    traces: dict[str, tuple[AspectTrace, ...]]
    problems: dict[str, str]


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def aspect_trace(
    truth: ArrayLike,
    boxes: ArrayLike,
    *,
    visible: ArrayLike | None = None,
    overlap_above: float = OVERLAP_ABOVE,
) -> AspectTrace:
    """Aspect ratios in the frames after the first, where both boxes are usable and overlap.

    Args:
      truth, boxes: [n, 4] (x, y, w, h) of the same frames, of the same origin, whichever it is. The
        first true one is what the tracker was given. A box is unusable if a number of it is not
        finite or it has no area; without a usable first true one no frame counts.
      visible: [n] whether the target is to be seen; None: in every frame.
      overlap_above: intersection over union that a frame must exceed to count.

    Raises:
      ValueError: the shapes differ or are not [n, 4].
    """
    truth, boxes = np.asarray(truth, np.float64), np.asarray(boxes, np.float64)
    if truth.shape != boxes.shape or truth.ndim != 2 or truth.shape[1] != 4:
        raise ValueError(f"boxes {list(boxes.shape)} for a truth {list(truth.shape)}, not [n, 4]")
    true = _log_ratios(truth) - _log_ratios(truth[:1])
    found = _log_ratios(boxes) - _log_ratios(truth[:1])
    due = np.isfinite(true)
    due[:1] = False
    if visible is not None:
        due &= np.asarray(visible, np.bool_)
    rows = np.flatnonzero(due & np.isfinite(found))
    rows = rows[iou(truth[rows], boxes[rows]) > overlap_above]
    return AspectTrace(rows, true[rows], found[rows], int(due.sum()))


def truth_trace(sequence: Sequence) -> AspectTrace:
    """The ratios of a sequence's truth alone."""
    return aspect_trace(sequence.truth, sequence.truth, visible=sequence.visible)


def changing(sequences: Iterable[Sequence]) -> frozenset[str]:
    """Names of those whose true ratio has a deviation of CHANGING or more."""
    return frozenset(
        sequence.name
        for sequence in sequences
        if aspect_scores(truth_trace(sequence)).truth_deviation >= CHANGING
    )


def aspects_of(tracker: str, sequences: ListOf[Sequence], results: Results[Run]) -> TrackerAspects:
    """The traces of a tracker's runs, which begin on the first frame.

    Args:
      results: as `formats.reading.read_results` gives them: a sequence has runs or a problem.
    """
    traces: dict[str, tuple[AspectTrace, ...]] = {}
    problems = dict(results.problems)
    for sequence in sequences:
        if sequence.name not in results.runs:
            continue
        try:
            boxes = [fitting_boxes(sequence, run) for run in results.runs[sequence.name]]
        except ResultError as error:
            problems[sequence.name] = str(error)
            continue
        traces[sequence.name] = tuple(
            aspect_trace(sequence.truth, own, visible=sequence.visible) for own in boxes
        )
    return TrackerAspects(tracker, traces, problems)


def pooled(traces: Iterable[AspectTrace]) -> AspectTrace:
    """The frames of all traces as one; each keeps the offset of its own first frame."""
    traces = list(traces)
    return AspectTrace(
        np.concatenate([np.empty(0, np.intp), *(trace.rows for trace in traces)]),
        np.concatenate([np.empty(0), *(trace.truth for trace in traces)]),
        np.concatenate([np.empty(0), *(trace.result for trace in traces)]),
        sum(trace.due for trace in traces),
    )


def aspect_scores(trace: AspectTrace) -> AspectScores:
    """How the result's ratios follow the truth's; with too few frames, only how many there are."""
    truth, result = trace.truth, trace.result
    if len(truth) < FEWEST_FRAMES:
        return AspectScores(len(truth), trace.due)
    covariance = float(np.mean((truth - truth.mean()) * (result - result.mean())))
    spread, own_spread = float(truth.std()), float(result.std())
    both_change = min(spread, own_spread) >= UNCHANGED
    return AspectScores(
        frames=len(truth),
        due=trace.due,
        truth_deviation=spread,
        result_deviation=own_spread,
        correlation=covariance / (spread * own_spread) if both_change else NAN,
        slope=covariance / spread**2 if spread >= UNCHANGED else NAN,
        error=float(np.abs(result - truth).mean()),
        fixed_error=float(np.abs(truth).mean()),
    )


def _log_ratios(boxes: Floats) -> Floats:
    return np.where(unusable_boxes(boxes), NAN, np.log2(boxes[:, 2]) - np.log2(boxes[:, 3]))
