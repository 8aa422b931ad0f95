"""Results of rectangle benchmarks (OTB, LaSOT, GOT-10k), read whatever toolkit wrote them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from siamfc_jax.evaluation.formats.completeness import check_rows, check_start, expected_starts
from siamfc_jax.evaluation.formats.names import Folder, naming, open_root
from siamfc_jax.evaluation.formats.readers import READERS, Reader
from siamfc_jax.evaluation.formats.text_layouts import LAYOUTS
from siamfc_jax.evaluation.formats.times import check_seconds
from siamfc_jax.evaluation.runs import ResultError, Results, Run, aligned, length
from siamfc_jax.evaluation.sequences import Sequence


def read_results(
    path: Path,
    sequences: Iterable[Sequence],
    *,
    format: str = "auto",
    protocol: str = "OPE",
    tracker: str | None = None,
) -> Results[Run]:
    """Read a tracker's runs on `sequences`.

    Args:
      path: a folder or zip file with one tracker's files, or with those of several, one of which
        `tracker` names; or an .npz file.
      sequences: whose runs are wanted. Of their truth only the length is used, and for TRE where
        segments begin.
      format: one of `writing.FORMATS`, or "auto": what most of the sequences have files of.
      protocol: "OPE" (with GOT-10k's repetitions), "TRE" or "SRE".

    Returns:
      The runs of every sequence that has all of them in full, with their boxes as in the files
      (longer ones stay longer; of a run over the whole folder of Tiger1, the frames that OTB omits
      are left out), and of every other sequence what is wrong.

    Raises:
      ResultError: no such folder, no file of any sequence, several trackers and none named.
    """
    wanted = list(sequences)
    reader = _open(path, wanted, format, protocol, tracker)
    trackers = frozenset[str]().union(*map(reader.trackers, wanted))
    if tracker is None and len(trackers) > 1:
        raise ResultError(f"{path}: results of {', '.join(sorted(trackers))}; name one tracker")
    runs, problems = {}, {}
    for sequence in wanted:
        try:
            if not reader.holds(sequence):
                raise ResultError(f"{path}: no file of {sequence.name}; run this sequence")
            runs[sequence.name] = _complete(reader, sequence, protocol)
        except ResultError as error:
            problems[sequence.name] = str(error)
    return Results(runs, problems)


def _complete(reader: Reader, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
    runs = reader.read(sequence, protocol)
    with naming(reader.where(sequence)):
        expected = expected_starts(sequence, protocol)
        if protocol != "OPE" and len(runs) != len(expected):
            raise ResultError(f"{len(runs)} runs, {protocol} has {len(expected)}; run it again")
        runs = tuple(aligned(run, sequence) for run in runs)
        for index, run in enumerate(runs):
            # All repetitions of OPE begin where the first does.
            check_start(run.start, expected[min(index, len(expected) - 1)])
            check_rows(len(run.boxes), run.start, length(sequence))
            if run.seconds is not None:
                check_seconds(run.seconds, len(run.boxes))
    return runs


def _open(
    path: Path, sequences: list[Sequence], format: str, protocol: str, tracker: str | None
) -> Reader:
    """The reader that finds files of most sequences; where a tracker is named, in folders of its
    name first."""
    kinds = _kinds(format)
    root = open_root(path)
    # OPE is the first of TRE's runs.
    protocols = ("OPE", "TRE") if protocol == "OPE" else (protocol,)
    places = (
        folders for one in protocols for folders in (_named(root, one, tracker), _plain(root, one))
    )
    for folders in places:
        readers = [READERS[kind][0](folder, tracker) for folder in folders for kind in kinds]
        held = [sum(map(reader.holds, sequences)) for reader in readers]
        if any(held):
            return readers[held.index(max(held))]
    names = ", ".join(READERS[kind][1] for kind in kinds)
    raise ResultError(
        f"{path}: no result file of any of these {len(sequences)} sequences; looked for {names}; "
        "give the tracker's folder, or the one above it and the tracker's name"
    )


def _kinds(format: str) -> list[str]:
    if format == "auto":
        return list(READERS)
    kind = "text" if format in LAYOUTS and not LAYOUTS[format].repeated else format
    if kind not in READERS:
        raise ResultError(
            f"format {format!r} is not one of auto, {', '.join((*LAYOUTS, *READERS))}"
        )
    return [kind]


def _named(root: Folder, protocol: str, tracker: str | None) -> Iterator[Folder]:
    if tracker is not None:
        yield root / tracker
        yield root / f"{tracker}_tracking_result"
        yield root / protocol / tracker
        yield root / f"{tracker}_{protocol}.npz"
        yield root / f"{tracker}.npz"


def _plain(root: Folder, protocol: str) -> Iterator[Folder]:
    yield root
    yield root / protocol
    yield root / f"results_{protocol}"
    yield root / f"results_{protocol}_CVPR13"
