"""Do a tracker's boxes change their aspect ratio where the target does? From results on disk.

    python -m experiments.eval_otb --otb=OTB100 --model=RPN=siamrpn.safetensors --model=siamfc-3s
    python -m experiments.aspect_ratios --otb=OTB100 --results=RPN=evaluated/OTB/RPN \\
        --results=SiamFC=evaluated/OTB/siamfc-3s --plot=aspect_ratios.png

Prints a table per tracker: how far the ratio of the truth and of its boxes varies, how they
correlate, and its error beside that of a box that keeps the first ratio. --plot draws the six
sequences whose true ratio changes most. Give one benchmark: --otb, --lasot or --got10k, as
experiments.eval_* take it, and one-pass results of any toolkit.

Exit codes: 0 done; 2 wrong input; 3 done, but a sequence has no result, and is named.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli

_FOLDERS = {
    "OTB": flags.DEFINE_string("otb", None, "Folder with OTB's sequences, or dataset JSON."),
    "LaSOT": flags.DEFINE_string("lasot", None, "LaSOT's data or annotation, or dataset JSON."),
    "GOT-10k": flags.DEFINE_string("got10k", None, "Folder of GOT-10k, or dataset JSON."),
}
_RESULTS = flags.DEFINE_multi_string("results", [], "Result files, PATH or NAME=PATH.")
_SEQUENCES = flags.DEFINE_list("sequences", [], "Only these.")
_PLOT = flags.DEFINE_string("plot", None, "PNG or SVG file to draw.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    from experiments.evaluation.aspect import print_aspect_ratios

    given = {name: flag.value for name, flag in _FOLDERS.items() if flag.value}
    if len(given) != 1:
        raise ValueError("give one benchmark: --otb=FOLDER, --lasot=FOLDER or --got10k=FOLDER")
    ((benchmark, where),) = given.items()
    return print_aspect_ratios(
        benchmark,
        Path(where),
        tuple(_RESULTS.value),
        sequences=tuple(_SEQUENCES.value),
        plot=Path(_PLOT.value) if _PLOT.value else None,
    )


if __name__ == "__main__":
    cli.run(main)
