"""The thread in which a session lives: it takes commands, and plays in between."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from experiments.studio.session import Session, View
from siamfc_jax.media.video_writer import DEFAULT_FPS

_SLOWEST_WAIT = 0.5
# RuntimeError is what the device raises, out of memory for instance.
GOES_WRONG = (ValueError, OSError, RuntimeError)

Command = Callable[[Session], object]
T = TypeVar("T")


def one_line(error: Exception) -> str:
    """What went wrong, for a person."""
    return " ".join(str(error).split()) or type(error).__name__


@dataclass(frozen=True)
class _Seek:
    frame: int

    def __call__(self, session: Session) -> None:
        session.seek(self.frame)


class Player:
    """Runs a session in a thread of its own.

    Nothing ever waits for somebody who looks: `newest` gives the newest view there is, and those
    in between are never made into pictures. `tell(line)` and `changed()` are called in the thread,
    the first with what went wrong, the second when a new view is there.
    """

    def __init__(self, session: Session, tell: Callable[[str], None], changed: Callable[[], None]):
        self._session, self._tell, self._changed_callback = session, tell, changed
        self._commands: deque[Command] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._view: View | None = None
        self._number = 0
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()

    def post(self, command: Command) -> None:
        """Has the command carried out between two frames."""
        with self._wake:
            self._commands.append(command)
            self._wake.notify()

    def ask(self, question: Callable[[Session], T]) -> asyncio.Future[T]:
        """As posting, with the answer; what goes wrong is raised where it is awaited."""
        answer: Future[T] = Future()

        def command(session: Session) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(question(session))
            except Exception as error:
                answer.set_exception(error)

        self.post(command)
        return asyncio.wrap_future(answer)

    def seek(self, frame: int) -> None:
        """As posting it, but of several in a row only the newest counts."""
        with self._wake:
            if self._commands and isinstance(self._commands[-1], _Seek):
                self._commands.pop()
            self._commands.append(_Seek(frame))
            self._wake.notify()

    @property
    def view(self) -> View | None:
        """The newest view; None while nothing is open."""
        return self._view

    async def newest(self, after: int) -> tuple[int, View | None]:
        """The newest view and its number, as soon as that is greater than `after`; also when the
        player closes."""
        here = asyncio.get_running_loop(), asyncio.Event()
        with self._wake:
            if self._number > after or self._closed:
                return self._number, self._view
            self._waiting.append(here)
        try:
            await here[1].wait()
        finally:
            with self._wake:
                if here in self._waiting:
                    self._waiting.remove(here)
        return self._number, self._view

    def close(self) -> None:
        """Ends the thread; does not wait for it."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    @property
    def closed(self) -> bool:
        return self._closed

    def join(self, seconds: float | None = None) -> None:
        """Waits, at most so long, until the session is closed."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._closed = True
            self._session.close()
            self._release_waiting()

    def _work(self) -> None:
        due = 0.0
        while not self._closed:
            for command in self._commands_due(due):
                self._carry_out(command)
            if self._session.playing and time.monotonic() >= due:
                due = self._next_due(due)
                self._carry_out(Session.advance)
            if not self._closed:
                self._publish()

    def _commands_due(self, due: float) -> list[Command]:
        """What was posted, as soon as there is something, or nothing when a frame is due."""
        with self._wake:
            while not (self._commands or self._closed):
                wait = due - time.monotonic() if self._session.playing else None
                if wait is not None and wait <= 0:
                    break
                self._wake.wait(wait)
            commands = list(self._commands)
            self._commands.clear()
        return commands

    def _next_due(self, due: float) -> float:
        """Frames keep the video's rate, where tracking keeps up with it."""
        footage, now = self._session.footage, time.monotonic()
        if footage is None or footage.n_frames is None:
            return now
        step = min(1 / (footage.fps or DEFAULT_FPS), _SLOWEST_WAIT)
        return due + step if now - due < step else now + step

    def _carry_out(self, command: Command) -> None:
        try:
            command(self._session)
        except Exception as error:
            if not isinstance(error, GOES_WRONG):
                logging.exception("a command of the page failed")
            if not self._closed:
                self._tell(one_line(error))

    def _publish(self) -> None:
        view = self._session.view()
        with self._wake:
            self._view = view
            self._number += 1
        self._release_waiting()
        self._changed_callback()

    def _release_waiting(self) -> None:
        with self._wake:
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            loop.call_soon_threadsafe(event.set)
