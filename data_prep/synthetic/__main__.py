"""Writes synthetic clips: `python -m data_prep.synthetic --out=DIR --clips=100 --preset=hard`."""

import sys
from pathlib import Path

from absl import app, flags

from data_prep.synthetic.config import PRESETS
from data_prep.synthetic.writer import write_clips

_OUT = flags.DEFINE_string(
    "out", None, "Folder for the clip folders 0001, 0002, ...", required=True
)
_CLIPS = flags.DEFINE_integer("clips", 10, "Number of clips.", lower_bound=0)
_SEED = flags.DEFINE_integer("seed", 0, "Random seed of the whole set.", lower_bound=0)
_PRESET = flags.DEFINE_enum("preset", "hard", sorted(PRESETS), "What the clips contain.")


def main(_: list[str]) -> None:
    try:
        write_clips(Path(_OUT.value), PRESETS[_PRESET.value], _CLIPS.value, _SEED.value)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    app.run(main)
