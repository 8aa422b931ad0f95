"""A benchmark as it lies on disk, and what is missing of it."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from experiments.evaluation.checks import require_json
from experiments.evaluation.options import Options
from siamfc_jax.evaluation.benchmarks.completeness import missing
from siamfc_jax.evaluation.benchmarks.dataset_json import read_dataset_json
from siamfc_jax.evaluation.benchmarks.subsets import chosen_names, list_names, subset
from siamfc_jax.evaluation.sequences import Sequence, SequenceError


def annotated(
    where: Path, images: Path | None, read: Callable[..., list[Sequence]]
) -> tuple[list[Sequence], dict[str, str]]:
    """The sequences of a benchmark's folder, by `read`, or of a dataset JSON with its images.

    Returns:
      Those that can be read; of the others, name -> why not.
    """
    require_json(where, images)
    damaged: dict[str, str] = {}
    if where.suffix == ".json":
        return read_dataset_json(where, images, damaged=damaged), damaged
    return read(where, damaged=damaged), damaged


def asked_for(
    sequences: list[Sequence],
    damaged: Mapping[str, str],
    options: Options,
    list_name: str | None = None,
) -> tuple[list[Sequence], dict[str, str]]:
    """Those that the options ask for, of what `annotated` gives.

    Returns:
      Those that can be read; of the others, name -> why not.

    Raises:
      SequenceError: unknown names, all of them; or none is left that can be read.
    """
    there = [*(sequence.name for sequence in sequences), *damaged]
    names = chosen_names(there, options.sequences or None)
    listed = set(list_names(list_name)) if list_name else set(names)
    unread = {name: damaged[name] for name in names if name in damaged and name in listed}
    readable = [sequence for sequence in sequences if sequence.name in names]
    if unread and not readable:
        raise SequenceError("; ".join(unread.values()))
    return subset(readable, attribute=options.attribute, list_name=list_name), unread


def report_missing(
    where: Path,
    sequences: list[Sequence],
    expected: Iterable[str],
    *,
    runs: bool,
    unread: Iterable[str] = (),
) -> tuple[str, ...]:
    """Say on stderr what the benchmark lacks, and return it, a line each.

    Args:
      where: it was read from.
      expected: names of what should be there.
      runs: a tracker is to run on it: frames must be there, too.
      unread: lines on what could not be read.
    """
    found = missing(sequences, expected, own_folders=where.suffix != ".json")
    if not runs:
        found = found._replace(frames={}, without_frames=())
    return say([*unread, *found.lines()])


def say(lines: Iterable[str]) -> tuple[str, ...]:
    """Say on stderr what a benchmark lacks; the lines."""
    lines = tuple(lines)
    for line in lines:
        print(f"missing: {line}", file=sys.stderr)
    return lines
