"""What a run of training does at every step, at the end of every epoch, and when it stops."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from tqdm import tqdm

from experiments.metric_log import MetricLog, finite_or_none, means_of
from experiments.run_record import RunError, open_run, read_json, write_json
from experiments.training_plan import (
    TrainingPlan,
    chosen_devices,
    expect_fit,
    fingerprint,
    initial_state,
    keys_of,
    open_validation,
)
from experiments.validation import PairValidator, save_picture, track_videos, trained_model
from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings, PipelineState
from siamfc_jax.loading import model_config
from siamfc_jax.training.checkpoints import Checkpoints
from siamfc_jax.training.parallel import data_mesh, data_parallel_step, put_batch, replicate
from siamfc_jax.training.step import Metrics, TrainState, trained_layers
from siamfc_jax.weights import save_weights

_IN_FLIGHT = 2
"""Steps that may wait on the device for those before them."""


class TrainingResult(NamedTuple):
    """How a run ended.

    Attributes:
      finished: all steps are done; False when it was asked to stop before.
      step: steps done.
      weights: the weight file.
      pairs: means of the objective's metrics on the held-out pairs ({} without any).
      videos: success AUC of every held-out track.
    """

    finished: bool
    step: int
    weights: Path
    pairs: dict[str, float]
    videos: dict[str, float]


class Run:
    """The moving parts of one run. Only the first process writes files."""

    def __init__(self, plan: TrainingPlan, flags: str, should_stop: Callable[[], bool]) -> None:
        # The order of resuming: 1. the dataset is opened, and the plan checked against it; 2. the
        # folder must hold this very run or none; 3. the newest whole checkpoint is taken; 4. what
        # the log says of later steps is cut off; 5. the input goes on at the checkpoint's step.
        self.plan, self._should_stop = plan, should_stop
        self.dataset = open_pairs(plan.data, "train")
        self.held_out = open_validation(plan.data)
        expect_fit(plan, self.dataset)
        self.writes = jax.process_index() == 0
        self.mesh = data_mesh(chosen_devices(plan.devices))
        self._train_step = data_parallel_step(plan.network, plan.settings, self.mesh)
        self._validator = self._make_validator()
        self.earlier: TrainingResult | None = None
        self.stopped = False
        self.skipped = 0
        self._host_state = initial_state(plan)
        if self.writes:
            open_run(plan.out, fingerprint(plan, self.dataset, self.mesh.size), flags)
            self.earlier = _earlier_result(plan)
            self._restore()
        self._pending: list[Metrics] = []
        self._waited = 0.0
        self._clock = time.perf_counter()
        self._validated: dict[str, float] = {}
        self._tracked: dict[str, float] = {}

    def _restore(self) -> None:
        self._checkpoints = Checkpoints(self.plan.out / "checkpoints", keep=self.plan.keep)
        restored = self._checkpoints.restore(self._host_state)
        if restored:
            self._host_state, self.skipped = restored.state, restored.data["skipped"]
            for line in restored.damaged:
                print(f"warning: {line}; going back to step {restored.data['step']}")
            self._checkpoints.discard_after(restored.data["step"])

    def share_state(self) -> None:
        """Give every host the state that the first one has read, and whether there is work."""
        mine = self._host_state, self.skipped, self.earlier is not None
        self._host_state, skipped, finished = multihost_utils.broadcast_one_to_all(mine)
        self.skipped = int(skipped)
        if finished and not self.earlier:
            weights = self.plan.out / "weights.safetensors"
            self.earlier = TrainingResult(True, self.plan.settings.steps, weights, {}, {})

    def place_state(self) -> None:
        """Copy state and key to the devices."""
        self.state: TrainState = replicate(self._host_state, self.mesh)
        self.step = int(self._host_state.step)
        _, key = keys_of(self.plan.seed)
        data = replicate(jax.random.key_data(key), self.mesh)
        self._seed_key = jax.random.wrap_key_data(data)

    def _make_validator(self) -> PairValidator | None:
        if self.held_out is None or not self.writes:
            return None
        local = data_mesh(self.mesh.local_devices)
        settings = PipelineSettings(
            batch=1, workers=self._workers, skip_corrupt=self.plan.skip_corrupt
        )
        return PairValidator(self.held_out, self.plan.network, self.plan.settings, local, settings)

    @property
    def _workers(self) -> int:
        return self.plan.workers or os.cpu_count() or 1

    def pipeline(self) -> Pipeline:
        settings = PipelineSettings(
            batch=self.plan.settings.batch // jax.process_count(),
            seed=self.plan.seed,
            workers=self._workers,
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
        if len(self._pending) > _IN_FLIGHT:
            # Else batches pile up on the device, put there faster than they are used.
            jax.block_until_ready(self._pending[-_IN_FLIGHT - 1])
        self.step += 1
        self._bar.update()

    def write_metrics(self, pipeline: Pipeline) -> None:
        """Read what the steps since the last call measured: the only wait for the device."""
        if not self._pending:
            return
        measured = jax.device_get(self._pending)
        self._pending = []
        for number, metrics in enumerate(measured, self.step - len(measured) + 1):
            if not np.isfinite([metrics.loss, metrics.gradient_norm]).all():
                raise _not_finite("the loss or its gradient", number, self.plan)
        elapsed = time.perf_counter() - self._clock
        means = means_of(measured)
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

    def asked_to_stop(self) -> bool:
        """Whether any host is; hosts talk only where the log waits for the device anyway."""
        if jax.process_count() == 1:
            return self._should_stop()
        if self.step % self.plan.log_every:
            return False
        return bool(multihost_utils.process_allgather(np.asarray(self._should_stop())).any())

    def owes_validation(self) -> bool:
        """Whether the run was stopped at the end of an epoch; the log then leaves out what may
        have been validated before."""
        return self.step > 0 and self.step % self.plan.settings.steps_per_epoch == 0

    def end_epoch(self, pipeline: Pipeline) -> None:
        """Validate; the last epoch's validation is the result. A stop breaks it off."""
        self.write_metrics(pipeline)
        if self._validator:
            validation = self._validator(self.state, self._should_stop)
            if validation:
                self._validated = validation.scalars
                self._log.write(self.step, "validation", validation.scalars)
                self._log.image(self.step, "exemplar_search_response", validation.picture)
                save_picture(self.plan.out / "responses.png", validation.picture)
        if self.writes and self._tracks_now():
            model = trained_model(self.state, self.plan.network, self.plan.tracks_with)
            tracked = track_videos(model, self.plan.videos, self._should_stop)
            if tracked:
                self._tracked = tracked
                mean = float(np.mean(list(tracked.values())))
                self._log.write(self.step, "tracking", {**tracked, "mean_auc": mean})
        self._restart_clock(pipeline)

    def _tracks_now(self) -> bool:
        epoch, every = self.step // self.plan.settings.steps_per_epoch, self.plan.track_every
        last = epoch == self.plan.settings.epochs
        return bool(self.plan.videos) and (last or bool(every and epoch % every == 0))

    def save_checkpoint(self, pipeline: Pipeline) -> None:
        """A state is only saved once it is known to be finite, and the same on all hosts."""
        self.write_metrics(pipeline)
        state = jax.device_get(self.state)
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state)):
            raise _not_finite("a parameter", self.step, self.plan)
        if jax.process_count() > 1:
            multihost_utils.assert_equal(state.params, "the hosts' parameters have parted")
        if self.writes:
            data = {"step": self.step, "skipped": pipeline.skipped}
            self._checkpoints.save(self.step, state, data)
            self._save_weights(state)
        self._restart_clock(pipeline)

    def finish(self, pipeline: Pipeline) -> TrainingResult:
        finished = self.step == self.plan.settings.steps and not self.stopped
        out = self.plan.out
        if finished and self.step % self.plan.checkpoint_every:
            self.save_checkpoint(pipeline)
        if finished and self.writes:
            digest = self._save_weights(jax.device_get(self.state))
            write_json(
                out / "result.json",
                {
                    "steps": self.step,
                    "pairs": finite_or_none(self._validated),
                    "videos": self._tracked,
                    "skipped": pipeline.skipped,
                    "weights_sha256": digest,
                },
            )
        weights = out / "weights.safetensors"
        return TrainingResult(finished, self.step, weights, self._validated, self._tracked)

    def _save_weights(self, state: TrainState) -> str:
        plan = self.plan
        card = {
            "settings": dataclasses.asdict(plan.settings),
            "seed": plan.seed,
            "steps_done": self.step,
            "dataset_hash": self.dataset.dataset_hash,
        }
        return save_weights(
            plan.out / "weights.safetensors",
            trained_layers(state),
            model_config(plan.network, plan.tracks_with) | {"training": card},
        )

    def _restart_clock(self, pipeline: Pipeline) -> None:
        self._clock, self._waited = time.perf_counter(), pipeline.wait_seconds


def _earlier_result(plan: TrainingPlan) -> TrainingResult | None:
    """What the run came to if it was finished before."""
    path = plan.out / "result.json"
    if not path.exists():
        return None
    result = read_json(path)
    weights = plan.out / "weights.safetensors"
    try:
        return TrainingResult(True, result["steps"], weights, result["pairs"], result["videos"])
    except KeyError:
        raise RunError(f"{path}: is damaged; delete it and run the same command again") from None


def _not_finite(what: str, step: int, plan: TrainingPlan) -> RunError:
    return RunError(
        f"{plan.out}: {what} is not finite at step {step}; lower --first_rate (now "
        f"{plan.settings.first_rate:g}) or look at the data; the last checkpoint is from before"
    )
