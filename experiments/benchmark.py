"""How fast it is here, beside PyTorch in the same run.

    python -m experiments.benchmark                 # pip install '.[benchmark]' for the baseline
    python -m experiments.benchmark --rows=live,clip --seconds=20
    python -m experiments.benchmark --rows=live,batched --untrained=siamrpn
    python -m experiments.benchmark --rows=cold_start
    python -m experiments.benchmark --rows=train_batches,roofline --compute=bfloat16
    python -m experiments.benchmark --rows=input,end_to_end --data=SHARDS

Tracking: live, clip, batched, and cold_start of the program. Evaluation: evaluation, the sequences
of --otb as experiments.eval_otb runs them, beside experiments.track; otb_like, a whole evaluation
from JPEG files on disk. Training: train, steps that are waited for; train_batches, steps one after
another, with the batch on the device and copied to it; roofline, the step and its parts beside the
device's measured peaks; input, decoding of TFRecord shards alone; end_to_end, training from them.

Rows of ours and of PyTorch take turns, so that a drift of the machine's speed meets both; the
ratio is the median of ours over the median of PyTorch's.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.allocator import keep_freed_memory
from experiments.compilation_cache import use_compilation_cache
from experiments.speed.row_names import TRACKING_ROWS, TRAINING_ROWS, split_rows

_ROWS = flags.DEFINE_list(
    "rows",
    ["live", "clip", "batched", "train"],
    f"Any of {', '.join(TRACKING_ROWS + TRAINING_ROWS)}.",
)
_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Shipped model or weight file.")
_UNTRAINED = flags.DEFINE_string(
    "untrained", None, "Random weights instead of --model: a --network of experiments.train."
)
_SECONDS = flags.DEFINE_float("seconds", 15.0, "Time for each measurement.", lower_bound=0.1)
_WIDTH = flags.DEFINE_integer("width", 640, "Width of the frames.")
_HEIGHT = flags.DEFINE_integer("height", 480, "Height of the frames.")
_TARGETS = flags.DEFINE_integer("targets", 0, "Targets in `batched`; 0: 4 on CPU, 64 elsewhere.")
_SEARCH_SIZE = flags.DEFINE_integer("search_size", 239, "Search image in training.")
_BATCH = flags.DEFINE_integer("batch", 8, "Pairs of a step of `train`.")
_BATCHES = flags.DEFINE_list(
    "batches",
    [],
    "Pairs of a step of `train_batches` and `end_to_end`, of which `roofline` and `input` take the "
    "largest; by default 8 on CPU; 8, 64, 256 and 512 elsewhere.",
)
_COMPUTE = flags.DEFINE_list(
    "compute", [], "float32, bfloat16 or both; by default float32 on CPU, both elsewhere."
)
_DATA = flags.DEFINE_string(
    "data", None, "Folder of shards for `input` and `end_to_end`; by default synthetic ones."
)

_OTB = flags.DEFINE_string(
    "otb", None, "OTB's folder for `evaluation` and `otb_like`; by default rendered frames."
)
_FRAMES = flags.DEFINE_integer(
    "frames", 0, "Rendered frames; 0: 600 on CPU, 59 000 elsewhere.", lower_bound=0
)


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    tracking, training = split_rows(_ROWS.value)
    if tracking and training:
        return _each_in_a_process_of_its_own(tracking, training)
    if training:
        # As experiments.train does, but experiments.track does not.
        keep_freed_memory()
    use_compilation_cache()
    from experiments.speed.rows import benchmark
    from experiments.speed.settings import BenchmarkSettings

    settings = BenchmarkSettings(
        rows=tuple(_ROWS.value),
        model=_MODEL.value,
        network=_UNTRAINED.value,
        seconds=_SECONDS.value,
        width=_WIDTH.value,
        height=_HEIGHT.value,
        targets=_TARGETS.value,
        search_size=_SEARCH_SIZE.value,
        batch=_BATCH.value,
        batches=tuple(map(_pairs, _BATCHES.value)),
        compute=tuple(_COMPUTE.value),
        data=Path(_DATA.value) if _DATA.value else None,
        otb=Path(_OTB.value) if _OTB.value else None,
        frames=_FRAMES.value,
    )
    benchmark(settings)
    return 0


def _each_in_a_process_of_its_own(*groups: Sequence[str]) -> int:
    for rows in groups:
        command = [sys.executable, "-m", "experiments.benchmark", *sys.argv[1:]]
        code = subprocess.run([*command, f"--rows={','.join(rows)}"]).returncode
        if code:
            return code
    return 0


def _pairs(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"--batches: {text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    cli.run(main)
