"""Train a network on pairs that data_prep.make_shards wrote.

    python -m experiments.train --flagfile=experiments/flagfiles/siamfc_3s.flags \\
        --data=SHARDS --out=runs/first

Killed or stopped, the same command goes on from the last checkpoint, to the very same parameters.
The folder of the run holds metrics.jsonl and tensorboard/, checkpoints/, responses.png,
weights.safetensors (open it with `experiments.track --model=`), and at the end result.json.

On several hosts run the same command on each, with --distributed; see the README.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments import cli, training_flags
from experiments.allocator import keep_freed_memory
from experiments.compilation_cache import use_compilation_cache
from experiments.repeatable import only_repeatable_algorithms

flags.adopt_module_key_flags(training_flags)

_DATA = flags.DEFINE_string("data", None, "Folder of shards.", required=True)
_OUT = flags.DEFINE_string("out", None, "Folder of the run.", required=True)
_SEEDS = flags.DEFINE_list("seeds", ["0"], "One run for each; several print mean and deviation.")
_INITIAL = flags.DEFINE_string(
    "initial", None, "Weight file (not folded) to start from; layers it lacks begin afresh."
)
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
        only_repeatable_algorithms()
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

    network = training_flags.network()
    return TrainingPlan(
        data=Path(_DATA.value),
        out=Path(_OUT.value),
        network=network,
        settings=training_flags.settings(network),
        tracking=training_flags.tracking(),
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
    from experiments.held_out import expect_one_size, held_out_tracks
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
    tracks = held_out_tracks(_VIDEOS.value, names, "--validation_source")
    expect_one_size(tracks)
    return tracks


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
