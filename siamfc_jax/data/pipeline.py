"""Batches of training pairs, decoded ahead in threads, in an order that `record_order` defines.

Reading, checksums and JPEG decoding release the interpreter's lock, so that threads scale. Imports
no jax.
"""

import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import NamedTuple, Self

from siamfc_jax.data.dataset import DatasetError, PairDataset
from siamfc_jax.data.decode_workers import Job, PendingBatch, stop_workers, work
from siamfc_jax.data.pair_batch import PairBatch, empty_batch
from siamfc_jax.data.record_order import RecordOrder
from siamfc_jax.data.row_source import RowSource, most_skipped
from siamfc_jax.data.tfrecord import CorruptRecordError

_LOG = logging.getLogger(__name__)

# How often a waiting consumer looks whether another thread closed the pipeline, in seconds.
_POLL = 0.1

# Rows that a worker decodes at a time; about 2 ms, against which handing them over is nothing.
_MOST_ROWS = 8


@dataclass(frozen=True)
class PipelineSettings:
    """What a host takes from a dataset, and how much of the machine that may use.

    Attributes:
      batch: pairs per step on this host.
      seed: of the order, not negative.
      workers: threads that read and decode; each delivers some thousand pairs/s.
      depth: batches that are decoded ahead, which is also what bounds memory.
      host, hosts: number of this host, from 0, and how many there are.
      skip_corrupt: a corrupt record is replaced by the next good one in the order, and counted,
        instead of raising.
    """

    batch: int
    seed: int = 0
    workers: int = 4
    depth: int = 4
    host: int = 0
    hosts: int = 1
    skip_corrupt: bool = False

    def __post_init__(self) -> None:
        for name in ("batch", "workers", "depth", "hosts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must not be negative")
        if not 0 <= self.host < self.hosts:
            raise ValueError(f"host is {self.host}; it must be one of 0..{self.hosts - 1}")


class PipelineState(NamedTuple):
    """Where a pipeline is: the batch that comes next, and corrupt records met in those before."""

    step: int = 0
    skipped: int = 0


_BEGINNING = PipelineState()


class Pipeline:
    """Iterates without end over the batches of one host, from `start` on.

    Batch b is a function of (dataset, settings.seed, b, host, hosts) alone. An error, of whatever
    kind, is raised where its batch would have come, and again if that batch is asked for again.
    For one consuming thread; `close` may be called from any.

    Attributes:
      batches_per_pass: batches until the records start over, the same on all hosts.
      wait_seconds: time that the consumer has waited for batches, in all.
    """

    def __init__(
        self,
        dataset: PairDataset,
        settings: PipelineSettings,
        start: PipelineState = _BEGINNING,
    ):
        """
        Raises:
          DatasetError: there are more hosts than shards, or too few records for one batch.
          ValueError: `start` lies before the first batch.
        """
        if start.step < 0:
            raise ValueError(f"start is batch {start.step}; the first is batch 0")
        order = RecordOrder(
            dataset,
            batch=settings.batch,
            seed=settings.seed,
            host=settings.host,
            hosts=settings.hosts,
        )
        self.batches_per_pass = order.batches_per_pass
        self.wait_seconds = 0.0
        self._dataset, self._settings = dataset, settings
        self._skipped = start.skipped
        self._pending: deque[PendingBatch] = deque()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._stop = threading.Event()
        rows = RowSource(dataset, order, skip_corrupt=settings.skip_corrupt)
        # Workers do not know the pipeline, so that one which nobody holds any more is closed.
        threads = [
            threading.Thread(
                target=work, args=(self._jobs, rows, self._stop), name="decode", daemon=True
            )
            for _ in range(settings.workers)
        ]
        self._stop_workers = weakref.finalize(
            self, stop_workers, self._stop, self._jobs, threads, rows
        )
        for thread in threads:
            thread.start()
        for ahead in range(settings.depth):
            self._submit(start.step + ahead)

    @property
    def skipped(self) -> int:
        """Corrupt records met in the batches delivered, each one anew in every pass."""
        return self._skipped

    def state(self) -> PipelineState:
        """Start from this to go on with the batch after the last one delivered."""
        return PipelineState(self._pending[0].step, self._skipped)

    def close(self) -> None:
        """Stop the workers; what they are at is dropped, and the iteration is at its end."""
        self._stop_workers()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PairBatch:
        """
        Raises:
          CorruptRecordError: a record of this batch is corrupt.
          DatasetError: too many are, of those that may be skipped.
          OSError: a shard cannot be read.
          StopIteration: the pipeline is closed.
        """
        pending = self._pending[0]
        self._wait(pending)
        if self._stop.is_set():
            raise StopIteration
        skipped = pending.skipped()
        _check_share(skipped, self._settings.batch)
        # An exception (a signal's, no memory) leaves all as it was up to here, or is too late.
        while len(self._pending) <= self._settings.depth:
            self._submit(self._pending[-1].step + 1)
        self._skipped += len(skipped)
        self._pending.popleft()
        for error in skipped:
            _LOG.warning("%s; the next good record takes its place", error)
        return pending.batch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, pending: PendingBatch) -> None:
        began = time.perf_counter()
        while not (pending.ready or self._stop.is_set()):
            with suppress(Empty):
                pending.progress.get(timeout=_POLL)
        self.wait_seconds += time.perf_counter() - began

    def _submit(self, step: int) -> None:
        settings = self._settings
        share = settings.batch * settings.depth // (2 * settings.workers)
        size = min(max(share, 1), _MOST_ROWS)
        starts = range(0, settings.batch, size)
        batch = empty_batch(settings.batch, self._dataset.exemplar_room, self._dataset.search_room)
        pending = PendingBatch(step, batch, len(starts))
        self._pending.append(pending)
        for start in starts:
            self._jobs.put(Job(pending, range(start, min(start + size, settings.batch))))


def _check_share(skipped: Sequence[CorruptRecordError], batch: int) -> None:
    if len(skipped) > most_skipped(batch):
        raise DatasetError(
            f"more than {most_skipped(batch)} of the records that a batch of {batch} asked for are "
            f"corrupt, too many to skip; the first: {skipped[0]}"
        )
