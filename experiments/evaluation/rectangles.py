"""Running and scoring on a benchmark of rectangles: OTB, LaSOT, GOT-10k."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from experiments.evaluation.checks import check
from experiments.evaluation.contestant import contestants
from experiments.evaluation.evaluated import Evaluated
from experiments.evaluation.given_results import given, name_of
from experiments.evaluation.named_paths import require_distinct
from experiments.evaluation.options import Options
from experiments.evaluation.rectangle_runs import prepare
from experiments.evaluation.showing import Shown, curve_intervals, show
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.writing import FORMATS, FORMATS_OF_MANY_RUNS
from siamfc_jax.evaluation.presentation.pictures import Picture, worst_frames
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence

STILL = "no motion"


class Scorer(Protocol):
    """Scores a tracker's results in one protocol, e.g. `score_otb`."""

    def __call__(
        self, tracker: str, sequences: list[Sequence], results: Results[Run], *, benchmark: str
    ) -> CurveScores: ...


@dataclass(frozen=True)
class RectangleBenchmark:
    """What is particular to a benchmark.

    Attributes:
      title: in tables, e.g. "OTB-100".
      folder: of results in `Options.out`, e.g. "OTB".
      sequences: to run on and to score.
      formats: protocol -> in which results are kept.
      scorers: protocol, any of "OPE", "TRE", "SRE" -> how its results are scored; all that are here
        are run.
      definition: one line on the profile by which they score.
      repetitions: of a tracker that is not deterministic.
      missing: what the benchmark on disk lacks, a line each.
    """

    title: str
    folder: str
    sequences: list[Sequence]
    formats: Mapping[str, str]
    scorers: Mapping[str, Scorer]
    definition: str
    repetitions: int = 1
    missing: tuple[str, ...] = ()


def evaluate_rectangles(benchmark: RectangleBenchmark, options: Options) -> Evaluated[CurveScores]:
    """Run what is to be run, score it and what is given, print and draw it.

    Raises:
      ValueError, OSError: in one line, when the benchmark, a tracker, results or the output will
        not do, before anything is run. What went wrong on single sequences is in
        `CurveScores.problems`.
    """
    check(options, FORMATS if set(benchmark.scorers) == {"OPE"} else FORMATS_OF_MANY_RUNS)
    runners = contestants(options)
    still_shown = [STILL] if options.baseline else []
    names = [runner.name for runner in runners]
    require_distinct([*names, *map(name_of, options.results), *still_shown])
    run = partial(
        prepare,
        sequences=benchmark.sequences,
        options=options,
        folder=benchmark.folder,
        repetitions=benchmark.repetitions,
    )
    prepared = {
        protocol: [
            (runner.name, run(runner, protocol=protocol, format=benchmark.formats[protocol]))
            for runner in runners
        ]
        for protocol in benchmark.scorers
    }
    read = partial(read_results, sequences=benchmark.sequences)
    given_ones = {
        protocol: [given(spec, partial(read, protocol=protocol)) for spec in options.results]
        for protocol in benchmark.scorers
    }
    shown: list[Shown] = []
    for protocol, score in benchmark.scorers.items():
        found = {name: results_of() for name, results_of in prepared[protocol]}
        found.update(given_ones[protocol])
        if options.baseline and protocol == "OPE":
            found[STILL] = still(benchmark.sequences)
        shown += [_shown(benchmark, score, name, results) for name, results in found.items()]
    show(shown, options, {"profile": benchmark.definition}, benchmark.missing)
    scored = [one.scores for one in shown if isinstance(one.scores, CurveScores)]
    return Evaluated(scored, benchmark.missing)


def still(sequences: list[Sequence]) -> Results[Run]:
    """The tracker that never moves: the first box in every frame."""
    runs = {}
    for sequence in sequences:
        boxes = np.repeat(sequence.truth[:1], len(sequence.truth), 0)
        runs[sequence.name] = (Run(boxes),)
    return Results(runs)


def _shown(benchmark: RectangleBenchmark, score: Scorer, name: str, results: Results[Run]) -> Shown:
    scores = score(name, benchmark.sequences, results, benchmark=benchmark.title)
    pictures = partial(_pictures, benchmark.sequences, results, scores)
    return Shown(scores, pictures, curve_intervals(scores), name == STILL)


def _pictures(
    sequences: list[Sequence], results: Results[Run], scores: CurveScores
) -> Iterator[Picture]:
    return worst_frames(sequences, results.runs, scores)
