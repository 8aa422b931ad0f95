"""OTB's MATLAB results: `<sequence>_<tracker>.mat`, all runs of one sequence.

A variable `results`, a 1xN cell of structs {res, type, len, annoBegin, startFrame, [fps],
[shiftType], [tmplsize]}, N = 20 (TRE), 12 (SRE) or 1 (OPE), as perfPlot.m and genPerfMat.m of
tracker_benchmark_v1.0 load it. Ours hold `seconds` beside `fps`, which the toolkit ignores.
"""

import io
from typing import Any

import numpy as np

from siamfc_jax.evaluation.formats.otb_entry import annotation_begin, frames_per_second, runs_of
from siamfc_jax.evaluation.protocols.perturbations import SHIFTS
from siamfc_jax.evaluation.runs import ResultError, Run
from siamfc_jax.evaluation.sequences import Sequence
from siamfc_jax.mat5 import MatError
from siamfc_jax.mat5 import read_mat as variables_of


def write_mat(sequence: Sequence, runs: tuple[Run, ...], protocol: str) -> bytes:
    """The file of `runs`; NaN stays NaN."""
    from scipy import io as matlab  # Only writing waits for it.

    cell = np.empty((1, len(runs)), object)
    for index, run in enumerate(runs):
        cell[0, index] = _struct(sequence, run, SHIFTS[index] if protocol == "SRE" else None)
    file = io.BytesIO()
    matlab.savemat(file, {"results": cell}, do_compression=True, oned_as="row")
    return file.getvalue()


def read_mat(content: bytes, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
    """The runs of a file; all of OTB's result types become rectangles.

    Raises:
      ResultError: no MAT-file of version 5 to 7, or not one of OTB's results.
    """
    try:
        variables = variables_of(content)
    except MatError as error:
        raise ResultError(f"{error}; run this sequence again") from None
    if "results" not in variables:
        raise ResultError("has no variable 'results'; is this a result of OTB's toolkit?")
    return runs_of(_entries(variables["results"]), sequence, protocol)


def _struct(sequence: Sequence, run: Run, shift: str | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "res": run.boxes,
        "type": "rect",
        "len": float(len(run.boxes)),
        "annoBegin": float(annotation_begin(sequence)),
        "startFrame": float(sequence.first_frame + run.start),
    }
    rate = frames_per_second(run)
    if rate is not None:
        fields["fps"] = rate
    if run.seconds is not None:
        fields["seconds"] = run.seconds
    if shift is not None:
        fields["shiftType"] = shift
    return fields


def _entries(results: Any) -> list[dict[str, Any]]:
    """The structs of a cell, or of a struct array; without their empty fields."""
    values = results if isinstance(results, list) else [results]
    structs = [
        struct for value in values for struct in (value if isinstance(value, list) else [value])
    ]
    if not all(isinstance(struct, dict) for struct in structs):
        raise ResultError("'results' holds no structs; is this a result of OTB's toolkit?")
    return [
        {name: value for name, value in struct.items() if not _is_empty(value)}
        for struct in structs
    ]


def _is_empty(value: Any) -> bool:
    return isinstance(value, np.ndarray) and not value.size
