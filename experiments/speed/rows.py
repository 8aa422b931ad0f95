"""The rows that `experiments.benchmark` prints."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import jax

from experiments.speed.evaluation import evaluation_row, otb_like_row
from experiments.speed.results import Result
from experiments.speed.roofline import roofline_row
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.shards import end_to_end_row, input_row
from experiments.speed.synthetic_pairs import write_synthetic_pairs
from experiments.speed.tracking import (
    batched_row,
    clip_row,
    cold_start_row,
    fast_row,
    live_row,
    sequences_row,
)
from experiments.speed.tracking_parts import parts_row
from experiments.speed.training import train_batches_row, train_row
from siamfc_jax.loading import default_tracking, load_model
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.network import NETWORKS
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.online import Model

ROWS = {
    "live": live_row,
    "fast": fast_row,
    "clip": clip_row,
    "batched": batched_row,
    "sequences": sequences_row,
    "parts": parts_row,
    "cold_start": cold_start_row,
    "evaluation": evaluation_row,
    "otb_like": otb_like_row,
    "train": train_row,
    "train_batches": train_batches_row,
    "roofline": roofline_row,
    "input": input_row,
    "end_to_end": end_to_end_row,
}
_FROM_SHARDS = {"input", "end_to_end"}


def benchmark(settings: BenchmarkSettings) -> list[Result]:
    """Print each row of each network, on the first device.

    Raises:
      KeyError: an unknown row.
      WeightsError: the model cannot be read.
      DatasetError, CorruptRecordError: `settings.data` is not whole.
    """
    settings = settings.fitted_to_device()
    device = jax.devices()[0]
    print(f"{device.platform} {device.device_kind}, {os.cpu_count()} cores, jax {jax.__version__}")
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as scratch:
        if settings.data is None and _FROM_SHARDS & set(settings.rows):
            settings = replace(settings, data=write_synthetic_pairs(Path(scratch), settings.rooms))
        for name in settings.untrained or [settings.model]:
            model = _random_model(name) if settings.untrained else load_model(name)
            if len(settings.untrained) > 1:
                print(f"\n{name}")
            for row in settings.rows:
                results += [found._replace(network=name) for found in ROWS[row](settings, model)]
    return results


def _random_model(name: str) -> Model:
    """As fast as if it were trained, on a target that keeps its size.

    Which size it is, PyTorch's crops depend on; what random weights make of it would be anything.
    SiamFC's pyramid is the direct one, as the baseline's is: the same step on both sides.
    """
    network = NETWORKS[name]
    params = fold_batch_norm(network.init(jax.random.key(0)))
    tracking = default_tracking(network)
    if isinstance(tracking, SiamFCTracking):
        return Model(params, network, replace(tracking, scale_lerp=0.0, pyramid="direct"))
    return Model(params, network, replace(tracking, size_lr=0.0))
