"""Turn the weights of a run into a file to ship: half precision, with a model card inside.

    python -m experiments.package_weights --weights=runs/first/weights.safetensors \\
        --card=card.md --out=siamfc_jax/assets/siamfc-3s.safetensors
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from siamfc_jax.weights import describe, load_weights, save_weights

_WEIGHTS = flags.DEFINE_string("weights", None, "Weight file of a run.", required=True)
_CARD = flags.DEFINE_string(
    "card", None, "Text file: data, licence, command, scores.", required=True
)
_OUT = flags.DEFINE_string("out", None, "Weight file to write.", required=True)


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    file = load_weights(_WEIGHTS.value)
    card = Path(_CARD.value).read_text(encoding="utf-8")
    save_weights(_OUT.value, file.params, file.config, notes=card, dtype="float16")
    print(describe(_OUT.value))


if __name__ == "__main__":
    cli.run(main)
