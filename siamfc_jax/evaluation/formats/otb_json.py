"""OTB's results as its Python port keeps them: `<Sequence>.json`, all runs of one sequence.

A list of {tracker, seqName, startFrame, endFrame, evalType, fps, shiftType, resType, tmplsize,
res}, in `<OPE|TRE|SRE>/<tracker>/` (github.com/jwlim/tracker_benchmark). It has room for a rate per
run, none for the time of a frame. Python's NaN stands for what JSON cannot say.
"""

import json

from siamfc_jax.evaluation.formats.otb_entry import frames_per_second, runs_of
from siamfc_jax.evaluation.protocols.perturbations import SHIFTS
from siamfc_jax.evaluation.runs import ResultError, Run
from siamfc_jax.evaluation.sequences import Sequence


def write_json(sequence: Sequence, runs: tuple[Run, ...], protocol: str, tracker: str) -> bytes:
    """The file of `runs`, numbers in full."""
    content = []
    for index, run in enumerate(runs):
        first = sequence.first_frame + run.start
        content.append(
            {
                "tracker": tracker,
                "seqName": sequence.name,
                "startFrame": first,
                "endFrame": first + len(run.boxes) - 1,
                "evalType": protocol,
                "fps": frames_per_second(run),
                "shiftType": SHIFTS[index] if protocol == "SRE" else None,
                "resType": "rect",
                "tmplsize": None,
                "res": run.boxes.tolist(),
            }
        )
    return json.dumps(content).encode()


def read_json(content: bytes, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
    """The runs of a file; all of OTB's result types become rectangles.

    Raises:
      ResultError: not JSON, or not one of OTB's results.
    """
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"not a JSON file ({error}); run this sequence again") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ResultError("not a list of runs; is this a result of OTB's Python port?")
    return runs_of(entries, sequence, protocol)
