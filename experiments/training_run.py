"""The training run behind `experiments.train`, as a function that a notebook can call."""

from collections.abc import Callable
from contextlib import nullcontext

import jax
import numpy as np
from jax.experimental import multihost_utils

from experiments.run_record import RunError
from experiments.training_loop import Run, TrainingResult
from experiments.training_plan import TrainingPlan
from siamfc_jax.durable import sole_user


def train(
    plan: TrainingPlan, *, flags: str = "", should_stop: Callable[[], bool] = lambda: False
) -> TrainingResult:
    """Train, or go on with the run that `plan.out` holds, to the very same parameters.

    Checkpoints, metrics and weights are written on the way. `should_stop` is asked after every
    step (with several hosts at every line of the log) and during validation; once it says True a
    checkpoint is saved and the run returns unfinished.

    Raises:
      RunError: the plan does not fit the dataset, the folder holds another run, the loss is not
        finite, the device's memory is full, or another host failed.
      DatasetError, CorruptRecordError: the dataset is not whole.
      CheckpointError, StorageError: a file cannot be written, or no checkpoint can be read.
      WeightsError: `plan.initial` cannot be read.
    """
    try:
        with sole_user(plan.out) if jax.process_index() == 0 else nullcontext():
            return _train(_begin(plan, flags, should_stop))
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" in str(error):
            raise RunError("the device's memory is full; give a smaller --batch") from None
        if jax.process_count() > 1:
            raise RunError("another host failed, its output says why; start all again") from None
        raise


def _begin(plan: TrainingPlan, flags: str, should_stop: Callable[[], bool]) -> Run:
    """A run that all hosts could begin; where one could not, no other waits for it."""
    failed: Exception | None = None
    try:
        run = Run(plan, flags, should_stop)
    except (ValueError, OSError) as error:
        if jax.process_count() == 1:
            raise
        failed = error
    if jax.process_count() > 1:
        if multihost_utils.process_allgather(np.asarray(failed is not None)).any():
            raise failed or RunError("another host could not begin, its output says why")
        run.share_state()
    return run


def _train(run: Run) -> TrainingResult:
    plan = run.plan
    if run.earlier:
        return run.earlier
    run.place_state()
    with run.log(), run.pipeline() as pipeline:
        if run.owes_validation():
            run.end_epoch(pipeline)
        while run.step < plan.settings.steps and not run.stopped:
            run.advance(next(pipeline))
            if run.step % plan.log_every == 0:
                run.write_metrics(pipeline)
            if run.step % plan.settings.steps_per_epoch == 0:
                run.end_epoch(pipeline)
            run.stopped = run.asked_to_stop()
            if run.step % plan.checkpoint_every == 0 or run.stopped:
                run.save_checkpoint(pipeline)
        return run.finish(pipeline)
