"""Results of rectangle benchmarks, written as the toolkits write them.

`folder` is always the one above all trackers' files: OTB's and LaSOT's `results`, pysot's
`results/<DATASET>`, got10k's `results/OTB2015` and `results/GOT-10k`.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.durable import write_whole
from siamfc_jax.evaluation.formats.npz import write_npz
from siamfc_jax.evaluation.formats.otb_json import write_json
from siamfc_jax.evaluation.formats.otb_mat import write_mat
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.text_layouts import LAYOUTS, write_text
from siamfc_jax.evaluation.formats.text_rows import format_rows
from siamfc_jax.evaluation.runs import ResultError, Run
from siamfc_jax.evaluation.sequences import Sequence

FORMATS_OF_MANY_RUNS = ("otb-mat", "otb-json", "npz")
"""These hold TRE and SRE."""
FORMATS = (*LAYOUTS, *FORMATS_OF_MANY_RUNS)
"""got10k and npz hold repetitions, text formats one run."""


def write_results(
    folder: Path,
    tracker: str,
    sequences: Iterable[Sequence],
    runs: Mapping[str, tuple[Run, ...]],
    *,
    format: str,
    protocol: str = "OPE",
    full: bool = False,
) -> None:
    """Write all `runs` (sequence name -> runs), whose sequences are among `sequences`.

    Raises:
      ResultError, StorageError: as `write_sequence`.
    """
    by_name = {sequence.name: sequence for sequence in sequences}
    if format == "npz":
        write_whole(folder / f"{tracker}_{protocol}.npz", write_npz(by_name, runs))
        return
    for name, all_runs in runs.items():
        write_sequence(
            folder, tracker, by_name[name], all_runs, format=format, protocol=protocol, full=full
        )


def write_sequence(
    folder: Path,
    tracker: str,
    sequence: Sequence,
    runs: tuple[Run, ...],
    *,
    format: str,
    protocol: str = "OPE",
    full: bool = False,
) -> None:
    """Write the runs of one sequence in place of what was there, each file whole or not at all.

    Args:
      format: one of FORMATS, but not "npz", which holds all sequences in one file.
      protocol: "OPE", "TRE" or "SRE".
      full: numbers in full, also where the toolkit rounds (got10k's %.3f) but reads either.

    Raises:
      ResultError: an unknown format, or one without room for these runs.
      StorageError: a file cannot be written.
    """
    if format == "otb-mat":
        place = folder / f"results_{protocol}" / f"{sequence.name}_{tracker}.mat"
        write_whole(place, write_mat(sequence, runs, protocol))
    elif format == "otb-json":
        place = folder / protocol / tracker / f"{sequence.name}.json"
        write_whole(place, write_json(sequence, runs, protocol, tracker))
    elif format in LAYOUTS:
        write_text(folder, tracker, sequence.name, runs, LAYOUTS[format], full)
    else:
        raise ResultError(f"one sequence cannot be written as {format!r}; see {', '.join(FORMATS)}")


def write_submission(folder: Path, tracker: str, sequences: Iterable[Sequence]) -> Path:
    """Zip the tracker's files of format "got10k" as GOT-10k's server takes them.

    A box with a number that is not finite is replaced by the one before: such a number would make
    the server's mean one, too.

    Returns:
      `<folder>/<tracker>.zip`, with a folder per sequence at its top.

    Raises:
      ResultError: a sequence has no complete result.
      StorageError: the file cannot be written.
    """
    wanted = list(sequences)
    runs, problems = read_results(folder, wanted, format="got10k", tracker=tracker)
    if problems:
        raise ResultError(f"{len(problems)} of {len(wanted)}: {next(iter(problems.values()))}")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, own in runs.items():
            for number, run in enumerate(own, 1):
                rows = format_rows(_all_finite(run.boxes))
                archive.writestr(f"{name}/{name}_{number:03d}.txt", rows)
            times = folder / tracker / name / f"{name}_time.txt"
            if times.exists():
                archive.write(times, f"{name}/{times.name}")
    path = folder / f"{tracker}.zip"
    write_whole(path, content.getvalue())
    return path


def _all_finite(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    finite = np.isfinite(boxes).all(1)
    return boxes[np.maximum.accumulate(np.where(finite, np.arange(len(boxes)), 0))]
