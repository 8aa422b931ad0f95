"""Whether runs are all that a sequence needs."""

from siamfc_jax.evaluation.protocols.perturbations import SHIFTS
from siamfc_jax.evaluation.protocols.segments import segment_starts
from siamfc_jax.evaluation.runs import ResultError
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


def check_start(start: int, expected: int) -> None:
    """Raises ResultError unless a run begins where the protocol has it begin."""
    if start != expected:
        raise ResultError(
            f"a run begins on row {start} of the annotation, not on {expected} (counted from 0); "
            "is it of another protocol or version of the benchmark?"
        )


def check_rows(rows: int, start: int, frames: int) -> None:
    """Raises ResultError unless `rows` reach from row `start` to the end of `frames` frames."""
    if rows < frames - start:
        raise ResultError(
            f"{rows} rows, {frames - start} frames from its start to the end of the sequence; "
            "run this sequence again"
        )
