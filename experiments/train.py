"""Train SiamFC on pairs that data_prep.make_shards wrote.

    python -m experiments.train --flagfile=experiments/flagfiles/siamfc_3s.flags \\
        --data=SHARDS --out=runs/first

Killed or stopped, the same command goes on from the last checkpoint, to the very same parameters.
The folder of the run holds metrics.jsonl and tensorboard/, checkpoints/, responses.png,
weights.safetensors (open it with `experiments.track --model=`), and at the end result.json.

On several hosts run the same command on each, with --distributed; see the README.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments import cli
from experiments.allocator import keep_freed_memory
from experiments.compilation_cache import use_compilation_cache

_DATA = flags.DEFINE_string("data", None, "Folder of shards.", required=True)
_OUT = flags.DEFINE_string("out", None, "Folder of the run.", required=True)
_SEEDS = flags.DEFINE_list("seeds", ["0"], "One run for each; several print mean and deviation.")
_INITIAL = flags.DEFINE_string("initial", None, "Weight file (not folded) to start from.")
_ARCHITECTURE = flags.DEFINE_enum(
    "architecture", "v2", ["v2", "v1", "tiny"], "AlexNet of which paper; tiny: to try things out."
)
_TRACKING = flags.DEFINE_enum(
    "tracking",
    None,
    ["siamfc-3s-paper", "siamfc-3s-release", "siamfc-paper", "siamfc-release", "siamfc-v1-paper"],
    "How the trained model tracks; by default as the shipped one.",
)
_PRESET = flags.DEFINE_enum(
    "preset",
    "v2-release",
    ["v2-release", "v2-paper", "v1", "modern"],
    "Settings of the papers and of released code (siamfc_jax/training/settings.py); the flags "
    "below override them.",
)
_SETTINGS = [
    flags.DEFINE_integer("epochs", None, "Epochs, over which the learning rate falls."),
    flags.DEFINE_integer("pairs_per_epoch", None, "Pairs of an epoch."),
    flags.DEFINE_integer("batch", None, "Pairs per step, over all devices and hosts."),
    flags.DEFINE_float("first_rate", None, "Learning rate of the first epoch."),
    flags.DEFINE_float("last_rate", None, "Learning rate of the last epoch."),
    flags.DEFINE_integer("warm_up", None, "Steps of linear warm-up."),
    flags.DEFINE_float("momentum", None, "Of SGD."),
    flags.DEFINE_float("weight_decay", None, "Of kernels."),
    flags.DEFINE_integer("search_size", None, "Side of the search image in pixels."),
    flags.DEFINE_float("radius", None, "Of positive labels, in search pixels."),
    flags.DEFINE_integer("batch_negatives", None, "Others' search images as negatives."),
    flags.DEFINE_float("batch_negative_weight", None, "Weight of their loss."),
    flags.DEFINE_enum("compute", None, ["float32", "bfloat16"], "Type of the activations."),
    flags.DEFINE_bool("sync_norm", None, "Batch norm over all devices' pairs."),
]
_AUGMENTATION = [
    flags.DEFINE_float("stretch", None, "Augmentation: scale of each axis, 1 +- this."),
    flags.DEFINE_float("shift", None, "Augmentation: shift in search pixels."),
    flags.DEFINE_float("colour", None, "Augmentation: offset along natural colours."),
    flags.DEFINE_float("contrast", None, "Augmentation: deviation of log contrast."),
    flags.DEFINE_float("grey", None, "Augmentation: share of grey pairs."),
    flags.DEFINE_float("blur", None, "Augmentation: share of blurred search images."),
    flags.DEFINE_bool("flip", None, "Augmentation: mirror half of the pairs."),
]
_VIDEOS = flags.DEFINE_multi_string(
    "validation_source",
    [],
    "[LABEL=]KIND:ROOT of videos to validate on by tracking, as for make_crops; repeatable.",
)
_VIDEO_NAMES = flags.DEFINE_list(
    "validation_videos", [], "Which, LABEL/VIDEO; by default those that make_shards was given."
)
_TRACK_EVERY = flags.DEFINE_integer("track_every", 0, "Track them every so many epochs too.")
_CHECKPOINT_EVERY = flags.DEFINE_integer("checkpoint_every", 1000, "Steps.", lower_bound=1)
_KEEP = flags.DEFINE_integer("keep", 3, "Checkpoints to keep.", lower_bound=1)
_LOG_EVERY = flags.DEFINE_integer("log_every", 50, "Steps.", lower_bound=1)
_WORKERS = flags.DEFINE_integer("workers", 0, "Threads that decode; 0: one a core.")
_SKIP_CORRUPT = flags.DEFINE_bool("skip_corrupt", False, "Leave corrupt records out, and count.")
_DEVICES = flags.DEFINE_integer("devices", 0, "Devices of each host to use; 0: all.", lower_bound=0)
_DETERMINISTIC = flags.DEFINE_bool(
    "deterministic", True, "On GPUs only algorithms that repeat to the bit, as resuming promises."
)
_DISTRIBUTED = flags.DEFINE_bool(
    "distributed", False, "One of several processes, found by jax.distributed's own discovery."
)
_COORDINATOR = flags.DEFINE_string("coordinator", None, "host:port, where discovery cannot know.")
_PROCESSES = flags.DEFINE_integer("processes", None, "How many, where discovery cannot know.")
_PROCESS = flags.DEFINE_integer("process", None, "Which one this is, likewise.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    keep_freed_memory()
    if _DETERMINISTIC.value:
        words = [os.environ.get("XLA_FLAGS", ""), "--xla_gpu_deterministic_ops=true"]
        os.environ["XLA_FLAGS"] = " ".join(words).strip()
    import jax

    use_compilation_cache()
    _join_others()
    from experiments.seeds import train_seeds

    with cli.StopSignals() as signals:
        results = train_seeds(
            _plan(),
            _seeds(),
            flags=flags.FLAGS.flags_into_string(),
            should_stop=lambda: signals.received is not None,
        )
    if jax.process_index() == 0:
        _print(results)
    return 0 if results[-1].finished else 128 + (signals.received or 0)


def _plan() -> Any:
    from experiments.training_plan import TrainingPlan
    from siamfc_jax.loading import DEFAULT_TRACKING
    from siamfc_jax.models.siamfc import SIAMFC, SIAMFC_TINY, SIAMFC_V1
    from siamfc_jax.tracking import config
    from siamfc_jax.training import settings

    preset = settings.PRESETS[_PRESET.value]
    tracking = config.PRESETS[_TRACKING.value] if _TRACKING.value else DEFAULT_TRACKING
    augmentation = dataclasses.replace(preset.augmentation, **_given(_AUGMENTATION))
    return TrainingPlan(
        data=Path(_DATA.value),
        out=Path(_OUT.value),
        network={"v2": SIAMFC, "v1": SIAMFC_V1, "tiny": SIAMFC_TINY}[_ARCHITECTURE.value],
        settings=dataclasses.replace(preset, augmentation=augmentation, **_given(_SETTINGS)),
        tracking=tracking,
        initial=Path(_INITIAL.value) if _INITIAL.value else None,
        videos=tuple(_held_out_tracks()),
        track_every=_TRACK_EVERY.value,
        checkpoint_every=_CHECKPOINT_EVERY.value,
        log_every=_LOG_EVERY.value,
        keep=_KEEP.value,
        workers=_WORKERS.value,
        skip_corrupt=_SKIP_CORRUPT.value,
        devices=_DEVICES.value,
    )


def _held_out_tracks() -> list[Any]:
    from data_prep.sources import parse_sources, read_source
    from data_prep.tracks import Report
    from siamfc_jax.data.dataset import named_held_out

    if not _VIDEOS.value:
        if _VIDEO_NAMES.value or _TRACK_EVERY.value:
            raise ValueError("--validation_videos and --track_every need a --validation_source")
        return []
    held_out = named_held_out(Path(_DATA.value))
    names = _VIDEO_NAMES.value or held_out
    if not names:
        raise ValueError("which videos are held out? Give --validation_videos=LABEL/VIDEO,...")
    trained_on = set(names) - set(held_out)
    if held_out and trained_on:
        raise ValueError(
            f"--validation_videos: {', '.join(sorted(trained_on))} were not held out by make_shards"
        )
    tracks = [
        track._replace(video=f"{spec.label}/{track.video}", name=f"{spec.label}/{track.name}")
        for spec in parse_sources(_VIDEOS.value)
        for track in read_source(spec, Report())
        if f"{spec.label}/{track.video}" in names
    ]
    missing = set(names) - {track.video for track in tracks}
    if missing:
        raise ValueError(f"--validation_source: no video {', '.join(sorted(missing))} in it")
    return tracks


def _given(holders: Sequence[flags.FlagHolder]) -> dict[str, Any]:
    return {holder.name: holder.value for holder in holders if holder.value is not None}


def _join_others() -> None:
    import jax

    told = _COORDINATOR.value, _PROCESSES.value, _PROCESS.value
    if _DISTRIBUTED.value:
        try:
            jax.distributed.initialize(*told)
        except ValueError as error:
            raise ValueError(
                f"the other processes cannot be found ({error}); give --coordinator=HOST:PORT, "
                "--processes and --process"
            ) from None
    elif any(value is not None for value in told):
        raise ValueError("--coordinator, --processes and --process need --distributed")


def _seeds() -> list[int]:
    if not _SEEDS.value or not all(t.isdecimal() and int(t) < 2**31 for t in _SEEDS.value):
        raise ValueError(f"--seeds: {','.join(_SEEDS.value)!r} are no whole numbers below 2^31")
    return [int(text) for text in _SEEDS.value]


def _print(results: Sequence[Any]) -> None:
    from experiments.seeds import summary

    last = results[-1]
    if not last.finished:
        print(f"stopped after step {last.step}; the same command goes on from there")
        return
    for name, (mean, std) in summary(results).items():
        spread = f" +- {std:.3f}" if len(results) > 1 else ""
        print(f"{name:<50} {mean:.3f}{spread}")
    for result in results:
        print(f"wrote {result.weights}")


if __name__ == "__main__":
    cli.run(main)
