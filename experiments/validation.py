"""How good a network is while it trains: on held-out pairs, and by tracking held-out videos."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from PIL import Image
from tqdm import tqdm

from data_prep.frame_images import decoded
from data_prep.tracks import SourceError, Track
from experiments.metric_log import means_of
from siamfc_jax.data.dataset import PairDataset
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings
from siamfc_jax.durable import whole_file
from siamfc_jax.evaluation.metrics.one_run import success_auc
from siamfc_jax.media.heatmap import draw_response
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.network import Network
from siamfc_jax.tracking.online import Model, OnlineTracker
from siamfc_jax.tracking.trackers import Tracking
from siamfc_jax.training.objective import Shown
from siamfc_jax.training.parallel import data_parallel_validation, put_batch, replicate
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.step import TrainState, trained_layers

_MOST_PAIRS = 64
_PICTURED = 4


class PairValidation(NamedTuple):
    """Means of the objective's metrics over the held-out pairs; a picture of a few of them: rows of
    exemplar, search image, search image under its response (uint8 [H, W, 3])."""

    scalars: dict[str, float]
    picture: np.ndarray


class PairValidator:
    """Validates on one pass over a dataset's pairs (less than a batch of them may be left out)."""

    def __init__(
        self,
        dataset: PairDataset,
        network: Network,
        settings: TrainSettings,
        mesh: Mesh,
        reading: PipelineSettings,
    ) -> None:
        """The mesh is of local devices; `reading`'s batch is chosen here. Raises ValueError if
        there are fewer pairs than devices."""
        self._dataset, self._mesh = dataset, mesh
        self._batch = min(_MOST_PAIRS, settings.batch * 2, dataset.records)
        self._batch = self._batch // mesh.size * mesh.size
        if self._batch == 0:
            raise ValueError(
                f"{dataset.records} validation pairs are too few for {mesh.size} devices; make "
                "more, make_shards --validation_pairs, or train on fewer --devices"
            )
        self._reading = dataclasses.replace(reading, batch=self._batch)
        self._step = data_parallel_validation(network, settings, mesh)

    def __call__(
        self, state: TrainState, should_stop: Callable[[], bool] = lambda: False
    ) -> PairValidation | None:
        """None when `should_stop`, asked before every batch, says so."""
        local = replicate(jax.device_get(state), self._mesh)
        results: list[Any] = []
        with Pipeline(self._dataset, self._reading) as pipeline:
            for _ in range(self._dataset.records // self._batch):
                if should_stop():
                    return None
                metrics, shown = self._step(local, put_batch(next(pipeline), self._mesh))
                if not results:
                    picture = _picture(jax.device_get(shown))
                results.append(metrics)
        return PairValidation(means_of(jax.device_get(results))._asdict(), picture)


def track_videos(
    model: Model, tracks: Sequence[Track], should_stop: Callable[[], bool] = lambda: False
) -> dict[str, float] | None:
    """Success AUC of every track, followed from its first box through the frames that have one;
    None when `should_stop`, asked before every frame, says so."""
    scores = {}
    for track in tqdm(tracks, "validation videos", leave=False):
        tracker = OnlineTracker(model)
        boxes = [track.boxes[0]]
        for number, (_, image) in enumerate(decoded(track.frames)):
            if isinstance(image, SourceError):
                raise image
            if should_stop():
                return None
            if number == 0:
                tracker.init(image, track.boxes[0])
            else:
                boxes.append(tracker.update(image))
        scores[track.name] = success_auc(np.stack(boxes), track.boxes)
    return scores


def trained_model(state: TrainState, network: Network, tracking: Tracking) -> Model:
    """What a training state tracks as."""
    return Model(fold_batch_norm(trained_layers(jax.device_get(state))), network, tracking)


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture, uint8 [H, W, 3], whole or not at all; raises StorageError."""
    with whole_file(path) as file:
        Image.fromarray(picture).save(file, "PNG")


def _picture(shown: Shown) -> np.ndarray:
    rows: list[np.ndarray] = []
    for exemplar, search, response in zip(*shown, strict=True):
        if len(rows) == _PICTURED:
            break
        search = np.clip(np.rint(search), 0, 255).astype(np.uint8)
        side, small = len(search), len(exemplar)
        framed = np.zeros((side, small, 3), np.uint8)
        top = (side - small) // 2
        framed[top : top + small] = np.clip(np.rint(exemplar), 0, 255)
        reach = len(response) * 8
        corner = (side - reach) / 2
        heat = draw_response(search, response, np.asarray([corner, corner, reach, reach]))
        rows.append(np.concatenate([framed, search, heat], 1))
    return np.concatenate(rows)
