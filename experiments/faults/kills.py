"""Killing a command again and again, until it has finished nevertheless."""

import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from experiments.faults.outcomes import SILENT, SURVIVED, Ended, Outcome, Trial, judge_exit
from experiments.faults.world import finish

_LOOK = 0.002
_ATTEMPTS = 10


class Moment(NamedTuple):
    """When to kill: so many seconds after a file of this pattern appears in the output folder, or
    after the start if the pattern is empty."""

    seconds: float
    pattern: str = ""


def spread(times: int, seconds: float, chance: random.Random, pattern: str = "") -> list[Moment]:
    """Moments that cover a time evenly, in random order."""
    moments = [Moment((i + chance.random()) / times * seconds, pattern) for i in range(times)]
    chance.shuffle(moments)
    return moments


@dataclass(frozen=True)
class Killable:
    """A command whose result must not depend on how often it was killed.

    Attributes:
      start: starts it, or goes on with it, given its output folder.
      result: what it has made there, to be compared.
      expected: what it makes undisturbed.
      reader: reads what is there after a kill; raises ValueError or OSError where it sees that it
        is unfinished.
      expected_read: what it reads of the finished.
      phase: in which phase it was killed, given the folder.
    """

    start: Callable[[Path], "subprocess.Popen[str]"]
    result: Callable[[Path], object]
    expected: object
    reader: Callable[[Path], object]
    expected_read: object
    phase: Callable[[Path], str]


class Seen(Enum):
    """What a reader makes of the output of a command that was killed."""

    UNFINISHED = "unfinished"
    FINISHED = "finished, and rightly so"
    OTHERWISE = "finished, but it is not what it ought to be"


def kill_often(
    command: Killable, work: Path, name: str, moments: Sequence[Moment]
) -> tuple[list[Trial], str]:
    """Kill at each of the moments, going on with the same output until it is finished.

    Returns:
      A trial for each kill, and how many kills fell into which phase.
    """
    trials: list[Trial] = []
    phases: Counter[str] = Counter()
    folder, survived = work / f"{name}-0", 0
    for number, moment in enumerate(moments, 1):
        killed = _kill_at(command, folder, moment)
        if isinstance(killed, Ended) and survived:
            # The kill shall meet a fresh one.
            trials += [judge_end(command, folder, killed)] * survived
            folder, survived = work / f"{name}-{number}", 0
            killed = _kill_at(command, folder, moment)
        if isinstance(killed, Ended):
            trials.append(Trial(Outcome.SILENT, "ended before it could be killed"))
        elif killed is Seen.OTHERWISE:
            trials.append(Trial(Outcome.SILENT, "unfinished, but read as if it were finished"))
        else:
            phases[command.phase(folder)] += 1
            survived += 1
        if killed is Seen.FINISHED:
            trials += [_complete(command, folder)] * survived
            folder, survived = work / f"{name}-{number}", 0
    if survived:
        trials += [_complete(command, folder)] * survived
    return trials, ", ".join(f"{times} {phase}" for phase, times in phases.most_common())


def _kill_at(command: Killable, folder: Path, moment: Moment) -> Seen | Ended:
    """What a reader sees after the kill, or how the command ended before its moment came.

    A command that starts afresh is tried again, with a somewhat earlier moment each time.
    """
    fresh = not folder.exists()
    for attempt in range(_ATTEMPTS):
        process = command.start(folder)
        if _reached(moment, 0.8**attempt, process, folder):
            process.send_signal(signal.SIGKILL)
            finish(process)
            return _seen(command, folder)
        ended = finish(process)
        if not fresh:
            break
        shutil.rmtree(folder, ignore_errors=True)
    return ended


def _complete(command: Killable, folder: Path) -> Trial:
    """Run it to its end and judge that."""
    trial = judge_end(command, folder, finish(command.start(folder)))
    shutil.rmtree(folder, ignore_errors=True)
    return trial


def judge_end(command: Killable, folder: Path, ended: Ended) -> Trial:
    """Whether a command that was disturbed has made the same in the end."""
    if ended.code:
        return judge_exit(ended, [folder])
    try:
        return SURVIVED if command.result(folder) == command.expected else SILENT
    except (ValueError, OSError) as error:
        return Trial(Outcome.SILENT, f"exit code 0, but {error}")


def _reached(moment: Moment, share: float, process: "subprocess.Popen[str]", folder: Path) -> bool:
    """Wait for the moment, its seconds shortened to a share; False if the process ends before."""
    while moment.pattern and not any(folder.glob(moment.pattern)):
        if process.poll() is not None:
            return False
        time.sleep(_LOOK)
    try:
        process.wait(timeout=share * moment.seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def undisturbed_seconds(command: Killable, folder: Path, patterns: Sequence[str]) -> list[float]:
    """How long a command goes on after it started ("") or a file of a pattern appeared."""
    process = command.start(folder)
    seen: dict[str, float] = {}
    while process.poll() is None:
        for pattern in patterns:
            if pattern not in seen and (not pattern or any(folder.glob(pattern))):
                seen[pattern] = time.monotonic()
        time.sleep(_LOOK)
    ended = time.monotonic()
    finish(process)
    shutil.rmtree(folder, ignore_errors=True)
    return [ended - seen.get(pattern, ended) for pattern in patterns]


def _seen(command: Killable, folder: Path) -> Seen:
    try:
        found = command.reader(folder)
    except (ValueError, OSError):
        return Seen.UNFINISHED
    return Seen.FINISHED if found == command.expected_read else Seen.OTHERWISE
