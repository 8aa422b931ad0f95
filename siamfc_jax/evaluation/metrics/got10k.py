"""Average overlap and success rates on GOT-10k (Huang, Zhao and Huang, TPAMI 2021)."""

from collections.abc import Sequence as ListOf

import numpy as np

from siamfc_jax.evaluation.metrics.curve_scores import score_sequences, seconds_of
from siamfc_jax.evaluation.metrics.profiles import unusable_boxes
from siamfc_jax.evaluation.metrics.rectangles import Floats, got10k_errors, share_above
from siamfc_jax.evaluation.metrics.sequence_curves import SequenceCurves, fitting_boxes
from siamfc_jax.evaluation.runs import ResultError, Results, Run
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence

_THRESHOLDS = np.linspace(0, 1, 101)

SUMMARY = (
    "as the GOT-10k toolkit: boxes clipped to the frame, first frame and frames without the "
    "target left out, frames of all sequences pooled"
)


def score_got10k(
    tracker: str,
    sequences: ListOf[Sequence],
    results: Results[Run],
    *,
    benchmark: str = "GOT-10k val",
) -> CurveScores:
    """AO is `average_overlap`, SR.5 `success_rate(0.5)`: means over all frames of all sequences.

    The frames of all repetitions are pooled; speed is the mean of 1/seconds over frames that took
    any. A box with NaN misses (the toolkit's means would become NaN). Sequences whose frame size or
    runs are missing, or whose runs are too short, go into `problems`.
    """
    scores = score_sequences(
        {"tracker": tracker, "benchmark": benchmark, "protocol": "OPE", "profile": "got10k"},
        sequences,
        results,
        _curves,
        success_thresholds=_THRESHOLDS,
        weigh_by_frames=True,
        with_precision=False,
    )
    seconds = seconds_of(scores, results)
    seconds = seconds[seconds > 0]
    return scores._replace(frames_per_second=float((1 / seconds).mean()) if len(seconds) else None)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _curves(sequence: Sequence, runs: tuple[Run, ...]) -> SequenceCurves:
    if sequence.size is None:
        raise ResultError("its frame size is unknown; fetch its meta_info.ini or images")
    shown = np.ones(len(sequence.truth), np.bool_) if sequence.visible is None else sequence.visible
    rows = np.flatnonzero(shown)
    rows = rows[rows > 0]
    if not len(rows):
        raise ResultError("no annotated frame after the first; score the val subset")
    boxes = np.concatenate([fitting_boxes(sequence, run)[rows] for run in runs])
    truth = np.tile(np.asarray(sequence.truth, np.float64)[rows], (len(runs), 1))
    overlap = got10k_errors(_clipped(boxes, sequence.size), _clipped(truth, sequence.size)).overlap
    return SequenceCurves(
        share_above(overlap, _THRESHOLDS, len(overlap)),
        None,
        None,
        float(overlap.mean()),
        len(overlap),
        int(unusable_boxes(boxes).sum()),
        int(unusable_boxes(truth).sum()),
    )


def _clipped(boxes: Floats, size: tuple[int, int]) -> Floats:
    # Corners first and sizes by them, not both ends: a box that begins left of the frame keeps its
    # width, and so moves.
    corners = np.clip(boxes[:, :2], 0, size)
    return np.hstack([corners, np.clip(boxes[:, 2:], 0, np.asarray(size) - corners)])
