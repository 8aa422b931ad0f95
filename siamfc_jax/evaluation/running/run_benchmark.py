"""A benchmark's jobs run and saved, so that an interrupted evaluation goes on where it was."""

from collections.abc import Iterable
from typing import Protocol as Interface

from siamfc_jax.evaluation.running.jobs import Failure, Job, R, Runner


class Store(Interface[R]):
    """Where finished runs go: result files, say."""

    def done(self, job: Job[R]) -> bool:
        """Whether the run is there, whole."""

    def save(self, job: Job[R], run: R) -> None:
        """Keep the run, whole or not at all."""


def run_benchmark(
    jobs: Iterable[Job[R]], runner: Runner[R], store: Store[R]
) -> tuple[Failure, ...]:
    """Run the jobs that `store` does not hold yet, and save every run as soon as it ends.

    Args:
      jobs: those of one sequence next to each other, so that a batch can share decoded frames.
      runner: e.g. `functools.partial(one_by_one, make_tracker=...)`, or of `batched`.

    Returns:
      What went wrong, in the order in which it happened; what is missing is run again next time.
    """
    waiting = [job for job in jobs if not store.done(job)]
    failures = []
    for outcome in runner(waiting):
        if outcome.run is not None:
            store.save(outcome.job, outcome.run)
        if outcome.failure is not None:
            failures.append(outcome.failure)
    return tuple(failures)
