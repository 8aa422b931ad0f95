"""A benchmark as it lies on disk, and what is missing of it."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from siamfc_jax.evaluation.benchmarks.completeness import missing
from siamfc_jax.evaluation.benchmarks.dataset_json import read_dataset_json
from siamfc_jax.evaluation.sequences import Sequence


def annotated(
    where: Path, images: Path | None, read: Callable[[Path], list[Sequence]]
) -> list[Sequence]:
    """The sequences of a benchmark's folder, by `read`, or of a dataset JSON with its images."""
    return read_dataset_json(where, images) if where.suffix == ".json" else read(where)


def report_missing(sequences: list[Sequence], expected: Iterable[str], *, runs: bool) -> None:
    """Say on stderr what the benchmark lacks; frames only where a tracker is to run on them."""
    found = missing(sequences, expected)
    if not runs:
        found = found._replace(frames={}, without_frames=())
    for line in found.lines():
        print(f"missing: {line}", file=sys.stderr)
