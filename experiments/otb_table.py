"""The table that `experiments.eval_otb` prints, as a function."""

from collections.abc import Sequence as ListOf
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from siamfc_jax.boxes import Boxes, from_one_based, to_one_based
from siamfc_jax.evaluation.metrics import precision_at_20, success_auc
from siamfc_jax.evaluation.one_pass import run_one_pass
from siamfc_jax.evaluation.otb import read_otb
from siamfc_jax.evaluation.sequences import Sequence, SequenceError
from siamfc_jax.loading import load
from siamfc_jax.tracking.config import PRESETS


class Row(NamedTuple):
    """Scores of one target; `published` is nan where there is no published result."""

    name: str
    frames: int
    auc: float
    precision: float
    no_motion: float
    published: float


def evaluate_otb(
    otb: Path,
    model: str,
    *,
    preset: str | None = None,
    only: ListOf[str] | None = None,
    published: Path | None = None,
    out: Path | None = None,
) -> list[Row]:
    """Run a model on OTB's sequences, print the table and return its rows.

    Raises:
      SequenceError, WeightsError: the benchmark or the weights cannot be read.
      ValueError: an unknown preset or sequence.
    """
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    sequences = read_otb(otb)
    names = {sequence.name for sequence in sequences}
    if only and not names.issuperset(only):
        raise SequenceError(f"{otb}: has no {', '.join(sorted(set(only) - names))}")
    sequences = [sequence for sequence in sequences if not only or sequence.name in only]
    tracker = load(model, PRESETS[preset] if preset else None)

    rows, seconds = [], 0.0
    with tqdm(total=sum(len(s.frames) for s in sequences), unit="frame") as progress:
        for sequence in sequences:
            progress.set_description(sequence.name)
            run = run_one_pass(tracker, sequence, progress.update)
            seconds += run.seconds
            rows.append(_row(sequence, run.boxes, published))
            if out:
                out.mkdir(parents=True, exist_ok=True)
                np.savetxt(out / f"{sequence.name}.txt", to_one_based(run.boxes), "%.4f", ",")
    _print(rows, seconds)
    return rows


def _row(sequence: Sequence, boxes: Boxes, published: Path | None) -> Row:
    still = np.repeat(sequence.boxes[:1], len(sequence.boxes), 0)
    other = _published_boxes(published, sequence) if published else None
    return Row(
        sequence.name,
        len(boxes),
        success_auc(boxes, sequence.boxes),
        precision_at_20(boxes, sequence.boxes),
        success_auc(still, sequence.boxes),
        success_auc(other, sequence.boxes) if other is not None else float("nan"),
    )


def _published_boxes(file: Path, sequence: Sequence) -> Boxes | None:
    with np.load(file, allow_pickle=False) as results:
        names = [name for name in results.files if name.startswith(f"{sequence.name}/00/")]
        return from_one_based(results[names[0]]) if names else None


def _print(rows: list[Row], seconds: float) -> None:
    print(f"{'target':<14}{'frames':>7}{'AUC':>8}{'P20':>8}{'no motion':>11}{'published':>11}")
    frames = sum(row.frames for row in rows)
    means = [float(np.mean([row[k] for row in rows])) for k in range(2, 6)]
    for row in [*rows, Row("mean", frames, *means)]:
        reference = "-" if np.isnan(row.published) else f"{row.published:.3f}"
        print(
            f"{row.name:<14}{row.frames:>7}{row.auc:>8.3f}{row.precision:>8.3f}"
            f"{row.no_motion:>11.3f}{reference:>11}"
        )
    near = sum(abs(row.auc - row.published) <= 0.035 for row in rows)
    if not np.isnan(means[3]):
        print(f"{near} of {len(rows)} targets within .035 of the published AUC")
    print(f"{frames / seconds:.1f} frames/s in the tracker (decoding excluded)")
