"""The rows of batch b: which records, and what happens to corrupt ones. Imports no jax."""

import threading

import numpy as np

from siamfc_jax.data.dataset import PairDataset, RecordPlace
from siamfc_jax.data.pair_batch import PairBatch
from siamfc_jax.data.pair_reader import PairReader
from siamfc_jax.data.record_order import RecordOrder
from siamfc_jax.data.tfrecord import CorruptRecordError


class RowSource:
    """Fills rows of batches, in any thread."""

    def __init__(self, dataset: PairDataset, order: RecordOrder, *, skip_corrupt: bool):
        self._dataset = dataset
        self._order = order
        self._skip_corrupt = skip_corrupt
        self._reader = PairReader(dataset)

    def fill(
        self, batch: PairBatch, step: int, rows: range, stop: threading.Event
    ) -> list[CorruptRecordError]:
        """Fill these rows of batch `step`; returns an error for each corrupt record left out.

        Returns early, with rows unfilled, once `stop` is set or too many records are corrupt.
        """
        skipped: list[CorruptRecordError] = []
        for row, place in zip(rows, self._places(step, rows), strict=True):
            ahead = 0
            while not self._read(batch, row, place, skipped):
                if stop.is_set() or len(skipped) > most_skipped(len(batch.video)):
                    return skipped
                ahead += 1
                (place,) = self._places(step, range(row, row + 1), ahead)
            if stop.is_set():
                return skipped
        return skipped

    def close(self) -> None:
        self._reader.close()

    def _places(self, step: int, rows: range, ahead: int = 0) -> list[RecordPlace]:
        return self._dataset.places(self._order.records(step, np.asarray(rows), ahead=ahead))

    def _read(
        self, batch: PairBatch, row: int, place: RecordPlace, skipped: list[CorruptRecordError]
    ) -> bool:
        try:
            self._reader.read_into(batch, row, place)
        except CorruptRecordError as error:
            if not self._skip_corrupt:
                raise
            skipped.append(error)
            return False
        return True


def most_skipped(batch: int) -> int:
    """How many corrupt records a batch may meet: a tenth of it; small ones a few, by chance."""
    return max(4, batch // 10)
