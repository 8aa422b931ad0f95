"""Results of a VOT experiment, as all its toolkits lay them out:

`<tracker>/<experiment>/<sequence>/<sequence>_001.txt` (or `.bin`), `_002`, ... per repetition, and
the times in `<sequence>_time.txt`, one column per repetition, or in `<sequence>_001_time.value`.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.durable import write_whole
from siamfc_jax.evaluation.formats import vot_binary, vot_text
from siamfc_jax.evaluation.formats.completeness import check_rows
from siamfc_jax.evaluation.formats.names import (
    Folder,
    Listing,
    content,
    entries,
    naming,
    open_root,
)
from siamfc_jax.evaluation.formats.repetitions import numbered_files, remove_beyond
from siamfc_jax.evaluation.formats.text_rows import format_rows, parse_column
from siamfc_jax.evaluation.formats.times import check_seconds, column_of, columns_of, read_times
from siamfc_jax.evaluation.runs import ResultError, Results, VotRun
from siamfc_jax.evaluation.sequences import VotSequence

# What a folder is called that belongs to one experiment.
_EXPERIMENTS = ("baseline", "region_noise", "grayscale", "unsupervised", "realtime", "longterm")

_PARSERS = {".txt": vot_text.parse_trajectory, ".bin": vot_binary.parse_trajectory}


def read_vot_results(
    path: Path,
    sequences: Iterable[VotSequence],
    *,
    experiment: str = "baseline",
    tracker: str | None = None,
    unnamed: bool = True,
) -> Results[VotRun]:
    """Read a tracker's repetitions of an experiment; text is preferred to binary, as VOT does.

    Args:
      path: folder (or zip file) of the experiment, of the tracker, or of several trackers, one of
        which `tracker` names.
      sequences: whose runs are wanted; of their truth only the length is used.
      unnamed: a folder that is called after no experiment may hold this one's files.

    Returns:
      All repetitions of every sequence whose files are whole, and what is wrong with the others.

    Raises:
      ResultError: no such folder, or no file of any sequence in it.
    """
    wanted = list(sequences)
    listing = _open(path, wanted, experiment, tracker, unnamed)
    runs, problems = {}, {}
    for sequence in wanted:
        try:
            runs[sequence.name] = _read(listing, sequence)
        except ResultError as error:
            problems[sequence.name] = str(error)
    return Results(runs, problems)


def write_vot_sequence(
    folder: Path,
    tracker: str,
    sequence: str,
    runs: tuple[VotRun, ...],
    *,
    experiment: str = "baseline",
    binary: bool = False,
    full: bool = False,
) -> None:
    """Write the repetitions of one sequence in place of what was there, each file whole or not.

    Args:
      folder: above all trackers' folders: VOT's and pysot's `results/<VOT20xx>`.
      binary: the Python toolkit's format, rounded to float32; else text.
      full: coordinates in full instead of "%.4f", which all toolkits read, too. Times always are.

    Raises:
      StorageError: a file cannot be written.
    """
    place = folder / tracker / experiment / sequence
    kept, stale = (".bin", ".txt") if binary else (".txt", ".bin")
    remove_beyond(place, sequence, stale, 0)
    remove_beyond(place, sequence, kept, len(runs))
    # Times go first: where there are regions, there are their times.
    _write_times(place, sequence, runs, binary)
    for number, run in enumerate(runs, 1):
        if binary:
            data = vot_binary.format_trajectory(run.regions)
        else:
            data = vot_text.format_trajectory(run.regions, full=full)
        write_whole(place / f"{sequence}_{number:03d}{kept}", data)


def _open(
    path: Path, sequences: list[VotSequence], experiment: str, tracker: str | None, unnamed: bool
) -> Listing:
    root = open_root(path)
    places = [root / experiment]
    called = path.absolute().name
    if called == experiment or (unnamed and called not in _EXPERIMENTS):
        places.append(root)
    if tracker is not None:
        places.insert(0, root / tracker / experiment)
    for place in places:
        listing = Listing(place)
        if any(_folder(listing, sequence) is not None for sequence in sequences):
            return listing
    raise ResultError(
        f"{path}: no result file of any of these {len(sequences)} sequences; looked for "
        f"{experiment}/<sequence>/<sequence>_001.txt and .bin; give the tracker's folder, or the "
        "one above it and the tracker's name"
    )


def _folder(listing: Listing, sequence: VotSequence) -> Folder | None:
    """The folder of a sequence, if it has any trajectory."""
    folder = listing.find(sequence.name)
    if folder is None:
        return None
    return folder if any(file.name.endswith(tuple(_PARSERS)) for file in entries(folder)) else None


def _read(listing: Listing, sequence: VotSequence) -> tuple[VotRun, ...]:
    folder = _folder(listing, sequence)
    if folder is None:
        raise ResultError(f"{listing.folder}: no file of {sequence.name}; run this sequence")
    files = Listing(folder)
    suffix = next((s for s in _PARSERS if files.find(f"{sequence.name}_001", s)), ".txt")
    runs = []
    for index, file in enumerate(numbered_files(files, sequence.name, suffix)):
        with naming(file):
            regions = _PARSERS[suffix](content(file))
            check_rows(len(regions), 0, len(sequence.truth))
        runs.append(VotRun(regions, _seconds(files, sequence.name, index, len(regions))))
    return tuple(runs)


def _seconds(
    files: Listing, sequence: str, repetition: int, rows: int
) -> NDArray[np.float64] | None:
    table = files.find(sequence, "_time.txt")
    if table is not None:
        return column_of(read_times(table, rows), repetition)
    column = files.find(f"{sequence}_{repetition + 1:03d}", "_time.value")
    if column is None:
        return None
    with naming(column):
        return check_seconds(parse_column(content(column)), rows)


def _write_times(place: Path, sequence: str, runs: tuple[VotRun, ...], binary: bool) -> None:
    remove_beyond(place, sequence, "_time.value", 0)
    table = place / f"{sequence}_time.txt"
    if binary or all(run.seconds is None for run in runs):
        table.unlink(missing_ok=True)
    else:
        write_whole(table, format_rows(columns_of([run.seconds for run in runs])))
    for number, run in enumerate(runs if binary else (), 1):
        if run.seconds is not None:
            file = place / f"{sequence}_{number:03d}_time.value"
            write_whole(file, format_rows(run.seconds[:, None]))
