"""Published raw results in the containers that the tests and `published_scores` check against.

They hold other people's results and annotation and are no part of the project; README.md beside
them says what they are and which scores they must give.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence as ListOf
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.formats.affine_results import rectangles
from siamfc_jax.evaluation.runs import ResultError, Results, Run
from siamfc_jax.evaluation.sequences import Sequence

Floats = NDArray[np.float64]

# Percent, as printed: AUC and precision at 20 px by (tracker, protocol, list).
OTB_PUBLISHED: Mapping[tuple[str, str, str], tuple[float, float]] = {
    ("SiamFC-3s", "OPE", "OTB-2013"): (60.73, 80.93),
    ("SiamFC-3s", "OPE", "OTB-50"): (51.57, 69.17),
    ("SiamFC-3s", "OPE", "OTB-100"): (58.21, 77.05),
    ("SiamFC-3s", "TRE", "OTB-2013"): (61.82, 82.21),
    ("SiamFC-3s", "TRE", "OTB-50"): (55.48, 75.15),
    ("SiamFC-3s", "TRE", "OTB-100"): (60.52, 79.52),
    ("ATOM", "OPE", "OTB-100"): (66.68, 87.94),
    ("SiamFC", "OPE", "OTB-100"): (58.65, 77.17),
    ("SiamRPN", "OPE", "OTB-100"): (63.80, 85.05),
}

LASOT_PUBLISHED = {"ATOM": (51.43, 57.68, 50.54)}
"""Percent: AUC, normalised precision at .2, precision at 20 px."""


class MatlabCurves(NamedTuple):
    """The MATLAB toolkit's curves of some trackers and sequences.

    Attributes:
      trackers, names: of T trackers and S sequences.
      success, precision: [T, S, 21] and [T, S, 51].
    """

    trackers: tuple[str, ...]
    names: tuple[str, ...]
    success: Floats
    precision: Floats


def otb_sequences(folder: Path) -> list[Sequence]:
    """OTB-100's annotation (no frames) from otb100_meta_gt.json, frames omitted in front left out.

    Raises:
      ResultError: the file is missing (here and below; other damage raises ValueError).
    """
    return [_otb_sequence(name, entry) for name, entry in _otb_entries(folder).items()]


def otb_lists(folder: Path) -> dict[str, frozenset[str]]:
    """Names of the sequences in OTB-2013, OTB-50 and OTB-100."""
    entries = _otb_entries(folder)
    return {
        "OTB-2013": frozenset(name for name, entry in entries.items() if entry["otb2013"]),
        "OTB-50": frozenset(name for name, entry in entries.items() if entry["otb50"]),
        "OTB-100": frozenset(entries),
    }


def otb_matlab_raw(folder: Path) -> dict[str, Results[Run]]:
    """OPE of seven classic trackers, from the toolkit's own .mat files."""
    runs: dict[str, dict[str, tuple[Run, ...]]] = defaultdict(dict)
    with _opened(folder / "matlab_golden_raw.npz") as arrays:
        for key in arrays.files:
            tracker, name, kind = key.split("/")
            if kind == "rect":
                runs[tracker][name] = (Run(arrays[key]),)
            elif kind == "ivtAff":
                size = arrays[f"{tracker}/{name}/tmplsize"]
                boxes = rectangles("ivtAff", arrays[key], size)
                runs[tracker][name] = (Run(boxes, converted=True),)
    return {tracker: Results(runs_of) for tracker, runs_of in runs.items()}


def otb_matlab_curves(folder: Path) -> MatlabCurves:
    """What the toolkit made of `otb_matlab_raw`."""
    with _opened(folder / "matlab_golden_curves.npz") as arrays:
        return MatlabCurves(
            tuple(map(str, arrays["trackers"])),
            tuple(map(str, arrays["seqs"])),
            arrays["success"],
            arrays["precision"],
        )


def otb_siamfc_3s(folder: Path, sequences: ListOf[Sequence]) -> Results[Run]:
    """The twenty TRE runs of SiamFC-3s over each sequence; the first is OPE."""
    first_frames = {sequence.name: sequence.first_frame for sequence in sequences}
    runs: dict[str, list[Run]] = defaultdict(list)
    with _opened(folder / "SiamFC-3s_TRE.npz") as arrays:
        for key in sorted(arrays.files):
            name, _, start = key.split("/")
            if name in first_frames:
                runs[name].append(Run(arrays[key], int(start) - first_frames[name]))
    return Results({name: tuple(runs_of) for name, runs_of in runs.items()})


def otb_text(folder: Path) -> dict[str, Results[Run]]:
    """OPE of ATOM, SiamFC (PyTorch) and SiamRPN, in OTB's numbers."""
    return {tracker: _text_runs(folder, tracker) for tracker in ("ATOM", "SiamFC", "SiamRPN")}


def lasot_sequences(folder: Path) -> list[Sequence]:
    """Annotation (no frames) of LaSOT's 280 test sequences from gt_test280.npz."""
    with _opened(folder / "gt_test280.npz") as arrays:
        return [
            Sequence(key, (), arrays[key].astype(np.float64), visible=arrays[f"{key}/absent"] == 0)
            for key in arrays.files
            if not key.endswith("/absent")
        ]


def lasot_runs(folder: Path) -> dict[str, Results[Run]]:
    """ATOM's result on LaSOT's test sequences."""
    with _opened(folder / "txt_ATOM.npz") as arrays:
        return {"ATOM": Results({key: (_run(arrays[key]),) for key in arrays.files})}


def _otb_entries(folder: Path) -> dict[str, dict]:
    file = folder / "otb100_meta_gt.json"
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        raise _missing(file) from None


def _otb_sequence(name: str, entry: dict) -> Sequence:
    omitted = tuple((first, last) for first, last in entry["init_omit"])
    # Only Tiger1's first frame is omitted: its one-pass evaluation begins after the interval.
    first_frame = next((last + 1 for first, last in omitted if first == entry["start"]), 0)
    first_frame = first_frame or entry["start"]
    truth = np.asarray(entry["gt"], np.float64)[first_frame - entry["start"] :]
    return Sequence(
        name,
        (),
        truth,
        first_frame=first_frame,
        attributes=frozenset(entry["attr"]),
        omitted=omitted,
    )


def _text_runs(folder: Path, tracker: str) -> Results[Run]:
    runs = {}
    with _opened(folder / f"txt_{tracker}.npz") as arrays:
        for name in arrays.files:
            boxes = arrays[name].astype(np.float64)
            if tracker == "SiamRPN":
                boxes[0, 2:] -= boxes[0, :2]
                boxes[:, :2] += 1
            runs[name] = (Run(boxes),)
    return Results(runs)


def _run(boxes: NDArray) -> Run:
    return Run(boxes.astype(np.float64))


def _opened(file: Path) -> np.lib.npyio.NpzFile:
    try:
        return np.load(file, allow_pickle=False)
    except FileNotFoundError:
        raise _missing(file) from None


def _missing(file: Path) -> ResultError:
    return ResultError(f"{file}: no such file; give the folder that holds the published results")
