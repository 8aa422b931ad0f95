"""One run as OTB's toolkits store it: the fields of a MATLAB struct or of a JSON object."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.formats import affine_results
from siamfc_jax.evaluation.formats.completeness import expected_starts
from siamfc_jax.evaluation.protocols.perturbations import SHIFTS
from siamfc_jax.evaluation.runs import ResultError, Run
from siamfc_jax.evaluation.sequences import Sequence as Video


def runs_of(
    entries: Sequence[Mapping[str, Any]], sequence: Video, protocol: str
) -> tuple[Run, ...]:
    """The runs in a file's entries, in the order of the protocol.

    OPE is the first entry: a file of TRE holds it too. SRE's are ordered by `shiftType`. An entry
    without `startFrame` begins where the protocol says.

    Raises:
      ResultError: an entry is missing or malformed.
    """
    starts = expected_starts(sequence, protocol)
    if len(entries) < len(starts) or (protocol != "OPE" and len(entries) > len(starts)):
        raise ResultError(
            f"{len(entries)} runs, {protocol} has {len(starts)}; run this sequence again"
        )
    if protocol == "SRE":
        entries = _in_order(entries)
    return tuple(
        _run(entry, sequence, start) for entry, start in zip(entries, starts, strict=False)
    )


def annotation_begin(sequence: Video) -> int:
    """Number of the frame of the first row in OTB's annotation file (`annoBegin`)."""
    return min([sequence.first_frame, *(first for first, _ in sequence.omitted)])


def frames_per_second(run: Run) -> float | None:
    """Mean rate over the frames whose time is known; None without any."""
    known = np.asarray(() if run.seconds is None else run.seconds)
    known = known[np.isfinite(known) & (known > 0)]
    return len(known) / float(known.sum()) if len(known) else None


def _in_order(entries: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    shifts = [str(entry.get("shiftType") or entry.get("shift_type") or "") for entry in entries]
    if set(shifts) == set(SHIFTS):
        return [entries[shifts.index(name)] for name in SHIFTS]
    if any(shifts):
        raise ResultError(f"its shiftTypes are not the 12 of SRE: {', '.join(shifts)}")
    return entries


def _run(entry: Mapping[str, Any], sequence: Video, start: int) -> Run:
    kind = str(entry.get("type") or entry.get("resType") or "rect")
    template_size = None if entry.get("tmplsize") is None else numbers(entry, "tmplsize")
    boxes = affine_results.rectangles(kind, numbers(entry, "res"), template_size)
    return Run(
        boxes,
        _start(entry, sequence, start),
        _seconds(entry, len(boxes)),
        converted=kind.lower() != "rect",
    )


def _seconds(entry: Mapping[str, Any], frames: int) -> NDArray[np.float64] | None:
    if "seconds" in entry:
        return numbers(entry, "seconds").ravel()
    rate = number(entry, "fps")
    return np.full(frames, 1 / rate) if rate is not None and rate > 0 else None


def _start(entry: Mapping[str, Any], sequence: Video, expected: int) -> int:
    first = number(entry, "startFrame")
    if first is None:
        return expected
    begin = number(entry, "annoBegin")
    # Some trackers' releases count from the annotation's first row, whatever frame that is.
    guesses = [int(first) - sequence.first_frame]
    if begin is not None:
        guesses.append(int(first - begin))
    return expected if expected in guesses else guesses[0]


def numbers(entry: Mapping[str, Any], field: str) -> NDArray[np.float64]:
    """A field as float64, null being NaN; raises ResultError if it is missing or no numbers."""
    try:
        array = np.asarray(entry[field])
        if array.dtype.kind not in "biufO":
            raise ValueError
        return array.astype(np.float64)
    except (KeyError, ValueError, TypeError, OverflowError):
        raise ResultError(f"no array of numbers {field!r}; run this sequence again") from None


def number(entry: Mapping[str, Any], field: str) -> float | None:
    """A field that holds one finite number; None where it is missing or null."""
    if entry.get(field) is None:
        return None
    value = numbers(entry, field)
    return float(value.item()) if value.size == 1 and np.isfinite(value).all() else None
