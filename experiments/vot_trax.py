"""Run a model inside the VOT toolkit, or any other client of the TraX protocol.

Examples:
  python -m experiments.vot_trax --print_ini >> trackers.ini     # then: vot test siamfc-3s
  python -m experiments.vot_trax --model=FILE.safetensors --print_ini >> trackers.ini

The toolkit starts `python -m experiments.vot_trax --model=...` itself and talks to it through its
standard input and output. Needs `vot-trax` (pip install vot-trax) beside this project; the toolkit
may live in another environment.

vot-toolkit 0.8.0 to 0.9.0 cannot run supervised experiments (VOT2013 to VOT2019) on any
single-object tracker ("multiple objects were provided for initialization"); 0.7.4 can. It and
0.9.0 want attributee 0.1.9 (pip install attributee==0.1.9).

Exit codes: 0 the client said goodbye; 2 wrong input, or the client broke off.
"""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.compilation_cache import use_compilation_cache

_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Name of a model, or a weights file.")
_START = flags.DEFINE_enum(
    "start",
    "axis_aligned",
    ["axis_aligned", "same_area"],
    "Rectangle to start from where the ground truth is a polygon: around it, or of its area.",
)
_PRINT_INI = flags.DEFINE_bool("print_ini", False, "Print a section for trackers.ini.")
_NAME = flags.DEFINE_string("name", None, "Name of the section; by default the model's.")

# The first frame of each size compiles; on a slow machine that outlasts the toolkit's 30 seconds.
_TIMEOUT_SECONDS = 300


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    if _PRINT_INI.value:
        print(_ini_section())
        return
    if sys.stdin.isatty() and "TRAX_SOCKET" not in os.environ:
        raise ValueError("a TraX client must start this program, as `vot test` does; see --help")
    _serve()


def _ini_section() -> str:
    model = _MODEL.value
    if Path(model).exists():
        model = str(Path(model).absolute())
    else:
        _require_shipped(model)
    label = _NAME.value or Path(model).stem
    if not label.isprintable():
        raise ValueError("--name: is one line of text, the name of a tracker")
    command = [sys.executable, "-m", "experiments.vot_trax", f"--model={model}"]
    lines = [
        f"[{re.sub(r'[^A-Za-z0-9_-]', '-', label)}]",
        f"label = {label}",
        "protocol = trax",
        f"command = {shlex.join([*command, f'--start={_START.value}'])}",
        # The toolkit starts trackers in an empty folder.
        f"env_PYTHONPATH = {Path(__file__).parents[1]}",
        f"timeout = {_TIMEOUT_SECONDS}",
    ]
    return "\n".join(lines).replace("%", "%%")


def _require_shipped(model: str) -> None:
    from siamfc_jax import loading

    shipped = loading.shipped_models()
    if model not in shipped:
        raise ValueError(f"--model={model}: no such file; shipped are {', '.join(shipped)}")


def _serve() -> None:
    try:
        from siamfc_jax.harness.trax import serve
    except ImportError as error:
        raise ValueError(f"{error}, beside this project") from None
    from siamfc_jax import loading
    from siamfc_jax.evaluation import regions

    use_compilation_cache()
    tracker = loading.load(_MODEL.value)
    serve(tracker, Path(_MODEL.value).stem, getattr(regions, _START.value))


if __name__ == "__main__":
    cli.run(main)
