"""One run to be made, and what came of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from siamfc_jax.evaluation.protocols.requests import Protocol
from siamfc_jax.evaluation.sequences import Sequence, VotSequence

R = TypeVar("R")


class Job(NamedTuple, Generic[R]):
    """A run (`runs.Run` or `runs.VotRun`) to be made.

    Attributes:
      sequence: its name.
      frames: image files, which the protocol's requests count from 0.
      protocol: begins the run; called once.
      part: which run of the sequence: segment, perturbation or repetition, from 0.
    """

    sequence: str
    frames: tuple[Path, ...]
    protocol: Callable[[], Protocol[R]]
    part: int = 0


class Failure(NamedTuple):
    """Why a run is missing, or not what it should be.

    Attributes:
      sequence, part: of the job.
      kind: "raised", "hung", "unreadable" (a frame): there is no run. "unusable": there is one, but
        some of its boxes are not finite.
      reason: one line that names the frame.
    """

    sequence: str
    part: int
    kind: str
    reason: str


class Outcome(NamedTuple, Generic[R]):
    """A job that came to its end: with a run, with a failure, or (boxes not finite) with both."""

    job: Job[R]
    run: R | None
    failure: Failure | None


Runner: TypeAlias = Callable[[list[Job[R]]], Iterator[Outcome[R]]]
"""Runs jobs, in an order of its own, and yields each as it ends."""


def job(sequence: Sequence | VotSequence, protocol: Callable[[], Protocol[R]], part: int) -> Job[R]:
    """The job of running `protocol` on `sequence`."""
    return Job(sequence.name, sequence.frames, protocol, part)


def failed(job: Job[Any], kind: str, reason: str) -> Outcome[Any]:
    """The outcome of a job without a run."""
    return Outcome(job, None, Failure(job.sequence, job.part, kind, reason))


def finished(job: Job[R], run: R, unusable: set[int]) -> Outcome[R]:
    """The outcome of a job with a run; `unusable`: the frames whose boxes were not finite."""
    failure = None
    if unusable:
        reason = (
            f"{len(unusable)} boxes with NaN or infinity, the first at "
            f"{frame_name(job.frames, min(unusable))}; they count as lost"
        )
        failure = Failure(job.sequence, job.part, "unusable", reason)
    return Outcome(job, run, failure)


def frame_name(frames: tuple[Path, ...], frame: int) -> str:
    """How messages call a frame."""
    return f"frame {frame + 1} of {len(frames)} ({frames[frame].name})"
