"""Writes synthetic clips: `python -m data_prep.synthetic --out=DIR --clips=100 --preset=hard`."""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from data_prep.synthetic.config import PRESETS
from data_prep.synthetic.writer import write_clips
from experiments import cli

_OUT = flags.DEFINE_string(
    "out", None, "Folder for the clip folders 0001, 0002, ...", required=True
)
_CLIPS = flags.DEFINE_integer("clips", 10, "Number of clips.", lower_bound=0)
_SEED = flags.DEFINE_integer("seed", 0, "Random seed of the whole set.", lower_bound=0)
_PRESET = flags.DEFINE_enum("preset", "hard", sorted(PRESETS), "What the clips contain.")


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    write_clips(Path(_OUT.value), PRESETS[_PRESET.value], _CLIPS.value, _SEED.value)


if __name__ == "__main__":
    cli.run(main)
