"""The training run behind `experiments.train`, as a function that a notebook can call."""

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from tqdm import tqdm

from data_prep.tracks import Track
from experiments.metric_log import MetricLog
from experiments.run_record import RunError, open_run, write_json
from experiments.validation import PairValidator, save_picture, track_videos
from siamfc_jax.data.dataset import PairDataset, open_pairs, split_names
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings, PipelineState
from siamfc_jax.loading import DEFAULT_TRACKING, model_config
from siamfc_jax.models.siamfc import SIAMFC, SiamFCNetwork
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.training.checkpoints import Checkpoints
from siamfc_jax.training.parallel import data_mesh, data_parallel_step, put_batch, replicate
from siamfc_jax.training.settings import V2_RELEASE, TrainSettings
from siamfc_jax.training.step import (
    Metrics,
    TrainState,
    init_state,
    state_from_layers,
    trained_layers,
)
from siamfc_jax.weights import load_weights, save_weights


@dataclass(frozen=True)
class TrainingPlan:
    """A run of training.

    Attributes:
      data: folder of shards that `data_prep.make_shards` wrote.
      out: folder of the run: run.json, flags.txt, metrics.jsonl, tensorboard/, checkpoints/,
        responses.png, weights.safetensors, and at the end result.json.
      network, settings, seed: what is trained, how, and from which random numbers.
      tracking: how the trained model tracks, in validation and as its weight file says.
      initial: weight file in training form (not folded) to start from.
      videos: held-out tracks to follow at the end, and every `track_every` epochs if not 0.
      checkpoint_every, log_every: in steps.
      keep: how many checkpoints are kept.
      workers: threads that decode; 0: as many as the machine has cores.
      skip_corrupt: replace corrupt records by the next ones and count them.
      devices: how many of this host's devices to use; 0: all.
    """

    data: Path
    out: Path
    network: SiamFCNetwork = SIAMFC
    settings: TrainSettings = V2_RELEASE
    seed: int = 0
    tracking: SiamFCTracking = DEFAULT_TRACKING
    initial: Path | None = None
    videos: tuple[Track, ...] = ()
    track_every: int = 0
    checkpoint_every: int = 1000
    log_every: int = 50
    keep: int = 3
    workers: int = 0
    skip_corrupt: bool = False
    devices: int = 0


class TrainingResult(NamedTuple):
    """How a run ended.

    Attributes:
      finished: all steps are done; False when it was asked to stop before.
      step: steps done.
      weights: the weight file.
      pairs: mean loss, centre error and AUC on the held-out pairs ({} without any).
      videos: success AUC of every held-out track.
    """

    finished: bool
    step: int
    weights: Path
    pairs: dict[str, float]
    videos: dict[str, float]


def train(
    plan: TrainingPlan, *, flags: str = "", should_stop: Callable[[], bool] = lambda: False
) -> TrainingResult:
    """Train, or go on with the run that `plan.out` holds, to the very same parameters.

    Checkpoints, metrics and weights are written on the way; `should_stop` is asked after every
    step, and once it says True a checkpoint is saved and the run returns unfinished.

    Raises:
      RunError: the folder holds another run, the loss is not finite, ...
      DatasetError, CorruptRecordError: the dataset is not whole.
      CheckpointError: a checkpoint cannot be written, or none can be read.
      WeightsError: `plan.initial` cannot be read.
    """
    run = _Run(plan, flags)
    if run.step == plan.settings.steps and (plan.out / "result.json").exists():
        return run.earlier_result()
    with run.log(), run.pipeline() as pipeline:
        while run.step < plan.settings.steps and not run.stopped:
            run.advance(next(pipeline))
            if run.step % plan.log_every == 0 or run.step == plan.settings.steps:
                run.write_metrics(pipeline)
            if run.step % plan.settings.steps_per_epoch == 0:
                run.end_epoch(run.step // plan.settings.steps_per_epoch, pipeline)
            run.stopped = _agree(should_stop())
            if run.step % plan.checkpoint_every == 0 or run.stopped:
                run.save_checkpoint(pipeline)
        return run.finish(pipeline)


class _Run:
    """The moving parts of one run. Only the first process writes files."""

    def __init__(self, plan: TrainingPlan, flags: str) -> None:
        # The order of resuming: 1. the dataset is opened and checked; 2. the folder must hold this
        # very run or none; 3. the newest whole checkpoint is taken; 4. what the log says of later
        # steps is cut off; 5. the input goes on at the checkpoint's step.
        self.plan = plan
        self.dataset = open_pairs(plan.data, "train")
        self.held_out = _open_validation(plan.data)
        self.writes = jax.process_index() == 0
        self.mesh = data_mesh(_devices(plan.devices))
        self._train_step = data_parallel_step(plan.network, plan.settings, self.mesh)
        self._validator = self._make_validator()
        state = _initial_state(plan)
        self.skipped = 0
        if self.writes:
            open_run(plan.out, _fingerprint(plan, self.dataset, self.mesh.size), flags)
            self._checkpoints = Checkpoints(plan.out / "checkpoints", keep=plan.keep)
            restored = self._checkpoints.restore(state)
            if restored:
                state, self.skipped = restored.state, restored.data["skipped"]
                for line in restored.damaged:
                    print(f"warning: {line}; going back to step {restored.data['step']}")
                self._checkpoints.discard_after(restored.data["step"])
        if jax.process_count() > 1:
            state, skipped = multihost_utils.broadcast_one_to_all((state, self.skipped))
            self.skipped = int(skipped)
        self.state: TrainState = replicate(state, self.mesh)
        self.step = int(state.step)
        self.stopped = False
        self._seed_key = replicate(jax.random.key_data(jax.random.key(plan.seed + 1)), self.mesh)
        self._seed_key = jax.random.wrap_key_data(self._seed_key)
        self._pending: list[Metrics] = []
        self._waited = 0.0
        self._clock = time.perf_counter()
        self._validated: dict[str, float] = {}
        self._tracked: dict[str, float] = {}

    def _make_validator(self) -> PairValidator | None:
        if self.held_out is None or not self.writes:
            return None
        local = data_mesh(self.mesh.local_devices)
        return PairValidator(self.held_out, self.plan.network, self.plan.settings, local)

    def pipeline(self) -> Pipeline:
        settings = PipelineSettings(
            batch=self.plan.settings.batch // jax.process_count(),
            seed=self.plan.seed,
            workers=self.plan.workers or os.cpu_count() or 1,
            host=jax.process_index(),
            hosts=jax.process_count(),
            skip_corrupt=self.plan.skip_corrupt,
        )
        return Pipeline(self.dataset, settings, PipelineState(self.step, self.skipped))

    @contextmanager
    def log(self) -> Iterator[None]:
        """The metric log and the progress bar are open within."""
        total = self.plan.settings.steps
        self._bar = tqdm(
            total=total, initial=self.step, unit="step", disable=not self.writes, mininterval=1.0
        )
        with self._bar:
            if not self.writes:
                yield
                return
            with MetricLog(self.plan.out, self.step) as self._log:
                yield

    def advance(self, batch: Any) -> None:
        on_devices = put_batch(batch, self.mesh)
        with jax.transfer_guard("disallow"):
            self.state, metrics = self._train_step(self.state, self._seed_key, on_devices)
        self._pending.append(metrics)
        self.step += 1
        self._bar.update()

    def write_metrics(self, pipeline: Pipeline) -> None:
        """Read what the steps since the last call measured: the only wait for the device."""
        if not self._pending:
            return
        measured = jax.device_get(self._pending)
        self._pending = []
        _expect_finite(measured, self.step, self.plan.settings.first_rate)
        elapsed = time.perf_counter() - self._clock
        means = jax.tree.map(lambda *values: float(np.mean(values)), *measured)
        line = {
            **means._asdict(),
            "epoch": self.step / self.plan.settings.steps_per_epoch,
            "pairs_per_second": len(measured) * self.plan.settings.batch / elapsed,
            "input_wait": (pipeline.wait_seconds - self._waited) / elapsed,
            "skipped": pipeline.skipped,
        }
        if self.writes:
            self._log.write(self.step, "train", line)
            self._bar.set_postfix(loss=f"{means.loss:.3f}", px=f"{means.centre_error:.0f}")
        self._restart_clock(pipeline)

    def end_epoch(self, epoch: int, pipeline: Pipeline) -> None:
        """Validate; the last epoch's validation is the result."""
        self.write_metrics(pipeline)
        last = epoch == self.plan.settings.epochs
        if self._validator:
            validation = self._validator(self.state)
            self._validated = validation.scalars
            self._log.write(self.step, "validation", validation.scalars)
            self._log.image(self.step, "exemplar_search_response", validation.picture)
            save_picture(self.plan.out / "responses.png", validation.picture)
        every = self.plan.track_every
        if self.writes and self.plan.videos and (last or (every and epoch % every == 0)):
            self._tracked = track_videos(
                self.state, self.plan.network, self.plan.tracking, self.plan.videos
            )
            mean = float(np.mean(list(self._tracked.values())))
            self._log.write(self.step, "tracking", {**self._tracked, "mean_auc": mean})
        self._restart_clock(pipeline)

    def save_checkpoint(self, pipeline: Pipeline) -> None:
        """A state is only saved once its loss is known to be finite."""
        self.write_metrics(pipeline)
        if jax.process_count() > 1:
            parameters = jax.device_get(self.state.params)
            multihost_utils.assert_equal(parameters, "the hosts' parameters have parted")
        if self.writes:
            data = {"step": self.step, "seed": self.plan.seed, "skipped": pipeline.skipped}
            self._checkpoints.save(self.step, self.state, data)
            self._save_weights()
        self._restart_clock(pipeline)

    def finish(self, pipeline: Pipeline) -> TrainingResult:
        finished = self.step == self.plan.settings.steps
        out = self.plan.out
        if finished and self.step % self.plan.checkpoint_every:
            self.save_checkpoint(pipeline)
        if finished and self.writes:
            if not self._validated and not self._tracked:
                # Resumed after the last step, but killed before the result was written.
                self.end_epoch(self.plan.settings.epochs, pipeline)
            digest = self._save_weights()
            write_json(
                out / "result.json",
                {
                    "steps": self.step,
                    "pairs": self._validated,
                    "videos": self._tracked,
                    "skipped": pipeline.skipped,
                    "weights_sha256": digest,
                },
            )
        weights = out / "weights.safetensors"
        return TrainingResult(finished, self.step, weights, self._validated, self._tracked)

    def earlier_result(self) -> TrainingResult:
        """What the run came to when it was finished before."""
        result = json.loads((self.plan.out / "result.json").read_text())
        weights = self.plan.out / "weights.safetensors"
        return TrainingResult(True, self.step, weights, result["pairs"], result["videos"])

    def _save_weights(self) -> str:
        plan = self.plan
        card = {
            "settings": dataclasses.asdict(plan.settings),
            "seed": plan.seed,
            "steps_done": self.step,
            "dataset_hash": self.dataset.dataset_hash,
        }
        return save_weights(
            plan.out / "weights.safetensors",
            trained_layers(jax.device_get(self.state)),
            model_config(plan.network, plan.tracking) | {"training": card},
        )

    def _restart_clock(self, pipeline: Pipeline) -> None:
        self._clock, self._waited = time.perf_counter(), pipeline.wait_seconds


def _open_validation(folder: Path) -> PairDataset | None:
    return open_pairs(folder, "validation") if "validation" in split_names(folder) else None


def _devices(of_each_host: int) -> list[jax.Device]:
    """The first so many devices of every host; 0: all."""
    chosen: dict[int, list[jax.Device]] = {}
    for device in jax.devices():
        chosen.setdefault(device.process_index, []).append(device)
    if of_each_host > min(map(len, chosen.values())):
        raise RunError(f"{of_each_host} devices wanted; there are {len(jax.local_devices())}")
    return [device for host in chosen.values() for device in host[: of_each_host or None]]


def _initial_state(plan: TrainingPlan) -> TrainState:
    def fresh() -> TrainState:
        return init_state(jax.random.key(plan.seed), plan.network, plan.settings)

    if plan.initial is None:
        return jax.device_get(fresh())
    state = state_from_layers(load_weights(plan.initial).params, plan.settings)
    shapes = jax.tree.map(np.shape, state)
    if shapes != jax.tree.map(np.shape, jax.eval_shape(fresh)):
        raise RunError(f"{plan.initial}: another network, or one whose batch norm is folded")
    return jax.device_get(state)


def _fingerprint(plan: TrainingPlan, dataset: PairDataset, devices: int) -> dict[str, Any]:
    """All that decides the parameters at the end, to the last bit on machines of one kind."""
    return {
        "dataset_hash": dataset.dataset_hash,
        "network": dataclasses.asdict(plan.network),
        "settings": dataclasses.asdict(plan.settings),
        "seed": plan.seed,
        "initial": load_weights(plan.initial).sha256 if plan.initial else None,
        "skip_corrupt": plan.skip_corrupt,
        "hosts": jax.process_count(),
        "devices": devices,
    }


def _expect_finite(measured: list[Metrics], last_step: int, rate: float) -> None:
    for number, metrics in enumerate(measured, last_step - len(measured) + 1):
        if not np.isfinite(metrics.loss):
            raise RunError(
                f"the loss is not finite at step {number}; lower --first_rate (now {rate:g}) or "
                "look at the data; the last checkpoint is from before"
            )


def _agree(stop: bool) -> bool:
    """Whether any of the processes wants to stop."""
    if jax.process_count() == 1:
        return stop
    return bool(multihost_utils.process_allgather(np.asarray(stop)).any())
