"""Running a tracker on a benchmark of rectangles."""

from collections.abc import Iterator
from functools import partial

from experiments import cli
from experiments.evaluation.contestant import Contestant
from experiments.evaluation.options import Options
from experiments.evaluation.results_on_disk import RectangleStore, claim
from siamfc_jax.evaluation.benchmarks.completeness import require_frames
from siamfc_jax.evaluation.formats.writing import write_results
from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.protocols.perturbations import perturbed_boxes
from siamfc_jax.evaluation.protocols.segments import segment_starts
from siamfc_jax.evaluation.running.jobs import Job, job
from siamfc_jax.evaluation.running.run_benchmark import run_benchmark
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.sequences import Sequence, frame_size


def run(
    runner: Contestant,
    sequences: list[Sequence],
    options: Options,
    *,
    folder: str,
    protocol: str,
    format: str,
    repetitions: int = 1,
) -> Results[Run]:
    """Run a protocol where no result is on disk yet; all results, and why some are missing.

    Args:
      folder: of the benchmark's results in `options.out`.
      format: in which they are kept.
      repetitions: of a tracker that is not deterministic.

    Raises:
      SequenceError: a frame is missing, before anything is run.
      ResultError, StorageError: the folder of results will not do.
    """
    require_frames(sequences)
    claim(options.out / folder, runner.name, runner.identity)
    repetitions = 1 if runner.deterministic else repetitions
    jobs = {s.name: list(_jobs(s, protocol, repetitions)) for s in sequences}
    runs_of = {name: len(own) for name, own in jobs.items()}
    store = RectangleStore(options.out / folder, runner.name, sequences, protocol, format, runs_of)
    waiting = [pair for own in jobs.values() for pair in own if not store.done(pair[0])]
    with cli.progress_bar(sum(frames for _, frames in waiting), "frame", protocol) as bar:
        failures = run_benchmark((one for one, _ in waiting), runner.fast(bar.update), store)
    for failure in failures:
        cli.print_error(f"{failure.sequence}: {failure.kind}: {failure.reason}")
    results = store.results()
    problems = dict(results.problems)
    problems |= {
        failure.sequence: f"{failure.kind}: {failure.reason}"
        for failure in failures
        if failure.sequence in problems
    }
    for kind in options.export:
        write_results(
            options.out / "export" / folder / kind,
            runner.name,
            sequences,
            results.runs,
            format=kind,
            protocol=protocol,
        )
    return Results(results.runs, problems)


def _jobs(sequence: Sequence, protocol: str, repetitions: int) -> Iterator[tuple[Job[Run], int]]:
    """The runs of a sequence, and how many frames each sees."""
    if protocol == "TRE":
        for part, row in enumerate(segment_starts(sequence).tolist()):
            length = len(sequence.frames) - row
            yield job(sequence, partial(one_pass, sequence, row), part), length
    elif protocol == "SRE":
        size = sequence.size or frame_size(sequence.frames[0])
        for part, box in enumerate(perturbed_boxes(sequence.truth[0], size)):
            yield job(sequence, partial(one_pass, sequence, 0, box), part), len(sequence.frames)
    else:
        for part in range(repetitions):
            yield job(sequence, partial(one_pass, sequence), part), len(sequence.frames)
