"""Rows that begin at TFRecord shards: the input alone, and training from it."""

import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

import jax

from data_prep.storage.processes import usable_cores
from experiments.input_speed import measure_input
from experiments.speed.precision import in_each
from experiments.speed.results import Result
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.training import TrainingSteps, is_out_of_memory
from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings
from siamfc_jax.models.network import Network
from siamfc_jax.tracking.online import Model
from siamfc_jax.training.settings import TrainSettings

# Steps given to the device before the last one is done: with one it would wait for the host.
_AHEAD = 2


class EndToEnd(NamedTuple):
    """How fast training from shards is, and the share of the time that it waits for its input."""

    steps: int
    pairs_per_second: float
    input_wait: float


def train_from_shards(
    folder: Path, network: Network, settings: TrainSettings, *, workers: int, seconds: float
) -> EndToEnd:
    """Decode, copy and train as `experiments.train` does, on one device and writing nothing.

    Raises:
      DatasetError: the dataset is not whole, or has too few pairs for one batch.
      CorruptRecordError: a record is corrupt.
    """
    dataset = open_pairs(folder, "train")
    steps = TrainingSteps(network, settings)
    running: deque[object] = deque()

    def advance(pipeline: Pipeline) -> None:
        running.append(steps(steps.put(next(pipeline))))
        if len(running) > _AHEAD:
            jax.block_until_ready(running.popleft())

    input_settings = PipelineSettings(batch=settings.batch, workers=workers)
    with Pipeline(dataset, input_settings) as pipeline:
        # The batches decoded ahead while the step was compiled do not count.
        for _ in range(input_settings.depth + _AHEAD):
            advance(pipeline)
        waited, done = pipeline.wait_seconds, 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            advance(pipeline)
            done += 1
        elapsed = time.perf_counter() - began
        waited = pipeline.wait_seconds - waited
        jax.block_until_ready(running)
    return EndToEnd(done, done * settings.batch / elapsed, waited / elapsed)


def input_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """Reading, checking and decoding, by as many threads as there are cores."""
    measure_input(_shards(settings), max(settings.batches), usable_cores(), settings.seconds)
    return []


def end_to_end_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """Training from shards, for every type and batch."""
    workers, results = usable_cores(), []
    for compute in in_each(settings.compute):
        for batch in settings.batches:
            name = f"training from shards, {compute}, batch {batch}, {workers} threads decode"
            training = settings.training(model.network, batch, compute)
            try:
                measured = train_from_shards(
                    _shards(settings),
                    model.network,
                    training,
                    workers=workers,
                    seconds=settings.seconds,
                )
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                print(f"{name}: does not fit into the device's memory")
                continue
            print(
                f"{name}: {measured.pairs_per_second:.1f} pairs/s over {measured.steps} steps, "
                f"waiting for input {measured.input_wait:.1%} of the time"
            )
            results.append(Result(name, "pairs/s", measured.pairs_per_second))
    return results


def _shards(settings: BenchmarkSettings) -> Path:
    if settings.data is None:
        raise ValueError("this row needs shards; give --data")
    return settings.data
