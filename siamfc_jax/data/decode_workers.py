"""Threads that fill batches piece by piece. Imports no jax."""

import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import NamedTuple

from siamfc_jax.data.pair_batch import PairBatch
from siamfc_jax.data.row_source import RowSource
from siamfc_jax.data.tfrecord import CorruptRecordError


class PendingBatch:
    """A batch that workers fill piece by piece; each piece ends as an outcome.

    Nothing here needs a lock that a signal handler could find held: outcomes only ever grow, and
    `progress` merely wakes a consumer that waits.
    """

    def __init__(self, step: int, batch: PairBatch, pieces: int):
        self.step = step
        self.batch = batch
        self.progress: SimpleQueue[None] = SimpleQueue()
        self._pieces = pieces
        self._outcomes: dict[int, Sequence[CorruptRecordError] | BaseException] = {}

    @property
    def ready(self) -> bool:
        return len(self._outcomes) == self._pieces

    def finish(self, rows: range, outcome: Sequence[CorruptRecordError] | BaseException) -> None:
        self._outcomes[rows.start] = outcome
        self.progress.put(None)

    def skipped(self) -> list[CorruptRecordError]:
        """Errors of the records left out, in the order of rows; raises the first real error."""
        skipped: list[CorruptRecordError] = []
        for _, outcome in sorted(self._outcomes.items()):
            if isinstance(outcome, BaseException):
                raise outcome
            skipped += outcome
        return skipped


class Job(NamedTuple):
    """Rows of a batch that are to be filled."""

    pending: PendingBatch
    rows: range


def work(jobs: "SimpleQueue[Job | None]", rows: RowSource, stop: threading.Event) -> None:
    """What a worker thread does: jobs, until there is a None among them or `stop` is set."""
    # A function call per job, so that a waiting worker holds no batch.
    while _run(jobs.get(), rows, stop):
        pass


def _run(job: Job | None, rows: RowSource, stop: threading.Event) -> bool:
    if job is None or stop.is_set():
        return False
    outcome: Sequence[CorruptRecordError] | BaseException
    try:
        outcome = rows.fill(job.pending.batch, job.pending.step, job.rows, stop)
    except BaseException as error:
        # Whatever it is, the consumer hears of it; a thread that died would leave it waiting.
        outcome = error
    job.pending.finish(job.rows, outcome)
    return True


def stop_workers(
    stop: threading.Event,
    jobs: "SimpleQueue[Job | None]",
    threads: list[threading.Thread],
    rows: RowSource,
) -> None:
    """Have all workers end after the row that they are at, and close the files."""
    stop.set()
    for _ in threads:
        jobs.put(None)
    for thread in threads:
        # The garbage collector may have called this from a worker. A worker that waits for a disk
        # that does not answer is left behind; as a daemon it does not hold up the exit.
        if thread is not threading.current_thread() and thread.is_alive():
            thread.join(timeout=5)
    rows.close()
