"""Running and scoring on a benchmark of rectangles: OTB, LaSOT, GOT-10k."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from experiments.evaluation.checks import check
from experiments.evaluation.contestant import contestant
from experiments.evaluation.evaluated import Evaluated
from experiments.evaluation.given_results import given, name_of, require_distinct
from experiments.evaluation.options import Options
from experiments.evaluation.rectangle_runs import run
from experiments.evaluation.showing import Shown, curve_intervals, show
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.writing import FORMATS, FORMATS_OF_MANY_RUNS
from siamfc_jax.evaluation.presentation.pictures import Picture, worst_frames
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence

STILL = "no motion"

Scorer: TypeAlias = Callable[[str, list[Sequence], Results[Run], str, str | None], CurveScores]
"""(tracker, sequences, results, protocol, profile or None) -> scores."""


@dataclass(frozen=True)
class RectangleBenchmark:
    """What is particular to a benchmark.

    Attributes:
      title: in tables, e.g. "OTB-100".
      folder: of results in `Options.out`, e.g. "OTB".
      sequences: to run on and to score.
      protocols: any of "OPE", "TRE", "SRE".
      formats: protocol -> in which results are kept.
      definition: profile (or None) -> one line that says what it means.
      repetitions: of a tracker that is not deterministic.
      missing: what the benchmark on disk lacks, a line each.
    """

    title: str
    folder: str
    sequences: list[Sequence]
    protocols: tuple[str, ...]
    formats: Mapping[str, str]
    score: Scorer
    definition: Callable[[str | None], str]
    repetitions: int = 1
    missing: tuple[str, ...] = ()


def evaluate_rectangles(benchmark: RectangleBenchmark, options: Options) -> Evaluated[CurveScores]:
    """Run what is to be run, score it and what is given, print and draw it.

    Raises:
      ValueError, OSError: in one line, when the benchmark, a tracker, results or the output will
        not do. What went wrong on single sequences is in `CurveScores.problems`.
    """
    check(options, FORMATS if set(benchmark.protocols) == {"OPE"} else FORMATS_OF_MANY_RUNS)
    runner = contestant(options) if options.runs_something else None
    still_shown = [STILL] if options.baseline else []
    names = [runner.name] if runner else []
    require_distinct([*names, *map(name_of, options.results), *still_shown])
    shown: list[Shown] = []
    for protocol in benchmark.protocols:
        found: dict[str, Results[Run]] = {}
        if runner:
            found[runner.name] = run(
                runner,
                benchmark.sequences,
                options,
                folder=benchmark.folder,
                protocol=protocol,
                format=benchmark.formats[protocol],
                repetitions=benchmark.repetitions,
            )
        for spec in options.results:
            read = partial(read_results, sequences=benchmark.sequences, protocol=protocol)
            name, results = given(spec, read)
            found[name] = results
        if options.baseline and protocol == "OPE":
            found[STILL] = still(benchmark.sequences)
        for name, results in found.items():
            scores = benchmark.score(name, benchmark.sequences, results, protocol, options.profile)
            pictures = partial(_pictures, benchmark.sequences, results, scores)
            shown.append(Shown(scores, pictures, curve_intervals(scores), name == STILL))
    settings = {"profile": benchmark.definition(options.profile)}
    show(shown, options, settings, benchmark.missing)
    scored = [one.scores for one in shown if isinstance(one.scores, CurveScores)]
    return Evaluated(scored, benchmark.missing)


def still(sequences: list[Sequence]) -> Results[Run]:
    """The tracker that never moves: the first box in every frame."""
    runs = {}
    for sequence in sequences:
        boxes = np.repeat(sequence.truth[:1], len(sequence.truth), 0)
        runs[sequence.name] = (Run(boxes),)
    return Results(runs)


def _pictures(
    sequences: list[Sequence], results: Results[Run], scores: CurveScores
) -> Iterator[Picture]:
    return worst_frames(sequences, results.runs, scores)
