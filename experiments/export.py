r"""Write a tracker for other runtimes, or its weights for PyTorch.

  python -m experiments.export --format=stablehlo              the shipped model, into exported/
  python -m experiments.export --format=onnx --model=mine.safetensors --out=for_tensorrt
  python -m experiments.export --format=torch --out=siamfc_torch.safetensors
  python -m experiments.export --format=onnx --measure         and its speed beside ours

stablehlo and onnx write two functions, init and step, into the folder --out, and a JSON file with
their inputs, outputs and conventions. They hold the weights and all of tracking, from the uint8
frame to the box, for any number of targets and frames of any size. experiments/examples has two
programs that run them without this package. torch writes a state dict, which
`safetensors.torch.load_file` opens and data_prep.import_weights takes back.

Exit codes: 0 done; 2 wrong input, or it cannot be written.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli

_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Name of a model, or a weights file.")
_FORMAT = flags.DEFINE_enum(
    "format", None, ["stablehlo", "onnx", "torch"], "What to write.", required=True
)
_OUT = flags.DEFINE_string(
    "out", None, "Folder for the results, exported if not given; for torch a .safetensors file."
)
_FOLDED = flags.DEFINE_bool("folded", False, "torch: absorb the batch norms, for inference.")
_FAST = flags.DEFINE_bool(
    "fast", False, "stablehlo, onnx: one search image a frame instead of one of each scale."
)
_MEASURE = flags.DEFINE_bool(
    "measure", False, "stablehlo, onnx: track the demo clip with it and with ours, frame by frame."
)


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    tracks = _FORMAT.value != "torch"
    if _FOLDED.value and tracks:
        raise ValueError("--folded is for --format=torch; the other formats always are")
    for flag, given in (("--measure", _MEASURE.value), ("--fast", _FAST.value)):
        if given and not tracks:
            raise ValueError(f"{flag} is for formats that track, stablehlo and onnx")
    # Importing JAX takes seconds: only now is it sure to be worth it.
    paths = _write_functions() if tracks else [_write_weights()]
    for path in paths:
        print(f"wrote {path}, {path.stat().st_size / 1e6:.2f} MB")
    if _MEASURE.value:
        from experiments.speed.exports import compare

        print(compare(_FORMAT.value, paths[-1], _MODEL.value, _FAST.value))


def _write_functions() -> list[Path]:
    from siamfc_jax.export.artefacts import read_source
    from siamfc_jax.export.onnx_files import write_onnx
    from siamfc_jax.export.stablehlo import write_stablehlo

    write = write_onnx if _FORMAT.value == "onnx" else write_stablehlo
    return write(read_source(_MODEL.value, _FAST.value), _OUT.value or "exported")


def _write_weights() -> Path:
    from siamfc_jax.export.torch_files import write_torch

    default = f"exported/{Path(_MODEL.value).stem}_torch.safetensors"
    return write_torch(_MODEL.value, _OUT.value or default, folded=_FOLDED.value)


if __name__ == "__main__":
    cli.run(main)
