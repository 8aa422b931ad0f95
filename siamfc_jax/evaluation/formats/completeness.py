"""Whether runs are all that a sequence needs."""

from siamfc_jax.evaluation.protocols.perturbations import SHIFTS
from siamfc_jax.evaluation.protocols.segments import segment_starts
from siamfc_jax.evaluation.runs import ResultError, Run
from siamfc_jax.evaluation.sequences import Sequence, SequenceError

PROTOCOLS = ("OPE", "TRE", "SRE")


def expected_starts(sequence: Sequence, protocol: str) -> list[int]:
    """Rows of `sequence.truth` where the runs of a protocol begin.

    Raises:
      ResultError: no such protocol, or the sequence has no segments.
    """
    if protocol == "TRE":
        try:
            return segment_starts(sequence).tolist()
        except SequenceError as error:
            raise ResultError(str(error)) from None
    if protocol not in PROTOCOLS:
        raise ResultError(f"{protocol!r} is not one of {', '.join(PROTOCOLS)}")
    return [0] * (len(SHIFTS) if protocol == "SRE" else 1)


def aligned(run: Run, sequence: Sequence) -> Run:
    """The run, without the rows before the first evaluated frame if it covers the whole folder
    (Tiger1, whose first five frames OTB omits and the GOT-10k toolkit does not)."""
    ahead = sequence.first_frame - 1
    if run.start == 0 and ahead > 0 and len(run.boxes) == length(sequence) + ahead:
        seconds = None if run.seconds is None else run.seconds[ahead:]
        return run._replace(boxes=run.boxes[ahead:], seconds=seconds)
    return run


def check_rows(rows: int, start: int, frames: int) -> None:
    """Raises ResultError unless `rows` reach from row `start` to the end of `frames` frames."""
    if not 0 <= start < frames:
        raise ResultError(
            f"begins on frame {start} of a sequence of {frames} (counted from 0); was it written "
            "for another version of the benchmark?"
        )
    if rows < frames - start:
        raise ResultError(
            f"{rows} rows, {frames - start} frames from its start to the end of the sequence; "
            "run this sequence again"
        )


def length(sequence: Sequence) -> int:
    """Frames of a sequence, also where only the first one's annotation is public."""
    return max(len(sequence.truth), len(sequence.frames))
