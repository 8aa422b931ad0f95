"""Rows of training, once the pairs are decoded."""

from typing import Any

import jax
import numpy as np

from experiments.speed.baseline import torch_device, torch_training
from experiments.speed.precision import in_each
from experiments.speed.results import Result
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.timing import Times, Work, report, take_turns
from siamfc_jax.models.backbone import Layers
from siamfc_jax.models.network import Network
from siamfc_jax.tracking.online import Model
from siamfc_jax.training.objective import Batch
from siamfc_jax.training.parallel import data_mesh, data_parallel_step, put_batch, replicate
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.step import Metrics, init_state, trained_layers

_MOST_SECONDS_OF_BURST = 0.5

# Of the target in the crops.
_SIDE = 60


class TrainingSteps:
    """The step that `experiments.train` runs, on one device, from a fresh state on."""

    def __init__(self, network: Network, settings: TrainSettings) -> None:
        self._mesh = data_mesh(jax.devices()[:1])
        self._step = data_parallel_step(network, settings, self._mesh)
        init = jax.jit(lambda key: init_state(key, network, settings))
        self._state = replicate(jax.device_get(init(jax.random.key(0))), self._mesh)
        seed = replicate(jax.random.key_data(jax.random.key(1)), self._mesh)
        self._seed_key = jax.random.wrap_key_data(seed)

    @property
    def layers(self) -> Layers:
        """On the host, in training form."""
        return trained_layers(jax.device_get(self._state))

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
    exemplar_box, search_box = (np.tile(_middle(room), (batch, 1)) for room in settings.rooms)
    videos = np.arange(batch, dtype=np.int32)
    other = np.zeros(batch, bool)
    return Batch(exemplar, search, exemplar_box, search_box, other, videos)  # type: ignore[arg-type]


def _middle(room: int) -> np.ndarray:
    return np.asarray([room / 2 - _SIDE / 2, room / 2 - _SIDE / 2, _SIDE, _SIDE], np.float32)


def train_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """Single steps in float32 (products as JAX and PyTorch come), waiting for each."""
    training = settings.training(model.network, settings.batch)
    steps = TrainingSteps(model.network, training)
    on_device = steps.put(random_batch(settings, settings.batch))
    works = {"ours": Work(lambda: steps(on_device))}
    if device := torch_device():
        works["PyTorch"] = torch_training(model.network, steps.layers, training, device)
    name = f"training step, batch {settings.batch}, search {training.search_size} (ours augments)"
    return [report(name, take_turns(works, settings.seconds), settings.batch, "pairs/s")]


def train_batches_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """Steps one after another, for every type and batch."""
    device, results = torch_device(), []
    for compute in in_each(settings.compute):
        for batch in settings.batches:
            training = settings.training(model.network, batch, compute)
            name = f"training, {compute}, batch {batch}, search {training.search_size}"
            try:
                times = _times(settings, model.network, training, device)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                print(f"{name}: does not fit into the device's memory")
                continue
            results.append(report(f"{name} (ours augments)", times, batch, "pairs/s"))
    return results


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether JAX or PyTorch lacked memory on its device."""
    return "RESOURCE_EXHAUSTED" in str(error) or "out of memory" in str(error).lower()


def _times(
    settings: BenchmarkSettings, network: Network, training: TrainSettings, device: Any
) -> Times:
    steps = TrainingSteps(network, training)
    on_host = random_batch(settings, training.batch)
    on_device = steps.put(on_host)
    works = {
        "ours": Work(lambda: steps(on_device)),
        "ours, copying": Work(lambda: steps(steps.put(on_host))),
    }
    if device:
        works["PyTorch"] = torch_training(network, steps.layers, training, device)
    burst = min(_MOST_SECONDS_OF_BURST, settings.seconds / 10)
    return take_turns(works, settings.seconds, burst_seconds=burst)
