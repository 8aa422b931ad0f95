"""Cuts the crops that training pairs are made of, once for each dataset.

    python -m data_prep.make_crops --source=imagenet_vid:ILSVRC2015 --out=CROPS

Give several sources as --source=LABEL=KIND:ROOT. The same command goes on after an interruption.
--verify looks at the sources only, as data_prep.verify does.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from data_prep.checks.curation import CURATIONS
from data_prep.sources import parse_sources
from data_prep.storage.processes import usable_cores
from experiments import cli

_SOURCE = flags.DEFINE_multi_string(
    "source", [], "KIND:ROOT or LABEL=KIND:ROOT; repeat it for several."
)
_OUT = flags.DEFINE_string("out", None, "Folder for the crops.")
_CURATION = flags.DEFINE_enum("curation", "v2", sorted(CURATIONS), "Which boxes are left out.")
_WORKERS = flags.DEFINE_integer(
    "workers", usable_cores(), "Processes; 0 cuts in this one.", lower_bound=0
)
_EXEMPLAR_ROOM = flags.DEFINE_integer("exemplar_room", 143, "Side of stored exemplars in pixels.")
_SEARCH_ROOM = flags.DEFINE_integer("search_room", 287, "Side of stored search images in pixels.")
_QUALITY = flags.DEFINE_integer("quality", 90, "JPEG quality.")
_MAX_UNREADABLE = flags.DEFINE_float(
    "max_unreadable", 0.01, "Share of boxes that may be left out with their broken images.", 0, 1
)
_FORCE = flags.DEFINE_bool("force", False, "Begin even if the disk seems too small.")
_VERIFY = flags.DEFINE_bool("verify", False, "Only look at the sources.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    from data_prep.checks.verification import format_verification, verify
    from data_prep.crops.settings import CropSettings
    from data_prep.crops.stage import CropRequest, make_crops

    sources = parse_sources(_SOURCE.value)
    curation = CURATIONS[_CURATION.value]
    if _VERIFY.value:
        results = [verify(spec, curation, decode="ends") for spec in sources]
        print(*(format_verification(result, _WORKERS.value) for result in results), sep="\n")
        return cli.EXIT_BROKE_OFF if any(result.report.counts for result in results) else 0
    if not _OUT.value:
        raise ValueError("where to? Give --out=FOLDER")
    settings = CropSettings(_EXEMPLAR_ROOM.value, _SEARCH_ROOM.value, _QUALITY.value)
    make_crops(
        CropRequest(
            sources=sources,
            out=Path(_OUT.value).resolve(),
            curation=curation,
            settings=settings,
            workers=_WORKERS.value,
            max_unreadable=_MAX_UNREADABLE.value,
            force=_FORCE.value,
        )
    )
    return 0


if __name__ == "__main__":
    cli.run(main)
