"""How a tracker's aspect ratios follow the target's, as a table."""

from collections.abc import Collection, Iterable
from itertools import chain

from siamfc_jax.evaluation.metrics.aspect import (
    CHANGING,
    FEWEST_FRAMES,
    OVERLAP_ABOVE,
    AspectTrace,
    TrackerAspects,
    aspect_scores,
    pooled,
)
from siamfc_jax.evaluation.presentation.table import (
    Cell,
    Table,
    count_cell,
    name_cell,
    number_cell,
)

ASPECT_NOTES = (
    "Ratios are log2(width / height) less that of the first true box: 1 is twice as wide.",
    f"frames: after the first, with an overlap above {OVERLAP_ABOVE:g}, so that a lost",
    "  tracker's do not count, of those that have a true box",
    "sd: standard deviation; slope: of the result over the truth, 1 follows in full",
    f"changing: the sequences whose truth has an sd of {CHANGING:g} or more",
    "error: mean absolute; fixed: that of keeping the first true ratio; error / fixed below 1:",
    "  better than that",
    f"-: nothing that changes, or fewer than {FEWEST_FRAMES} frames",
)


def aspect_table(benchmark: str, aspects: TrackerAspects, changing: Collection[str]) -> Table:
    """A row per sequence, in the benchmark's order; then the frames of all pooled, and those of the
    sequences in `changing` (`metrics.aspect.changing`), where there is something to follow."""
    rows = tuple(_row(name, traces) for name, traces in aspects.traces.items())
    followed = [name for name in aspects.traces if name in changing]
    return Table(
        f"Aspect ratios of {aspects.tracker} on {benchmark}",
        (
            "sequence",
            "frames",
            "of",
            "sd of\ntruth",
            "sd of\nresult",
            "correlation",
            "slope",
            "error",
            "error,\nfixed",
            "error /\nfixed",
        ),
        rows,
        (
            _row(f"all {len(rows)}", chain.from_iterable(aspects.traces.values())),
            _row(
                f"changing {len(followed)}",
                chain.from_iterable(aspects.traces[name] for name in followed),
            ),
        ),
        tuple(f"{name}: {reason}" for name, reason in aspects.problems.items()),
    )


def _row(name: str, traces: Iterable[AspectTrace]) -> tuple[Cell, ...]:
    scores = aspect_scores(pooled(traces))
    return (
        name_cell(name),
        count_cell(scores.frames),
        count_cell(scores.due),
        number_cell(scores.truth_deviation, 3),
        number_cell(scores.result_deviation, 3),
        number_cell(_without_sign_of_zero(scores.correlation), 2),
        number_cell(_without_sign_of_zero(scores.slope), 2),
        number_cell(scores.error, 3),
        number_cell(scores.fixed_error, 3),
        number_cell(scores.error_ratio, 2),
    )


def _without_sign_of_zero(value: float) -> float:
    return round(value, 2) + 0.0
