"""How well a trained network tracks: its scores on OTB and VOT, kept on disk as they are made."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.evaluation.options import Options
from experiments.evaluation.otb import evaluate_otb
from experiments.evaluation.rectangles import STILL
from experiments.evaluation.vot import evaluate_vot
from experiments.studies.variants import Measure
from siamfc_jax.durable import naming
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.evaluation.scores import CurveScores, VotScores


@dataclass(frozen=True)
class Benchmarks:
    """On which every variant is judged.

    Attributes:
      otb, vot: folders as of `experiments.eval_otb` and `eval_vot`; None: not on this one.
      sequences: of OTB, only these; by default all that are there.
    """

    otb: Path | None = None
    vot: Path | None = None
    sequences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """Attributes:
    values: of the tracker.
    still: of the box that is held still, where that is scored.
    problems: what has no score, and why, a line each.
    """

    values: dict[Measure, float]
    still: dict[Measure, float]
    problems: tuple[str, ...]


def judge(weights: Path, benchmarks: Benchmarks, out: Path) -> Judgement:
    """Run and score a weight file, named for its stem, where that is not done yet.

    Result files and the tables of all sequences (`<stem>.txt`) are below `out`.

    Raises:
      ValueError, OSError: as the evaluations.
    """
    with naming(out):
        out.mkdir(parents=True, exist_ok=True)
    values: dict[Measure, float] = {}
    still: dict[Measure, float] = {}
    problems: list[str] = []
    # Only what is compared goes to the terminal.
    with open(out / f"{weights.stem}.txt", "w") as tables, contextlib.redirect_stdout(tables):
        for scores in _evaluated(weights, benchmarks, out):
            (still if scores.tracker == STILL else values).update(_values(scores))
            problems += [f"{name}: {reason}" for name, reason in scores.problems.items()]
    return Judgement(values, still, tuple(dict.fromkeys(problems)))


def _evaluated(
    weights: Path, benchmarks: Benchmarks, out: Path
) -> Iterator[CurveScores | VotScores]:
    options = Options(models=(str(weights),), out=out)
    if benchmarks.otb:
        names = benchmarks.sequences or _names(benchmarks.otb)
        chosen = Options(models=(str(weights),), out=out, sequences=names)
        yield from evaluate_otb(benchmarks.otb, chosen)
    if benchmarks.vot:
        # Our trackers do the same in every repetition.
        yield from evaluate_vot(benchmarks.vot, options, repetitions=1)


def _names(otb: Path) -> tuple[str, ...]:
    """Of all sequences that are there: a part of a published list is not missing the rest."""
    damaged: dict[str, str] = {}
    return (*(sequence.name for sequence in read_otb(otb, damaged=damaged)), *damaged)


def _values(scores: CurveScores | VotScores) -> dict[Measure, float]:
    name = scores.benchmark
    if isinstance(scores, CurveScores):
        return {
            Measure(name, "AUC", drawn=True): scores.auc,
            Measure(name, "P20"): scores.precision_at_20,
        }
    return {
        Measure(name, "accuracy"): scores.accuracy,
        Measure(name, "failures", 1): scores.failures,
        Measure(name, "EAO", drawn=True): scores.expected_overlap,
    }
