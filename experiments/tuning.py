"""Settings of the tracking loop, chosen by how well held-out videos are tracked."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.tracks import Track
from experiments.validation import track_videos
from siamfc_jax.durable import naming
from siamfc_jax.loading import load_model, model_config, weight_path
from siamfc_jax.tracking.confidence import UNCALIBRATED
from siamfc_jax.tracking.online import Model
from siamfc_jax.tracking.trackers import Tracking, expect_suits
from siamfc_jax.weights import WeightFile, load_weights, save_weights

TRIALS = "trials.jsonl"
WEIGHTS = "weights.safetensors"

_ENTRY = {"key", "settings", "scores"}


class Trial(NamedTuple):
    """Settings that were tried, as they differ from the first ones, and each video's AUC."""

    changes: dict[str, Any]
    scores: dict[str, float]

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.scores.values())))


def tune(
    weights: str,
    tracks: Sequence[Track],
    values: Mapping[str, Sequence[str]],
    out: Path,
    *,
    tracking: Tracking | None = None,
    fast: bool = False,
    show: Callable[[Trial], None] = lambda _: None,
) -> Trial:
    """Try values of one setting after the other, each time keeping the best so far.

    Trials are written to `out` as they end, and those of an earlier call with the same model,
    videos and first settings are not repeated. The model goes to `out` with the best settings.

    Args:
      weights: shipped model or weight file.
      values: for each field of the tracking settings what to try, as text.
      tracking: the first settings; by default the model's.
      fast: as in `loading.load_model`.
      show: is given each trial.

    Raises:
      ValueError: there is no such field or value, no track, a file cannot be read, or the model
        itself lies where the result would.
      OSError: `out` cannot be written.
    """
    if not tracks:
        raise ValueError("no videos to tune on")
    file = load_weights(weight_path(weights))
    model = load_model(weights, tracking, fast=fast)
    plan = {name: _parsed(model, name, texts) for name, texts in values.items()}
    if (out / WEIGHTS).resolve() == weight_path(weights).resolve():
        raise ValueError(f"{out}: the model lies there and would be overwritten; choose another")
    with naming(out):
        out.mkdir(parents=True, exist_ok=True)
    trials = _Trials(out / TRIALS, _key(file, model.tracking, tracks))
    best = trials.run(model, {}, tracks)
    show(best)
    for name, candidates in plan.items():
        for value in candidates:
            changes = {**best.changes, name: value}
            if _with(model, changes) == _with(model, best.changes):
                continue
            trial = trials.run(model, changes, tracks)
            show(trial)
            best = max(best, trial, key=lambda trial: trial.mean)
    tracking = _with(model, best.changes)
    if tracking != load_model(weights).tracking:
        # The calibration was one of the scores that other settings give.
        tracking = dataclasses.replace(tracking, confidence=UNCALIBRATED)
    config = {**file.config, **model_config(model.network, tracking)}
    save_weights(out / WEIGHTS, file.params, config, notes=file.notes)
    return best


class _Trials:
    """The trials of a model on videos: those on disk, and new ones."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key

    def run(self, model: Model, changes: dict[str, Any], tracks: Sequence[Track]) -> Trial:
        settings = _with(model, changes)
        for entry in self._entries():
            if entry["key"] == self._key and entry["settings"] == dataclasses.asdict(settings):
                return Trial(changes, entry["scores"])
        scores = track_videos(model._replace(tracking=settings), tracks)
        assert scores is not None, "nothing asks it to stop"
        entry = {"key": self._key, "settings": dataclasses.asdict(settings), "scores": scores}
        with naming(self._path), open(self._path, "a", encoding="utf-8") as file:
            # On a line of its own even after one whose writer was killed.
            file.write("\n" + json.dumps(entry))
        return Trial(changes, scores)

    def _entries(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [entry for entry in map(_entry, lines) if entry]


def _entry(line: str) -> dict[str, Any]:
    """An entry, or nothing for an empty line or half a one."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and entry.keys() >= _ENTRY else {}


def _with(model: Model, changes: Mapping[str, Any]) -> Tracking:
    return dataclasses.replace(model.tracking, **changes)


def _key(file: WeightFile, first: Tracking, tracks: Sequence[Track]) -> str:
    """What trials must have in common to be compared."""
    digest = hashlib.sha256(f"{file.sha256} {first}".encode())
    for track in tracks:
        digest.update(f"{track.name} {len(track.frames)}".encode() + track.boxes.tobytes())
    return digest.hexdigest()


def _parsed(model: Model, name: str, texts: Sequence[str]) -> list[Any]:
    """The values, each of which suits the first settings."""
    settings = dataclasses.asdict(model.tracking)
    fields = {name for name, value in settings.items() if not isinstance(value, dict)}
    if name not in fields:
        raise ValueError(
            f"{name} is no setting of {type(model.tracking).__name__}; there are "
            f"{', '.join(sorted(fields))}"
        )
    kind = type(getattr(model.tracking, name))
    parsed = []
    for text in texts:
        try:
            value = {"True": True, "False": False}[text] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise ValueError(f"{name}: {text!r} is no {kind.__name__}") from None
        try:
            expect_suits(model.network, _with(model, {name: value}))
        except ValueError as error:
            raise ValueError(f"{name}={text}: {error}") from None
        parsed.append(value)
    return parsed
