"""How fast it is here, beside PyTorch in the same run.

    python -m experiments.benchmark                 # pip install '.[benchmark]' for the baseline
    python -m experiments.benchmark --rows=live,clip --seconds=20
    python -m experiments.benchmark --rows=live,train --untrained=all   # each network of the papers
    python -m experiments.benchmark --rows=live,batched --untrained=siamrpn,siamfc-resnet22
    python -m experiments.benchmark --rows=cold_start
    python -m experiments.benchmark --rows=train_batches,roofline --compute=bfloat16
    python -m experiments.benchmark --rows=input,end_to_end --data=SHARDS

Tracking: live, fast (live as experiments.track --fast), clip, batched (targets of one video),
sequences (videos at once), parts of the step, and cold_start of the program, each but the last in
every type of --compute, live and batched beside the time that nominal arithmetic and bytes take at
the device's measured peaks. Evaluation: evaluation, the sequences of --otb as experiments.eval_otb
runs them, beside experiments.track; otb_like, a whole evaluation from JPEG files on disk. Training:
train, steps that are waited for;
train_batches, steps one after another, with the batch on the device and copied to it; roofline, the
step and its parts beside the device's measured peaks; input, decoding of TFRecord shards alone;
end_to_end, training from them.

Rows of ours and of PyTorch take turns, so that a drift of the machine's speed meets both; the
ratio is the median of ours over the median of PyTorch's, of its faster way where it runs with and
without torch.compile. All ratios come once more in a table at the end.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.allocator import keep_freed_memory
from experiments.compilation_cache import use_compilation_cache
from experiments.speed.results import Result, format_results, read_results, write_results
from experiments.speed.row_names import TRACKING_ROWS, TRAINING_ROWS, split_rows

_ROWS = flags.DEFINE_list(
    "rows",
    ["live", "clip", "batched", "train"],
    f"Any of {', '.join(TRACKING_ROWS + TRAINING_ROWS)}.",
)
_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Shipped model or weight file.")
_UNTRAINED = flags.DEFINE_list(
    "untrained",
    [],
    "Random weights instead of --model: one or more --network of experiments.train, or all for "
    "those of the papers.",
)
_SECONDS = flags.DEFINE_float("seconds", 15.0, "Time for each measurement.", lower_bound=0.1)
_WIDTH = flags.DEFINE_integer("width", 640, "Width of the frames.")
_HEIGHT = flags.DEFINE_integer("height", 480, "Height of the frames.")
_TARGETS = flags.DEFINE_integer("targets", 0, "Targets in `batched`; 0: 4 on CPU, 64 elsewhere.")
_VIDEOS = flags.DEFINE_integer("videos", 0, "Videos in `sequences`; 0: 4 on CPU, 32 elsewhere.")
_SEARCH_SIZE = flags.DEFINE_integer(
    "search_size", 0, "Search image in training; 0: as released, 239 (SiamFC) or 255 (SiamRPN)."
)
_BATCH = flags.DEFINE_integer("batch", 8, "Pairs of a step of `train`.")
_BATCHES = flags.DEFINE_list(
    "batches",
    [],
    "Pairs of a step of `train_batches` and `end_to_end`, of which `roofline` and `input` take the "
    "largest; by default 8 on CPU; 8, 64, 256 and 512 elsewhere.",
)
_COMPUTE = flags.DEFINE_list(
    "compute",
    [],
    "Any of float32, tf32 (JAX's own way on GPUs), bfloat16; by default float32 on CPU, all "
    "elsewhere.",
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
_RESULTS = flags.DEFINE_string(
    "results", None, "Write the table at the end to this JSON file instead of printing it."
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
    from experiments.speed.settings import OF_PAPERS, BenchmarkSettings

    settings = BenchmarkSettings(
        rows=tuple(_ROWS.value),
        model=_MODEL.value,
        untrained=OF_PAPERS if _UNTRAINED.value == ["all"] else tuple(_UNTRAINED.value),
        seconds=_SECONDS.value,
        width=_WIDTH.value,
        height=_HEIGHT.value,
        targets=_TARGETS.value,
        videos=_VIDEOS.value,
        search_size=_SEARCH_SIZE.value,
        batch=_BATCH.value,
        batches=tuple(map(_pairs, _BATCHES.value)),
        compute=tuple(_COMPUTE.value),
        data=Path(_DATA.value) if _DATA.value else None,
        otb=Path(_OTB.value) if _OTB.value else None,
        frames=_FRAMES.value,
    )
    _show(benchmark(settings))
    return 0


def _each_in_a_process_of_its_own(*groups: Sequence[str]) -> int:
    results = []
    for rows in groups:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "results.json"
            command = [sys.executable, "-m", "experiments.benchmark", *sys.argv[1:]]
            own = [f"--rows={','.join(rows)}", f"--results={file}"]
            code = subprocess.run([*command, *own]).returncode
            if code:
                return code
            results += read_results(file)
    _show(results)
    return 0


def _show(results: Sequence[Result]) -> None:
    if _RESULTS.value:
        write_results(Path(_RESULTS.value), results)
    elif results:
        print(f"\n{format_results(results)}")


def _pairs(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"--batches: {text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    cli.run(main)
