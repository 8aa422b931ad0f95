"""Success AUC and precision of a tracker on OTB (one-pass evaluation).

    python -m experiments.eval_otb --otb=OTB100 --model=siamfc-3s
    python -m experiments.eval_otb --otb=OTB100 --model=imported.safetensors \\
        --tracking=siamfc-3s-release --sequences=Couple,Crossing

The table has a line for each target, with the no-motion baseline (the first box for ever) beside
the tracker and, with --published=FILE.npz, published raw results.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.compilation_cache import use_compilation_cache

_OTB = flags.DEFINE_string("otb", None, "Folder with OTB's sequences.", required=True)
_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Shipped model or weight file.")
_TRACKING = flags.DEFINE_string(
    "tracking", None, "Preset that replaces the weight file's settings, e.g. siamfc-3s-release."
)
_SEQUENCES = flags.DEFINE_list("sequences", None, "Only these targets.")
_PUBLISHED = flags.DEFINE_string(
    "published", None, "Raw results to compare with: .npz with <sequence>/00/<start frame>."
)
_OUT = flags.DEFINE_string("out", None, "Folder for the boxes, <target>.txt, counted from 1.")


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    from experiments.otb_table import evaluate_otb

    use_compilation_cache()
    evaluate_otb(
        Path(_OTB.value),
        _MODEL.value,
        preset=_TRACKING.value,
        only=_SEQUENCES.value,
        published=Path(_PUBLISHED.value) if _PUBLISHED.value else None,
        out=Path(_OUT.value) if _OUT.value else None,
    )


if __name__ == "__main__":
    cli.run(main)
