"""Injects faults into a small but real chain, from images to trained weights, and tells what came
of them: detected, survived, or silent.

    python -m experiments.fault_table

Exits with 1 if any was silent. Measured: 9 minutes, of which 7 of one core. All runs on the CPU
unless JAX_PLATFORMS says otherwise.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli

_OUT = flags.DEFINE_string("out", None, "Empty folder to work in, and to keep; by default none.")
_KILLS = flags.DEFINE_integer("kills", 20, "How often the trainer is killed.", lower_bound=1)
_FLIPS = flags.DEFINE_integer(
    "flips", 1000, "Bits that are flipped in shards, and as many in checkpoints.", lower_bound=1
)


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if not _OUT.value:
        with tempfile.TemporaryDirectory(prefix="siamfc_jax_faults_") as folder:
            return _run(Path(folder))
    out = Path(_OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise ValueError(f"{out}: is not empty; choose another --out")
    return _run(out)


def _run(folder: Path) -> int:
    # What the table needs takes seconds to import.
    from experiments.faults.chain import all_faults
    from experiments.faults.table import print_table

    root = folder.resolve()
    return 0 if print_table(all_faults(root, _KILLS.value, _FLIPS.value), root) else 1


if __name__ == "__main__":
    cli.run(main)
