"""Chooses settings of the tracking loop on held-out videos. Never do it on those you report.

    python -m experiments.tune --model=runs/first/weights.safetensors --out=runs/tuned \\
        --validation_source=davis=box_folders:DATA/davis --validation_videos=davis/dog,davis/goat \\
        --values=window_influence=0.1,0.18,0.3 --values=scale_lerp=0.4,0.6

Takes the settings (fields of SiamFCTracking or SiamRPNTracking) in the order given, and keeps the
best value of each before it tries the next. OUT/weights.safetensors is the model with the best
settings inside; the same command goes on where it was stopped.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.compilation_cache import use_compilation_cache

_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Shipped model or weight file.")
_OUT = flags.DEFINE_string("out", None, "Folder for trials and the model.", required=True)
_SOURCE = flags.DEFINE_multi_string(
    "validation_source", [], "[LABEL=]KIND:ROOT of held-out videos, as for make_crops; repeatable."
)
_VIDEOS = flags.DEFINE_list("validation_videos", [], "Which of them, LABEL/VIDEO.")
_VALUES = flags.DEFINE_multi_string(
    "values", [], "SETTING=VALUE,...: what to try, in this order; repeatable."
)
_FAST = flags.DEFINE_bool(
    "fast", False, "Begin with one search image a frame instead of one of each scale."
)
_TRACKING = flags.DEFINE_string("tracking", None, "Preset to begin with; by default the model's.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    values = _settings()
    use_compilation_cache()
    from experiments.held_out import expect_one_size, held_out_tracks
    from experiments.tuning import WEIGHTS, Trial, tune
    from siamfc_jax.tracking.trackers import PRESETS

    if _TRACKING.value is not None and _TRACKING.value not in PRESETS:
        raise ValueError(f"--tracking: {_TRACKING.value!r} is none of {', '.join(PRESETS)}")
    tracks = held_out_tracks(_SOURCE.value, _VIDEOS.value, "--validation_source")
    expect_one_size(tracks)
    first: list[Trial] = []

    def show(trial: Trial) -> None:
        first.append(trial)
        pairs = [(score, first[0].scores[name]) for name, score in trial.scores.items()]
        better = sum(now > before for now, before in pairs)
        worse = sum(now < before for now, before in pairs)
        changes = ", ".join(f"{name} {value}" for name, value in trial.changes.items())
        print(f"{trial.mean:.4f}  +{better} -{worse}  {changes or 'as it is'}", flush=True)

    print(f"mean AUC of {len(tracks)} tracks; on how many better and worse than as it is")
    best = tune(
        _MODEL.value,
        tracks,
        values,
        Path(_OUT.value),
        tracking=PRESETS[_TRACKING.value] if _TRACKING.value else None,
        fast=_FAST.value,
        show=show,
    )
    print(f"best: {best.mean:.4f}; wrote {Path(_OUT.value) / WEIGHTS}")
    return 0


def _settings() -> dict[str, list[str]]:
    settings = {}
    for text in _VALUES.value:
        name, _, values = text.partition("=")
        if not values or name in settings:
            raise ValueError(f"--values: {text!r}; write each setting once, as SETTING=VALUE,...")
        settings[name] = values.split(",")
    return settings


if __name__ == "__main__":
    cli.run(main)
