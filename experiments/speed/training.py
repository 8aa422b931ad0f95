"""Rows of training, once the pairs are decoded."""

from typing import Any

import jax
import numpy as np

from experiments.speed.baseline import torch_tracker, torch_training
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.timing import Times, Work, report, take_turns
from siamfc_jax.models.network import Network
from siamfc_jax.tracking.online import Model
from siamfc_jax.training.objective import Batch
from siamfc_jax.training.parallel import data_mesh, data_parallel_step, put_batch, replicate
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.step import Metrics, init_state

_MOST_SECONDS_OF_BURST = 0.5


class TrainingSteps:
    """The step that `experiments.train` runs, on one device, from a fresh state on."""

    def __init__(self, network: Network, settings: TrainSettings) -> None:
        self._mesh = data_mesh(jax.devices()[:1])
        self._step = data_parallel_step(network, settings, self._mesh)
        init = jax.jit(lambda key: init_state(key, network, settings))
        self._state = replicate(jax.device_get(init(jax.random.key(0))), self._mesh)
        seed = replicate(jax.random.key_data(jax.random.key(1)), self._mesh)
        self._seed_key = jax.random.wrap_key_data(seed)

    def put(self, batch: Any) -> Batch:
        """A batch of the host's, on its way to the device."""
        return put_batch(batch, self._mesh)

    def __call__(self, batch: Batch) -> Metrics:
        self._state, metrics = self._step(self._state, self._seed_key, batch)
        return metrics

    def compile(self, batch: Batch) -> Any:
        """What runs from now on: the compiled step, for batches like this one."""
        self._step = self._step.lower(self._state, self._seed_key, batch).compile()
        return self._step


def random_batch(settings: BenchmarkSettings, batch: int) -> Batch:
    """Noise on the host, in crops of the sides that data_prep makes."""
    random = np.random.default_rng(0)
    exemplar, search = (
        random.integers(0, 256, (batch, room, room, 3), np.uint8) for room in settings.rooms
    )
    boxes = np.tile(np.asarray([40, 40, 60, 60], np.float32), (batch, 1))
    videos = np.arange(batch, dtype=np.int32)
    return Batch(exemplar, search, boxes, boxes, np.zeros(batch, bool), videos)  # type: ignore[arg-type]


def train_row(settings: BenchmarkSettings, model: Model) -> None:
    """Single steps in float32, waiting for each."""
    steps = TrainingSteps(model.network, settings.training(settings.batch))
    on_device = steps.put(random_batch(settings, settings.batch))
    works = {"ours": Work(lambda: steps(on_device))}
    baseline = torch_tracker(model)
    if baseline:
        works["PyTorch"] = torch_training(baseline, settings.batch, settings.search_size, "float32")
    name = f"training step, batch {settings.batch}, search {settings.search_size} (ours augments)"
    report(name, take_turns(works, settings.seconds), settings.batch, "pairs/s")


def train_batches_row(settings: BenchmarkSettings, model: Model) -> None:
    """Steps one after another, for every type and batch."""
    baseline = torch_tracker(model)
    for compute in settings.compute:
        for batch in settings.batches:
            name = f"training, {compute}, batch {batch}, search {settings.search_size}"
            try:
                times = _times(settings, model, baseline, batch, compute)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                print(f"{name}: does not fit into the device's memory")
                continue
            report(f"{name} (ours augments)", times, batch, "pairs/s")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether JAX or PyTorch lacked memory on its device."""
    return "RESOURCE_EXHAUSTED" in str(error) or "out of memory" in str(error).lower()


def _times(
    settings: BenchmarkSettings, model: Model, baseline: Any, batch: int, compute: str
) -> Times:
    steps = TrainingSteps(model.network, settings.training(batch, compute))
    on_host = random_batch(settings, batch)
    on_device = steps.put(on_host)
    works = {
        "ours": Work(lambda: steps(on_device)),
        "ours, copying": Work(lambda: steps(steps.put(on_host))),
    }
    if baseline:
        works["PyTorch"] = torch_training(baseline, batch, settings.search_size, compute)
    burst = min(_MOST_SECONDS_OF_BURST, settings.seconds / 10)
    return take_turns(works, settings.seconds, burst_seconds=burst)
