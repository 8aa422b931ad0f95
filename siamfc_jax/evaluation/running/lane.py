"""A video whose runs go on together in one lane of a batch."""

from typing import Generic

from siamfc_jax.boxes import BoxError, check_boxes
from siamfc_jax.evaluation.protocols.requests import Reply, Start
from siamfc_jax.evaluation.running.canvases import Group
from siamfc_jax.evaluation.running.decoders import ReadingHungError
from siamfc_jax.evaluation.running.frames_ahead import FramesAhead, Image
from siamfc_jax.evaluation.running.jobs import Job, Outcome, R, failed, finished, frame_name
from siamfc_jax.evaluation.running.unusable import noting_unusable
from siamfc_jax.evaluation.sequences import SequenceError


class LiveRun(Generic[R]):
    """A run that is going on: its next request, or its outcome once it has one."""

    def __init__(self, job: Job[R], size: tuple[int, int]) -> None:
        self.outcome: Outcome[R] | None = None
        self.job = job
        self._size = size
        self._unusable: set[int] = set()
        self._protocol = noting_unusable(job.protocol(), self._unusable)
        self._continue(None)

    def answer(self, reply: Reply) -> None:
        """The answer to `request`; goes on to the next, or to the end."""
        self._continue(reply)

    def _continue(self, reply: Reply | None) -> None:
        try:
            self.request = next(self._protocol) if reply is None else self._protocol.send(reply)
            if isinstance(self.request, Start):
                check_boxes(self.request.box, *self._size)
        except StopIteration as end:
            self.outcome = finished(self.job, end.value, self._unusable)
        except BoxError as error:
            where = frame_name(self.job.frames, self.request.frame)
            self.outcome = failed(self.job, "raised", f"starting on {where}: {error}")
        except SequenceError as error:
            self.outcome = failed(self.job, "unreadable", str(error))


class Lane(Generic[R]):
    """The runs of one group, in slots of their own, over frames that they share."""

    def __init__(self, group: Group[R], ahead: FramesAhead) -> None:
        self.size = group.size
        self.runs = {place: LiveRun(job, group.size) for place, job in enumerate(group.jobs)}
        self._frames = group.jobs[0].frames
        self._ahead = ahead

    @property
    def frame(self) -> int:
        """The next frame that a run asks for."""
        return min(run.request.frame for run in self.runs.values())

    def prepare(self) -> None:
        """Begin to decode the next frame."""
        self._ahead.prepare(self.frame)

    @property
    def ready(self) -> bool:
        """Whether `image()` would not wait."""
        return self._ahead.ready(self.frame)

    def image(self) -> Image | None:
        """The next frame; None, and every run has failed, where it will not do."""
        frame = self.frame
        try:
            image = self._ahead.take(frame)
            if image.shape[1::-1] != self.size:
                raise SequenceError(
                    f"{self._frames[frame]}: {image.shape[1]}x{image.shape[0]}, but the first "
                    f"frame is {self.size[0]}x{self.size[1]}; fetch it again"
                )
            return image
        except SequenceError as error:
            self._fail("unreadable", str(error))
        except ReadingHungError as error:
            self._fail("hung", f"{error} {frame_name(self._frames, frame)}")
        return None

    def asking(self) -> dict[int, LiveRun[R]]:
        """Place -> run, of those whose request is the next frame."""
        frame = self.frame
        return {place: run for place, run in self.runs.items() if run.request.frame == frame}

    def ended(self) -> list[Outcome[R]]:
        """Outcomes of the runs that have ended since; they give their places up."""
        over = {place: run.outcome for place, run in self.runs.items() if run.outcome is not None}
        for place in over:
            del self.runs[place]
        return list(over.values())

    def _fail(self, kind: str, reason: str) -> None:
        for run in self.runs.values():
            run.outcome = failed(run.job, kind, reason)

    def close(self) -> None:
        """Forgets the frames that were decoded ahead."""
        self._ahead.close()
