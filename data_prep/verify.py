"""Tells what sources hold and what is wrong with them, before hours are spent on crops.

    python -m data_prep.verify --source=imagenet_vid:ILSVRC2015 --source=own=videos:CLIPS

Exit code 0 without problems, 3 with some, 2 when a source cannot be read at all.
"""

from collections.abc import Sequence

from absl import flags

from data_prep.checks.curation import CURATIONS
from data_prep.sources import SOURCES, parse_sources
from data_prep.storage.processes import usable_cores
from experiments import cli

_SOURCES = flags.DEFINE_multi_string(
    "source", [], f"KIND:ROOT or LABEL=KIND:ROOT; repeat. Kinds: {', '.join(SOURCES)}."
)
_CURATION = flags.DEFINE_enum("curation", "v2", list(CURATIONS), "Which boxes are dropped.")
_DECODE = flags.DEFINE_enum(
    "decode", "ends", ["ends", "all"], "Headers of a track's first, middle, last frame; or all."
)


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    from data_prep.checks.verification import Decode, format_verification, verify

    decode: Decode = "all" if _DECODE.value == "all" else "ends"
    problems = 0
    for spec in parse_sources(_SOURCES.value):
        result = verify(spec, CURATIONS[_CURATION.value], decode=decode)
        print(format_verification(result, usable_cores()), flush=True)
        problems += result.report.counts.total()
    return cli.EXIT_BROKE_OFF if problems else 0


if __name__ == "__main__":
    cli.run(main)
