"""What became of injected faults, and how a message is judged."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")


class Outcome(StrEnum):
    """DETECTED: one line named the file and the remedy. SURVIVED: the end result is bit for bit
    that of an undisturbed run. SILENT: neither, a traceback included."""

    DETECTED = "detected"
    SURVIVED = "survived"
    SILENT = "silent"


class Trial(NamedTuple):
    """One injected fault: what became of it, and the line that was said about it ("" for none)."""

    outcome: Outcome
    said: str = ""


@dataclass(frozen=True)
class Row:
    """All trials of one kind of fault.

    Attributes:
      fault: what was done.
      trials: what became of it, each time.
      wanted: the only outcome that will do, where one of the two good ones is not enough.
      note: what else to say of it.
    """

    fault: str
    trials: tuple[Trial, ...]
    wanted: Outcome | None = None
    note: str = ""

    def count(self, outcome: Outcome) -> int:
        return sum(trial.outcome == outcome for trial in self.trials)

    @property
    def failed(self) -> bool:
        """A trial was silent, or ended otherwise than it had to, or there was none at all."""
        wanted = [self.wanted] if self.wanted else [Outcome.DETECTED, Outcome.SURVIVED]
        return not self.trials or any(trial.outcome not in wanted for trial in self.trials)

    @property
    def said(self) -> str:
        """The note and what was said of the worst trial."""
        lines = [
            trial.said
            for outcome in (Outcome.SILENT, Outcome.DETECTED, Outcome.SURVIVED)
            for trial in self.trials
            if trial.outcome == outcome and trial.said
        ]
        return "; ".join(filter(None, [self.note, *lines[:1]]))


SILENT = Trial(Outcome.SILENT, "nothing, and the result is another one")
SURVIVED = Trial(Outcome.SURVIVED)

_REMEDY = re.compile(
    r"\b(run|write|make|delete|free|fetch|choose|name|raise|lower|give|wait for) \S", re.IGNORECASE
)


def judge_error(message: str, names: Iterable[str | Path]) -> Trial:
    """Whether the text of an error names one of these files and a remedy, on one line."""
    if "\n" in message:
        return Trial(Outcome.SILENT, f"several lines: {' '.join(message.split())}")
    if not any(str(name) in message for name in names):
        return Trial(Outcome.SILENT, f"names no file: {message}")
    if not has_remedy(message):
        return Trial(Outcome.SILENT, f"names no remedy: {message}")
    return Trial(Outcome.DETECTED, message)


def has_remedy(message: str) -> bool:
    """Whether a message tells what to do."""
    return bool(_REMEDY.search(message))


def judge_call(
    action: Callable[[], Result], names: Iterable[str | Path]
) -> tuple[Trial, Result | None]:
    """What a call returned, or what its error is worth.

    ValueError and OSError are what `experiments.cli` prints as one line; any other is a traceback.
    """
    try:
        return SURVIVED, action()
    except (ValueError, OSError) as error:
        return judge_error(str(error), names), None
    except Exception as error:
        return Trial(Outcome.SILENT, f"traceback: {type(error).__name__}: {error}"), None


def judge_result(
    action: Callable[[], object], expected: object, names: Iterable[str | Path]
) -> Trial:
    """What a call's error is worth, or whether it returned what it does undisturbed."""
    trial, found = judge_call(action, names)
    return trial if trial != SURVIVED else (SURVIVED if found == expected else SILENT)


class Ended(NamedTuple):
    """How a command ended: exit code, and what it wrote."""

    code: int
    out: str
    err: str


def judge_exit(ended: Ended, names: Iterable[str | Path]) -> Trial:
    """Whether a command that failed said why, as `experiments.cli` does: one line, code 2 or 3."""
    lines = ended.err.replace("\r", "\n").strip().splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    said = errors[0] if errors else (lines[-1] if lines else "nothing")
    if "Traceback" in ended.err:
        return Trial(Outcome.SILENT, f"a traceback, and: {said}")
    if ended.code not in (2, 3) or len(errors) != 1:
        return Trial(Outcome.SILENT, f"exit code {ended.code}, {len(errors)} errors: {said}")
    return judge_error(errors[0], names)


def worst(trials: Sequence[Trial]) -> Trial:
    """One fault that several looked for: as good as the one that saw least of it."""
    order = (Outcome.SILENT, Outcome.SURVIVED, Outcome.DETECTED)
    return min(trials, key=lambda trial: order.index(trial.outcome))
