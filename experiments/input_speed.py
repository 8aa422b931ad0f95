"""How fast pairs come from the shards, without anything that would use them."""

import time
from pathlib import Path

from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings


def measure_input(folder: Path, batch: int, workers: int, seconds: float) -> dict[str, float]:
    """Read, check and decode batches of the split "train" for so many seconds, and print the rates.

    Returns:
      pairs_per_second, megabytes_per_second (1e6 bytes of shards), cores (CPU seconds of this
      process per second), and milliseconds_per_pair (CPU).

    Raises:
      DatasetError: the dataset is not whole, or has too few pairs for one batch.
      CorruptRecordError: a record is corrupt.
    """
    dataset = open_pairs(folder, "train")
    depth = max(4, -(-16 * workers // batch))
    settings = PipelineSettings(batch=batch, workers=workers, depth=depth)
    with Pipeline(dataset, settings) as pipeline:
        for _ in range(2 * depth):
            next(pipeline)
        began, busy, batches = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - began < seconds:
            next(pipeline)
            batches += 1
        took, busy = time.perf_counter() - began, time.process_time() - busy
    pairs = batches * batch
    size = sum(shard.bytes for shard in dataset.shards) / dataset.records
    result = {
        "pairs_per_second": pairs / took,
        "megabytes_per_second": pairs * size / took / 1e6,
        "cores": busy / took,
        "milliseconds_per_pair": 1e3 * busy / pairs,
    }
    print(
        f"input, batch {batch}, {workers} workers: {result['pairs_per_second']:.0f} pairs/s, "
        f"{result['megabytes_per_second']:.1f} MB/s on {result['cores']:.2f} cores "
        f"({result['milliseconds_per_pair']:.3f} ms of CPU per pair)"
    )
    return result
