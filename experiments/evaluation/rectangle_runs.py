"""Running a tracker on a benchmark of rectangles."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation.contestant import Contestant
from experiments.evaluation.options import Options
from experiments.evaluation.results_on_disk import Place, RectangleStore
from experiments.evaluation.running import anchored, carry_out, without_failed
from siamfc_jax.evaluation.benchmarks.completeness import require_frames
from siamfc_jax.evaluation.formats.writing import write_results
from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.protocols.perturbations import perturbed_boxes
from siamfc_jax.evaluation.protocols.segments import segment_starts
from siamfc_jax.evaluation.running.jobs import Job, job
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.sequences import Sequence, SequenceError, frame_size


class _Start(NamedTuple):
    """Of a run: the row of the truth, and the box in the benchmark's numbers."""

    row: int
    box: NDArray[np.float64]


def prepare(
    runner: Contestant,
    sequences: list[Sequence],
    options: Options,
    *,
    folder: str,
    protocol: str,
    format: str,
    repetitions: int = 1,
) -> Callable[[], Results[Run]]:
    """Make sure that a protocol can be run and its results kept.

    Args:
      folder: of the benchmark's results in `options.out`.
      format: in which they are kept.
      repetitions: of a tracker that is not deterministic.

    Returns:
      A call that runs it where no result is on disk yet, and gives all results, and why some are
      missing.

    Raises:
      SequenceError: a frame is missing.
      ResultError, StorageError: the folder of results will not do.
    """
    require_frames(sequences)
    sequences = anchored(sequences)
    repetitions = 1 if runner.deterministic else repetitions
    starts: dict[str, list[_Start]] = {}
    problems = {}
    for sequence in sequences:
        try:
            starts[sequence.name] = _starts(sequence, protocol, repetitions)
        except SequenceError as error:
            problems[sequence.name] = str(error)
    place = Place(options.out.absolute() / folder, runner.name, protocol, runner.identity)
    rows = {name: [(one.row, *one.box) for one in own] for name, own in starts.items()}
    store = RectangleStore(place, sequences, format, rows)
    waiting = [
        (one, len(sequence.frames) - start.row)
        for sequence in sequences
        for part, start in enumerate(starts.get(sequence.name, ()))
        if not store.done(one := _job(sequence, start, part))
    ]

    def run() -> Results[Run]:
        failures = carry_out(
            [one for one, _ in waiting],
            runner.batch,
            store,
            frames=sum(frames for _, frames in waiting),
            description=f"{runner.name}, {protocol}",
        )
        results = without_failed(store.results(), failures)
        for kind in options.export:
            write_results(
                options.out / "export" / folder / kind,
                runner.name,
                sequences,
                results.runs,
                format=kind,
                protocol=protocol,
            )
        return Results(results.runs, {**results.problems, **problems})

    return run


def _starts(sequence: Sequence, protocol: str, repetitions: int) -> list[_Start]:
    if protocol == "TRE":
        return [_Start(row, sequence.truth[row]) for row in segment_starts(sequence).tolist()]
    if protocol == "SRE":
        size = sequence.size or frame_size(sequence.frames[0])
        return [_Start(0, box) for box in perturbed_boxes(sequence.truth[0], size)]
    return [_Start(0, sequence.truth[0])] * repetitions


def _job(sequence: Sequence, start: _Start, part: int) -> Job[Run]:
    return job(sequence, partial(one_pass, sequence, start.row, start.box), part)
