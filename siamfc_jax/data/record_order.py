"""In which order a host meets its records: a pure function of (dataset, seed, step, host, hosts).

Shards go to the hosts in turn, and each host shuffles all records of its shards anew for every
pass. A pass has the same number of batches on every host, known to all without communication.
Imports no jax.
"""

import threading

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.data.dataset import DatasetError, PairDataset


class RecordOrder:
    """The records of every batch of one host, for ever.

    Attributes:
      batches_per_pass: how many batches one pass has, on every host: the most for which each host
        has records enough. The records left over at the end of a pass wait for the next.
    """

    batches_per_pass: int

    def __init__(
        self, dataset: PairDataset, *, batch: int, seed: int, host: int = 0, hosts: int = 1
    ):
        """`batch` is what this one host takes per step.

        Raises:
          DatasetError: there are more hosts than shards, or a host has not enough for one batch.
        """
        if hosts > len(dataset.shards):
            raise DatasetError(
                f"{dataset.split}: {len(dataset.shards)} shards for {hosts} hosts; "
                f"run make_shards with --shards={hosts} or a multiple of it, or use fewer hosts"
            )
        counts = np.diff(dataset.first_records)
        fewest = min(int(counts[other::hosts].sum()) for other in range(hosts))
        if fewest < batch:
            raise DatasetError(
                f"{dataset.split}: {fewest} records on a host are too few for a batch of {batch}; "
                "make more pairs or take smaller batches"
            )
        self.batches_per_pass = fewest // batch
        self._batch = batch
        self._seed = (seed, host)
        self._ends = np.cumsum(counts[host::hosts])
        # From the number of a record among this host's to its number among all.
        begins = self._ends - counts[host::hosts]
        self._shifts = dataset.first_records[:-1][host::hosts] - begins
        self._passes: dict[int, NDArray[np.int64]] = {}
        self._lock = threading.Lock()

    def records(self, step: int, rows: NDArray[np.int64], *, ahead: int = 0) -> NDArray[np.int64]:
        """Numbers of the records in these rows of batch `step`, or of those `ahead` of them.

        The record after the last one of a pass is the pass's first. Safe to call from any thread.
        """
        number, batch = divmod(step, self.batches_per_pass)
        shuffled = self._pass(number)
        mine = shuffled[(batch * self._batch + rows + ahead) % len(shuffled)]
        return mine + self._shifts[np.searchsorted(self._ends, mine, side="right")]

    def _pass(self, number: int) -> NDArray[np.int64]:
        """Shuffled numbers of this host's records; the last two passes asked for are kept."""
        with self._lock:
            if number not in self._passes:
                seed, host = self._seed
                random = np.random.default_rng([seed, number, host])
                while len(self._passes) > 1:
                    del self._passes[next(iter(self._passes))]
                self._passes[number] = random.permutation(int(self._ends[-1]))
            return self._passes[number]
