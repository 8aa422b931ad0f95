"""LaSOT as a benchmark to run and to score."""

from functools import partial
from pathlib import Path
from typing import Literal

from experiments.evaluation.evaluated import Evaluated
from experiments.evaluation.options import Options
from experiments.evaluation.reading import annotated, asked_for, report_missing
from experiments.evaluation.rectangles import RectangleBenchmark, evaluate_rectangles
from siamfc_jax.evaluation.benchmarks.lasot import lasot_test_names, read_lasot
from siamfc_jax.evaluation.metrics.lasot import score_lasot
from siamfc_jax.evaluation.metrics.profiles import LASOT_PROFILES, profile_named
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence


def evaluate_lasot(
    lasot: Path,
    options: Options,
    *,
    which: Literal["test", "all"] = "test",
    annos: Path | None = None,
    images: Path | None = None,
) -> Evaluated[CurveScores]:
    """Run and score on LaSOT; see `rectangles.evaluate_rectangles`.

    Args:
      lasot: the data, the annotation of the evaluation toolkit, or a dataset JSON, whose images are
        in `images`.
      which: "test", the 280 sequences of protocol II, or "all" that are there.
      annos: the toolkit's annotation, for attributes and absence, where `lasot` is the data.
    """
    profile = profile_named(LASOT_PROFILES, options.profile or "lasot")
    read = partial(read_lasot, subset=which, annos=annos)
    everything, damaged = annotated(lasot, images, read)
    sequences, unread = asked_for(everything, damaged, options)
    whole = which == "test" and not options.sequences and not options.attribute
    expected = lasot_test_names() if whole else ()
    lacking = report_missing(
        lasot, sequences, expected, runs=options.runs_something, unread=unread.values()
    )
    title = "LaSOT" if len(sequences) == len(lasot_test_names()) else _partial_title(sequences)
    benchmark = RectangleBenchmark(
        title=title,
        folder="LaSOT",
        sequences=sequences,
        formats={"OPE": "lasot"},
        scorers={"OPE": partial(score_lasot, profile=profile.name)},
        definition=profile.summary,
        missing=lacking,
    )
    return evaluate_rectangles(benchmark, options)


def _partial_title(sequences: list[Sequence]) -> str:
    return f"LaSOT ({len(sequences)} sequences)"
