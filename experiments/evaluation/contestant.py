"""What is run on a benchmark: one of our models, or anybody's tracker object."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.compilation_cache import use_compilation_cache
from experiments.evaluation.named_paths import name_and_path
from experiments.evaluation.options import Options
from experiments.tracked_as import tracked_as
from siamfc_jax.evaluation.running.jobs import Runner
from siamfc_jax.evaluation.sequences import NO_FILE_NAME, names_a_file
from siamfc_jax.weights import WeightsError

if TYPE_CHECKING:
    from siamfc_jax.tracking.trackers import Tracking

DEFAULT_MODEL = "siamfc-3s"


class Contestant(NamedTuple):
    """A tracker that can be run.

    Attributes:
      name: in tables, and of its results on disk.
      identity: what its results depend on, as JSON.
      deterministic: the same on every repetition.
      live: makes a runner that shows one frame at a time; its seconds are a user's.
      batch: makes a runner that gets through many videos soonest; what seconds it measures in a
        batch are shares of the batch's.
    """

    name: str
    identity: Mapping[str, Any]
    deterministic: bool
    live: Callable[[Callable[[], object]], Runner[Any]]
    batch: Callable[[Callable[[], object]], Runner[Any]]


def contestants(options: Options) -> list[Contestant]:
    """The tracker or models that the options name, loaded; none where only results are scored.

    Raises:
      ForeignTrackerError, WeightsError: one cannot be loaded.
      ValueError: a preset that is unknown or suits not every model, a name that no file can have
        or for several, or a model and a tracker at once.
    """
    if options.tracker and options.models:
        raise ValueError("--model and --tracker: one at a time; score the other's --results")
    if options.tracker and options.tracking:
        raise ValueError("--tracking is for models; --tracker has settings of its own")
    for flag, given in (("--redetect", options.redetect), ("--fast", options.fast)):
        if options.tracker and given:
            raise ValueError(f"{flag} is for models; --tracker does as it likes")
    if options.name is not None and not names_a_file(options.name):
        raise ValueError(f"--name={options.name}: {NO_FILE_NAME}")
    if options.tracker:
        return [_foreign(options, options.tracker)]
    return _models(options) if options.runs_something else []


def _foreign(options: Options, spec: str) -> Contestant:
    from siamfc_jax.evaluation.running.one_by_one import one_by_one
    from siamfc_jax.harness.any_tracker import load_tracker

    make = load_tracker(spec)

    def runner(on_frame: Callable[[], object]) -> Runner[Any]:
        return partial(
            one_by_one,
            make_tracker=make,
            patience=options.patience,
            include_decoding=options.include_decoding,
            on_frame=on_frame,
        )

    name = options.name or spec.rpartition(":")[2]
    identity = {"tracker": spec, "include_decoding": options.include_decoding}
    return Contestant(name, identity, False, runner, runner)


def _models(options: Options) -> list[Contestant]:
    from siamfc_jax.tracking.trackers import PRESETS

    if options.tracking is not None and options.tracking not in PRESETS:
        raise ValueError(f"no preset {options.tracking!r}; there are {', '.join(PRESETS)}")
    tracking = PRESETS[options.tracking] if options.tracking else None
    specs = options.models or (DEFAULT_MODEL,)
    named = [name_and_path(spec) for spec in specs]
    if options.name is not None and (len(specs) > 1 or named[0][0] is not None):
        raise ValueError("--name is for one model without a name; use --model=NAME=PATH for each")
    for spec, (name, _) in zip(specs, named, strict=True):
        if name is not None and not names_a_file(name):
            raise ValueError(f"--model={spec}: no such file, and as NAME=PATH: {NO_FILE_NAME}")
    use_compilation_cache()
    return [
        _model(options, options.name or name or path.stem, path, tracking) for name, path in named
    ]


def _model(options: Options, name: str, where: Path, tracking: "Tracking | None") -> Contestant:
    import jax
    import numpy as np

    from siamfc_jax.evaluation.running.batched import batched
    from siamfc_jax.evaluation.running.one_by_one import one_by_one
    from siamfc_jax.loading import load_model
    from siamfc_jax.models.network import network_config
    from siamfc_jax.tracking.online import MultiTracker, OnlineTracker
    from siamfc_jax.tracking.redetection import RedetectingTracker, Redetection, expect_losses
    from siamfc_jax.tracking.slots import ModelSlots

    try:
        model = load_model(where, tracking, fast=options.fast)
    except WeightsError:
        raise
    except ValueError as error:
        raise ValueError(f"--model={where} --tracking={options.tracking}: {error}") from None
    if options.redetect:
        expect_losses(model, where)
    make = RedetectingTracker if options.redetect else MultiTracker
    name = tracked_as(name, fast=options.fast, redetect=options.redetect)
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(model.params):
        digest.update(np.asarray(leaf).tobytes())

    def live(on_frame: Callable[[], object]) -> Runner[Any]:
        return partial(
            one_by_one,
            make_tracker=lambda: OnlineTracker(model, make),
            patience=options.patience,
            include_decoding=options.include_decoding,
            on_frame=on_frame,
        )

    def batch(on_frame: Callable[[], object]) -> Runner[Any]:
        return partial(
            batched,
            make_slots=ModelSlots(model),
            lanes=options.lanes or None,
            patience=options.patience,
            include_decoding=options.include_decoding,
            on_frame=on_frame,
        )

    settings = dataclasses.asdict(model.tracking)
    if not options.redetect:
        # Boxes do not depend on it.
        del settings["confidence"]
    identity = {
        "weights": digest.hexdigest(),
        "network": network_config(model.network),
        "tracking": settings,
        "include_decoding": options.include_decoding,
    }
    if options.redetect:
        # Batches know nothing of it, and look for nobody.
        identity["redetection"] = dataclasses.asdict(Redetection())
        return Contestant(name, identity, True, live, live)
    return Contestant(name, identity, True, live, batch)
