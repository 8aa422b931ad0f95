"""Any record of a dataset in one read, from any thread. Imports no jax."""

import errno
import os
import threading

from siamfc_jax.data.dataset import PairDataset, RecordPlace
from siamfc_jax.data.pair_batch import PairBatch, fill_row
from siamfc_jax.data.pair_record import parse_pair
from siamfc_jax.data.tfrecord import corrupt_record, unframe_record


class PairReader:
    """Reads records of a dataset, from any number of threads.

    It reads with pread, not through a memory map: waiting for a disk then lets other threads run,
    and a file that is cut short meanwhile is an error instead of the end of the process.
    """

    def __init__(self, dataset: PairDataset):
        self._dataset = dataset
        self._descriptors: dict[int, int] = {}
        self._lock = threading.Lock()

    def read_into(self, batch: PairBatch, row: int, place: RecordPlace) -> None:
        """Fill a row of a batch with the record at `place`.

        Raises:
          CorruptRecordError: it is not as it was written, or it is not such a pair.
          OSError: the shard cannot be read.
        """
        file = self._dataset.shards[place.shard].file
        framed = self._read(place)
        data = unframe_record(framed, offset=place.offset, file=file, number=place.number)
        try:
            fill_row(batch, row, parse_pair(data))
        except ValueError as error:
            raise corrupt_record(file, place.number, place.offset, str(error)) from None

    def close(self) -> None:
        with self._lock:
            while self._descriptors:
                os.close(self._descriptors.popitem()[1])

    def _read(self, place: RecordPlace) -> bytes:
        descriptor = self._descriptors.get(place.shard)
        if descriptor is None:
            descriptor = self._open(place.shard)
        try:
            return os.pread(descriptor, place.size, place.offset)
        except OSError as error:
            file = self._dataset.shards[place.shard].file
            raise OSError(error.errno, error.strerror, str(file)) from None

    def _open(self, shard: int) -> int:
        file = self._dataset.shards[shard].file
        with self._lock:
            if shard not in self._descriptors:
                try:
                    self._descriptors[shard] = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
                except OSError as error:
                    if error.errno != errno.EMFILE:
                        raise
                    raise OSError(
                        f"{file}: too many open files; allow one for every shard (ulimit -n)"
                    ) from None
            return self._descriptors[shard]
