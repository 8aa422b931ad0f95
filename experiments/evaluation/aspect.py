"""Aspect ratios of results beside those of the truth, printed and drawn."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from experiments import cli
from experiments.evaluation.given_results import given, name_of
from experiments.evaluation.named_paths import require_distinct
from experiments.evaluation.options import Options
from experiments.evaluation.reading import annotated, asked_for, say
from siamfc_jax.evaluation.benchmarks.got10k import read_got10k
from siamfc_jax.evaluation.benchmarks.lasot import read_lasot
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.metrics.aspect import TrackerAspects, aspects_of, changing
from siamfc_jax.evaluation.presentation.aspect_tables import ASPECT_NOTES, aspect_table
from siamfc_jax.evaluation.presentation.table import as_text
from siamfc_jax.evaluation.sequences import Sequence

BENCHMARKS: dict[str, Callable[..., list[Sequence]]] = {
    "OTB": read_otb,
    "LaSOT": partial(read_lasot, subset="all"),
    "GOT-10k": partial(read_got10k, subset="val"),
}


def print_aspect_ratios(
    benchmark: str,
    where: Path,
    results: tuple[str, ...],
    *,
    sequences: tuple[str, ...] = (),
    plot: Path | None = None,
) -> int:
    """Print a table per tracker, and draw the sequences whose true ratio changes most.

    Args:
      benchmark: one of BENCHMARKS.
      where: its folder, as in `experiments.eval_*`; the annotation is enough.
      results: "PATH" or "NAME=PATH" of each tracker's one-pass results.
      sequences: only these; none: all.
      plot: PNG or SVG file.

    Returns:
      The exit code: 3 where a sequence could not be read or has no result, and was named.

    Raises:
      ValueError, OSError: in one line, when benchmark, results or the file of the plot will not do.
    """
    if not results:
        raise ValueError("--results=NAME=PATH: give what experiments.eval_* wrote of each tracker")
    require_distinct(map(name_of, results))
    everything, damaged = annotated(where, None, BENCHMARKS[benchmark])
    chosen, unread = asked_for(everything, damaged, Options(sequences=sequences))
    say(unread.values())
    title = f"{benchmark} ({len(chosen)} sequences)"
    trackers = []
    for spec in results:
        name, found = given(spec, partial(read_results, sequences=chosen))
        trackers.append(aspects_of(name, chosen, found))
    followed = changing(chosen)
    for tracker in trackers:
        print(as_text(aspect_table(title, tracker, followed)))
    print("\n".join(ASPECT_NOTES))
    if plot:
        _draw(chosen, trackers, plot)
    incomplete = unread or any(tracker.problems for tracker in trackers)
    return cli.EXIT_BROKE_OFF if incomplete else 0


def _draw(sequences: list[Sequence], trackers: list[TrackerAspects], plot: Path) -> None:
    from siamfc_jax.evaluation.presentation.aspect_plots import aspect_plot
    from siamfc_jax.evaluation.presentation.figures import save

    print(f"plot: {save(aspect_plot(sequences, trackers), plot)}")
