"""Calibrates a model's confidence on held-out videos, and chooses when a target counts as lost.

    python -m experiments.calibrate --model=runs/tuned/weights.safetensors --out=runs/calibrated \\
        --validation_source=davis=box_folders:DATA/davis --validation_videos=davis/dog,davis/goat

Follows each video there and back from several starts, so that the tracker fails, too, and fits the
probability that its box overlaps the target with an IoU of .5 or more. What is printed is judged on
videos that were left out of the fit, but for the calibration that the model came with, if any.
OUT/weights.safetensors is the model with confidence and threshold inside, OUT/reliability.png the
diagram; the same command goes on where it was stopped. Calibrate after tuning: the scores depend on
the settings, and so with --fast, whose model then tracks so wherever it is loaded.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.compilation_cache import use_compilation_cache

_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Shipped model or weight file.")
_OUT = flags.DEFINE_string("out", None, "Folder for runs, diagram and model.", required=True)
_SOURCE = flags.DEFINE_multi_string(
    "validation_source", [], "[LABEL=]KIND:ROOT of held-out videos, as for make_crops; repeatable."
)
_FAST = flags.DEFINE_bool(
    "fast", False, "With one search image a frame instead of one of each scale."
)
_VIDEOS = flags.DEFINE_list("validation_videos", [], "Which of them, LABEL/VIDEO; two at least.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    use_compilation_cache()
    from experiments.calibrating import calibrate
    from experiments.held_out import held_out_tracks

    tracks = held_out_tracks(_SOURCE.value, _VIDEOS.value, "--validation_source")
    print(calibrate(_MODEL.value, tracks, Path(_OUT.value), fast=_FAST.value))
    return 0


if __name__ == "__main__":
    cli.run(main)
