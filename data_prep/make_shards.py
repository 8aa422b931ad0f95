"""Draws training pairs from crops and writes them as TFRecord shards.

    python -m data_prep.make_shards --crops=CROPS --out=SHARDS --name=vid --pairs=50000

The same command goes on after an interruption. --verify checks a finished dataset, every byte of
it, and exits with 3 when something is wrong. Options of Apache Beam follow a `--`:

    python -m data_prep.make_shards ... --runner=beam -- --runner=FlinkRunner --flink_master=...
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from absl import flags

from data_prep.storage.processes import usable_cores
from experiments import cli

_CROPS = flags.DEFINE_string("crops", None, "Folder that make_crops filled.")
_OUT = flags.DEFINE_string("out", None, "Folder for the dataset.")
_NAME = flags.DEFINE_string("name", "pairs", "Name of the dataset; its files begin with it.")
_PAIRS = flags.DEFINE_integer("pairs", 50_000, "Training pairs.")
_VALIDATION_PAIRS = flags.DEFINE_integer("validation_pairs", 2_000, "Validation pairs, or 0.")
_VALIDATION = flags.DEFINE_float(
    "validation", 0.05, "Share of the videos that are held out for validation.", 0, 1
)
_VALIDATION_VIDEOS = flags.DEFINE_list(
    "validation_videos", [], "Names of the held-out videos, LABEL/VIDEO, instead of a share."
)
_PERCENT = flags.DEFINE_float(
    "percent_of_videos", 100.0, "Per cent of the other videos to train on.", 0, 100
)
_MAX_GAP = flags.DEFINE_integer("max_gap", 100, "Most frames between the two crops of a pair (T).")
_GAPS = flags.DEFINE_list("gaps", [], "LABEL:frames, --max_gap of single sources.")
_NEGATIVES = flags.DEFINE_float(
    "negatives", 0.0, "Share of pairs of different videos (v1 paper: .25; v2: none).", 0, 1
)
_TRACK_WEIGHT = flags.DEFINE_enum(
    "track_weight",
    "sqrt",
    ["sqrt", "uniform", "length"],
    "How a track's length decides how often it is drawn.",
)
_MIX = flags.DEFINE_list("mix", [], "LABEL:share of each source, instead of by its tracks.")
_SHARDS = flags.DEFINE_integer("shards", None, "Shards of each split; default: of about 128 MB.")
_SEED = flags.DEFINE_integer("seed", 0, "Random seed of the pairs.")
_WORKERS = flags.DEFINE_integer(
    "workers", usable_cores(), "Processes; 0 writes in this one.", lower_bound=0
)
_RUNNER = flags.DEFINE_enum("runner", "local", ["local", "beam"], "Processes here, or Apache Beam.")
_FORCE = flags.DEFINE_bool("force", False, "Begin even if the disk seems too small.")
_VERIFY = flags.DEFINE_bool("verify", False, "Check the finished dataset in --out.")


def main(args: Sequence[str]) -> int:
    from data_prep.shards.check import check_shards
    from data_prep.shards.plan import SplitSettings
    from data_prep.shards.request import ShardRequest
    from data_prep.shards.sampling import PairSettings
    from data_prep.shards.stage import make_shards

    if not _OUT.value:
        raise ValueError("which dataset? Give --out=FOLDER")
    out = Path(_OUT.value).resolve()
    if _RUNNER.value != "beam":
        cli.expect_no_arguments(args)
    if _VERIFY.value:
        return cli.EXIT_BROKE_OFF if check_shards(out, workers=_WORKERS.value) else 0
    if not _CROPS.value:
        raise ValueError("pairs of which crops? Give --crops=FOLDER")
    make_shards(
        ShardRequest(
            crops=Path(_CROPS.value).resolve(),
            out=out,
            name=_NAME.value,
            pairs=_PAIRS.value,
            validation_pairs=_VALIDATION_PAIRS.value if _VALIDATION.value else 0,
            split=SplitSettings(
                validation=_VALIDATION.value,
                validation_videos=tuple(_VALIDATION_VIDEOS.value),
                percent_of_videos=_PERCENT.value,
                track_weight=cast(Any, _TRACK_WEIGHT.value),
                mix=cli.by_label(_MIX, float, "share", "vid:0.8"),
            ),
            draw=PairSettings(
                _MAX_GAP.value,
                _NEGATIVES.value,
                _SEED.value,
                cli.by_label(_GAPS, int, "frames", "ytbb:30"),
            ),
            shards=_SHARDS.value,
            workers=_WORKERS.value,
            runner=cast(Any, _RUNNER.value),
            beam_options=args,
            force=_FORCE.value,
        )
    )
    return 0


if __name__ == "__main__":
    cli.run(main)
