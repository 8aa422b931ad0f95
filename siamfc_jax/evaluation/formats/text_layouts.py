"""Text results of rectangles: which file holds what, for each toolkit that writes and reads them.

All have one row `x,y,w,h` per frame, without a head, in the benchmark's numbers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from siamfc_jax.durable import write_whole
from siamfc_jax.evaluation.formats.repetitions import remove_beyond
from siamfc_jax.evaluation.formats.text_rows import format_rows
from siamfc_jax.evaluation.formats.times import columns_of
from siamfc_jax.evaluation.runs import ResultError, Run


class TextLayout(NamedTuple):
    """How a toolkit writes; all can be read without it.

    Attributes:
      folder: of the tracker's files, below the folder of all trackers.
      seconds: file of the times, one per row.
      separator: between the numbers of a row.
      number, time_number: printf formats that the toolkit writes, which round; None: in full.
      repeated: a folder per sequence with a file per repetition, and a column of times for each.
      renamed: sequences that the toolkit spells in its own way.
    """

    folder: str = "{tracker}"
    seconds: str = "{sequence}_time.txt"
    separator: str = ","
    number: str | None = None
    time_number: str | None = None
    repeated: bool = False
    renamed: Mapping[str, str] = {}


# got10k/datasets/otb.py
_GOT10K_NAMES = {
    "Human4-2": "Human4",
    "Jogging-1": "Jogging.1",
    "Jogging-2": "Jogging.2",
    "Skating2-1": "Skating2.1",
    "Skating2-2": "Skating2.2",
}

LAYOUTS: dict[str, TextLayout] = {
    "otb-text": TextLayout(),
    "pytracking": TextLayout(separator="\t"),
    "pysot": TextLayout(),
    "lasot": TextLayout("{tracker}_tracking_result"),
    "got10k-otb": TextLayout(
        seconds="times/{sequence}_time.txt", number="%.3f", time_number="%.8f",
        renamed=_GOT10K_NAMES,
    ),
    "got10k": TextLayout(number="%.3f", time_number="%.8f", repeated=True),
}  # fmt: skip
"""pysot writes its GOT-10k results as `got10k`."""


def write_text(
    folder: Path,
    tracker: str,
    sequence: str,
    runs: tuple[Run, ...],
    layout: TextLayout,
    full: bool,
) -> None:
    """Write the runs of one sequence, which replace what was there of it; `full`: never rounded.

    Raises:
      ResultError: several runs, or one from a later frame, in a layout without room for them.
      StorageError: a file cannot be written.
    """
    if any(run.start for run in runs) or not runs or (len(runs) > 1 and not layout.repeated):
        raise ResultError(
            f"{sequence}: this format holds one run from the first frame; write TRE and SRE as "
            "'otb-mat', 'otb-json' or 'npz'"
        )
    name = layout.renamed.get(sequence, sequence)
    place = folder / layout.folder.format(tracker=tracker)
    if layout.repeated:
        place /= name
        remove_beyond(place, name, ".txt", len(runs))
    # Times go first: where there are boxes, there are their times.
    times = place / layout.seconds.format(sequence=name)
    if any(run.seconds is not None for run in runs):
        write_whole(
            times,
            format_rows(
                columns_of([run.seconds for run in runs]), ",", None if full else layout.time_number
            ),
        )
    else:
        times.unlink(missing_ok=True)
    for repetition, run in enumerate(runs, 1):
        file = place / (f"{name}_{repetition:03d}.txt" if layout.repeated else f"{name}.txt")
        write_whole(file, format_rows(run.boxes, layout.separator, None if full else layout.number))
