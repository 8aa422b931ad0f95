"""Runs made and kept, whatever the benchmark; what went wrong is told, and never averaged over."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from experiments import cli
from siamfc_jax.evaluation.running.jobs import Failure, Job, Runner
from siamfc_jax.evaluation.running.run_benchmark import Store, run_benchmark
from siamfc_jax.evaluation.runs import Results, Run, VotRun
from siamfc_jax.evaluation.sequences import Sequence, VotSequence

R = TypeVar("R", Run, VotRun)
S = TypeVar("S", Sequence, VotSequence)


def carry_out(
    jobs: list[Job[R]],
    runner: Callable[[Callable[[], object]], Runner[Any]],
    store: Store[R],
    *,
    frames: int,
    description: str,
    warm_up: Iterable[Job[R]] = (),
) -> tuple[Failure, ...]:
    """Run the jobs with a progress bar, and print what went wrong.

    On Ctrl-C or SIGTERM, it stops after the frame that is being tracked.

    Args:
      runner: what to call after each frame -> runner.
      frames: that the jobs have in all.
      description: which tracker runs in what, for the bar and for what went wrong.
      warm_up: jobs to run before, to no effect.

    Raises:
      KeyboardInterrupt, SystemExit: stopped by a signal; finished runs are in the store.
    """
    if not jobs:
        return ()
    # A tracker may change the working folder.
    with (
        contextlib.chdir("."),
        cli.StopSignals() as signals,
        cli.progress_bar(frames, "frame", description) as bar,
    ):

        def on_frame() -> None:
            bar.update()
            signals.stop_if_received()

        for _ in runner(signals.stop_if_received)(list(warm_up)):
            pass
        failures = run_benchmark(jobs, runner(on_frame), store)
    for failure in failures:
        cli.print_error(f"{description}, {failure.sequence}: {_described(failure)}")
    return failures


def without_failed(results: Results[R], failures: Iterable[Failure]) -> Results[R]:
    """Of sequences that miss a run, none counts: they are problems."""
    problems: dict[str, str] = {}
    for failure in failures:
        if failure.kind != "unusable":
            problems.setdefault(failure.sequence, _described(failure))
    runs = {name: own for name, own in results.runs.items() if name not in problems}
    return Results(runs, {**results.problems, **problems})


def anchored(sequences: Iterable[S]) -> list[S]:
    """The sequences, whose frames are found from any working folder."""
    return [
        sequence._replace(frames=tuple(frame.absolute() for frame in sequence.frames))
        for sequence in sequences
    ]


def _described(failure: Failure) -> str:
    which = f" in run {failure.part + 1}" if failure.part else ""
    return f"{failure.kind}{which}: {failure.reason}"
