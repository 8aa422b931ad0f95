"""The training run behind `experiments.train`, as a function that a notebook can call."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from data_prep.bank import Split, load_bank
from data_prep.tracks import Track, read_image
from siamfc_jax.data.crop_bank import CropBank, sample_pairs
from siamfc_jax.evaluation.metrics import success_auc
from siamfc_jax.loading import DEFAULT_TRACKING, model_config
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.online import Model, OnlineTracker
from siamfc_jax.training.step import (
    Metrics,
    TrainSettings,
    TrainState,
    init_state,
    make_train_step,
    state_from_layers,
    trained_layers,
)
from siamfc_jax.weights import load_weights, save_weights


class TrainingError(ValueError):
    """Training cannot go on; one line says why and what to do."""


class TrainingResult(NamedTuple):
    """Where the weights are, and the success AUC of every held-out track."""

    weights: Path
    validation: dict[str, float]


def train_siamfc(
    videos: Split,
    stills: Sequence[Track],
    network: SiamFCNetwork,
    settings: TrainSettings,
    out: Path,
    *,
    initial: Path | None = None,
    seed: int = 0,
    max_gap: int = 100,
    stills_share: float = 0.3,
    log_every: int = 20,
    save_every: int = 500,
) -> TrainingResult:
    """Train, write `metrics.jsonl` and `weights.safetensors` into `out`, track the validation.

    Training starts from the weight file `initial` where one is given: its batch norms must not be
    folded. The weights are written every `save_every` steps and at the end: the last are the
    result.

    Raises:
      TrainingError: the loss is not finite.
      SourceError: an image cannot be read.
      WeightsError: `initial` cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    margin = settings.search_size * settings.augmentation.stretch
    room = int(settings.search_size + margin + 2 * settings.augmentation.shift) | 1
    bank = load_bank(videos.train, stills, room=room, stills_share=stills_share)
    state = _initial_state(initial, network, settings, seed)
    step = jax.jit(make_train_step(network, settings), donate_argnums=0)
    card = {"settings": asdict(settings), "seed": seed, "max_gap": max_gap}

    def save() -> Path:
        path = out / "weights.safetensors"
        config = model_config(network, DEFAULT_TRACKING) | {"training": card}
        save_weights(path, trained_layers(jax.device_get(state)), config)
        return path

    seed_key = jax.random.key(seed + 1)
    batches = _prefetch(bank, seed, settings, max_gap)
    with (out / "metrics.jsonl").open("w") as log, tqdm(total=settings.steps) as progress:
        began = time.perf_counter()
        pending: list[Metrics] = []
        for number in range(1, settings.steps + 1):
            state, metrics = step(state, seed_key, *batches.get())
            pending.append(metrics)
            progress.update()
            if number % log_every == 0 or number == settings.steps:
                line = _summary(number, pending, began, settings)
                pending = []
                log.write(json.dumps(line) + "\n")
                log.flush()
                progress.set_postfix(loss=f"{line['loss']:.3f}", px=f"{line['centre_error']:.0f}")
            if number % save_every == 0:
                save()
    weights = save()
    return TrainingResult(weights, _track_validation(state, network, videos.validation))


def _initial_state(
    initial: Path | None, network: SiamFCNetwork, settings: TrainSettings, seed: int
) -> TrainState:
    def fresh() -> TrainState:
        return init_state(jax.random.key(seed), network, settings)

    if initial is None:
        return fresh()
    state = state_from_layers(load_weights(initial).params, settings)
    if jax.tree.map(jnp.shape, state) != jax.tree.map(jnp.shape, jax.eval_shape(fresh)):
        raise TrainingError(f"{initial}: another network, or one whose batch norm is folded")
    return state


def _prefetch(bank: CropBank, seed: int, settings: TrainSettings, max_gap: int) -> Queue[Any]:
    batches: Queue[Any] = Queue(maxsize=4)

    def feed() -> None:
        for step in range(settings.steps):
            batches.put(sample_pairs(bank, seed, step, settings.batch, max_gap))

    Thread(target=feed, daemon=True).start()
    return batches


def _summary(
    number: int, pending: list[Metrics], began: float, settings: TrainSettings
) -> dict[str, float]:
    stacked = jax.tree.map(lambda *leaves: float(np.mean(leaves)), *pending)
    if not np.isfinite(stacked.loss):
        raise TrainingError(
            f"the loss is not finite at step {number}; lower --first_rate (now "
            f"{settings.first_rate:g}) or look at the data"
        )
    pairs = number * settings.batch / (time.perf_counter() - began)
    return {"step": number, **stacked._asdict(), "pairs_per_second": pairs}


def _track_validation(
    state: TrainState, network: SiamFCNetwork, tracks: Sequence[Track]
) -> dict[str, float]:
    model = Model(fold_batch_norm(trained_layers(state)), network, DEFAULT_TRACKING)
    scores = {}
    for track in tqdm(tracks, "validation tracks"):
        tracker = OnlineTracker(model)
        tracker.init(read_image(track.frames[0]), track.boxes[0])
        boxes = [track.boxes[0], *(tracker.update(read_image(f)) for f in track.frames[1:])]
        scores[track.name] = success_auc(np.stack(boxes), track.boxes)
    return scores
