"""Writes clips with exact boxes, of an invented world or of real objects over real photographs.

    python -m data_prep.synthetic --out=DIR --clips=100 --preset=hard
    python -m data_prep.synthetic --out=DIR --clips=1000 --preset=composite --every=8 \\
        --cutouts=DAVIS,STILLS --backgrounds=PHOTOGRAPHS

The layout is that of the source box_folders. A folder of --cutouts holds masked pictures:
`VIDEO/mask/NAME.png` is the mask of `VIDEO/NAME.jpg`, all of them one object; `masks/NAME.png` that
of the single picture `images/NAME.jpg`. The same command goes on after an interruption.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from data_prep.storage.processes import usable_cores
from data_prep.synthetic.casting import PAINTED
from data_prep.synthetic.config import PRESETS
from data_prep.synthetic.cutouts import read_cast
from data_prep.synthetic.writer import ClipSet, write_clips
from experiments import cli

_OUT = flags.DEFINE_string(
    "out", None, "Folder for the clip folders 0001, 0002, ...", required=True
)
_CLIPS = flags.DEFINE_integer("clips", 10, "Number of clips.", lower_bound=0)
_SEED = flags.DEFINE_integer("seed", 0, "Random seed of the whole set.", lower_bound=0)
_PRESET = flags.DEFINE_enum("preset", "hard", sorted(PRESETS), "What the clips contain.")
_EVERY = flags.DEFINE_integer("every", 1, "Write only one of so many frames.", lower_bound=1)
_CUTOUTS = flags.DEFINE_list("cutouts", [], "Folders of pictures with masks of real objects.")
_BACKGROUNDS = flags.DEFINE_list("backgrounds", [], "Folders of photographs behind --cutouts.")
_LEFT_OUT = flags.DEFINE_list("left_out", [], "Videos of --cutouts not to use: those held out.")
_WORKERS = flags.DEFINE_integer(
    "workers", usable_cores(), "Processes; 0 renders in this one.", lower_bound=0
)


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    if bool(_CUTOUTS.value) != bool(_BACKGROUNDS.value):
        raise ValueError("--cutouts and --backgrounds go together; give both or neither")
    cast, source = PAINTED, ""
    if _CUTOUTS.value:
        cutouts, backgrounds = (
            [Path(text).expanduser() for text in flag.value] for flag in (_CUTOUTS, _BACKGROUNDS)
        )
        cast = read_cast(cutouts, backgrounds, _LEFT_OUT.value)
        names = [",".join(flag.value) for flag in (_CUTOUTS, _BACKGROUNDS, _LEFT_OUT)]
        source = "cut-outs of {}, over {}, without {}".format(*names)
    clips = ClipSet(PRESETS[_PRESET.value], _CLIPS.value, _SEED.value, cast, _EVERY.value, source)
    write_clips(Path(_OUT.value), clips, workers=_WORKERS.value)


if __name__ == "__main__":
    cli.run(main)
