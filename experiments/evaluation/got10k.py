"""GOT-10k as a benchmark to run and to score."""

from functools import partial
from pathlib import Path
from typing import Literal

from experiments.evaluation.checks import check
from experiments.evaluation.contestant import contestants
from experiments.evaluation.evaluated import Evaluated
from experiments.evaluation.named_paths import require_distinct
from experiments.evaluation.options import Options
from experiments.evaluation.reading import annotated, asked_for, report_missing
from experiments.evaluation.rectangle_runs import prepare
from experiments.evaluation.rectangles import RectangleBenchmark, evaluate_rectangles
from siamfc_jax.evaluation.benchmarks.got10k import got10k_names, read_got10k
from siamfc_jax.evaluation.formats.writing import FORMATS, write_submission
from siamfc_jax.evaluation.metrics.got10k import SUMMARY, score_got10k
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence

_REPETITIONS = 3


def evaluate_got10k(
    got10k: Path,
    options: Options,
    *,
    which: Literal["val", "test"] = "val",
    images: Path | None = None,
) -> Evaluated[CurveScores]:
    """Run and score on GOT-10k; see `rectangles.evaluate_rectangles`.

    The test set's annotation is on the benchmark's server: the tracker is run, its results are
    zipped for the server, and nothing is scored.

    Args:
      got10k: folder of the subset or above it, or a dataset JSON, whose images are in `images`.
    """
    if options.profile not in (None, "got10k"):
        raise ValueError(f"no profile {options.profile!r}; GOT-10k is scored by got10k")
    everything, damaged = annotated(got10k, images, partial(read_got10k, subset=which))
    sequences, unread = asked_for(everything, damaged, options)
    whole = got10k.is_dir() and not options.sequences and not options.attribute
    expected = _listed(got10k, which) if whole else ()
    lacking = report_missing(
        got10k, sequences, expected, runs=options.runs_something, unread=unread.values()
    )
    if which == "test":
        _make_submission(sequences, options)
        return Evaluated([], lacking)
    title = "GOT-10k val" if whole and not lacking else f"GOT-10k val ({len(sequences)} sequences)"
    benchmark = RectangleBenchmark(
        title=title,
        folder="GOT-10k_val",
        sequences=sequences,
        formats={"OPE": "got10k"},
        scorers={"OPE": score_got10k},
        definition=SUMMARY,
        repetitions=_REPETITIONS,
        missing=lacking,
    )
    return evaluate_rectangles(benchmark, options)


def _make_submission(sequences: list[Sequence], options: Options) -> None:
    if not options.runs_something:
        raise ValueError("GOT-10k's test set is scored on its server; send it the zip file there")
    if options.report or options.plots or options.published or options.results:
        raise ValueError(
            "GOT-10k's test set is not scored here: leave out --report, --plots, --published and "
            "--results"
        )
    check(options, FORMATS)
    folder = "GOT-10k_test"
    runners = contestants(options)
    require_distinct(runner.name for runner in runners)
    run = partial(
        prepare,
        sequences=sequences,
        options=options,
        folder=folder,
        protocol="OPE",
        format="got10k",
        repetitions=_REPETITIONS,
    )
    for runner, made in [(runner, run(runner)) for runner in runners]:
        made()
        zipped = write_submission(options.out / folder, runner.name, sequences)
        print(f"for GOT-10k's server: {zipped}")


def _listed(got10k: Path, which: Literal["val", "test"]) -> tuple[str, ...]:
    lists = (got10k / which / "list.txt", got10k / "list.txt")
    return got10k_names(got10k, which) if any(file.exists() for file in lists) else ()
