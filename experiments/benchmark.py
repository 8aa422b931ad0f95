"""How fast it is here, beside PyTorch in the same run.

    python -m experiments.benchmark                 # pip install '.[benchmark]' for the baseline
    python -m experiments.benchmark --rows=live,clip --seconds=20
    python -m experiments.benchmark --rows=cold_start

Rows of ours and of PyTorch take turns, so that a drift of the machine's speed meets both; the
ratio is the median of ours over the median of PyTorch's.
"""

from collections.abc import Sequence

from absl import flags

from experiments import cli

_ROWS = flags.DEFINE_list(
    "rows", ["live", "clip", "batched", "train"], "Any of live, clip, batched, train, cold_start."
)
_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Shipped model or weight file.")
_SECONDS = flags.DEFINE_float("seconds", 15.0, "Time for each row.")
_WIDTH = flags.DEFINE_integer("width", 640, "Width of the frames.")
_HEIGHT = flags.DEFINE_integer("height", 480, "Height of the frames.")
_TARGETS = flags.DEFINE_integer("targets", 0, "Targets in `batched`; 0: 4 on CPU, 64 elsewhere.")
_SEARCH_SIZE = flags.DEFINE_integer("search_size", 239, "Search image of `train`.")
_BATCH = flags.DEFINE_integer("batch", 8, "Pairs of a step of `train`.")


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    from experiments.speed import BenchmarkSettings, benchmark

    settings = BenchmarkSettings(
        rows=tuple(_ROWS.value),
        model=_MODEL.value,
        seconds=_SECONDS.value,
        width=_WIDTH.value,
        height=_HEIGHT.value,
        targets=_TARGETS.value,
        search_size=_SEARCH_SIZE.value,
        batch=_BATCH.value,
    )
    benchmark(settings)


if __name__ == "__main__":
    cli.run(main)
