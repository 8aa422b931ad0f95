"""Threads that read frames, and keep no process from ending when a disk does not answer."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

V = TypeVar("V")


class ReadingHungError(Exception):
    """A file neither comes nor fails, as on a network disk that is gone; says for how long."""


class Decoders:
    """Threads for `submit`. `close` them, or leave the `with` block: no new work is begun then.

    Unlike the threads of concurrent.futures, which the interpreter waits for at its end, one that
    hangs in a read is left behind.
    """

    def __init__(self, threads: int) -> None:
        self._work: SimpleQueue[tuple[Future[Any], Callable[[Any], Any], Any] | None] = (
            SimpleQueue()
        )
        self._closed = False
        self._threads = 0
        for _ in range(threads):
            self._one_more()

    def submit(self, function: Callable[[Any], V], argument: object) -> Future[V]:
        """`function(argument)`, called in one of the threads."""
        future: Future[V] = Future()
        self._work.put((future, function, argument))
        return future

    def result(self, future: Future[V], patience: float) -> V:
        """What `submit` gave a `future` of.

        Raises:
          ReadingHungError: it is being read for `patience` seconds; another thread replaces the
            one that does.
        """
        seconds = min(patience, threading.TIMEOUT_MAX)
        while not (future.done() or wait([future], seconds).done):
            self._one_more()
            # If it has not even begun, others in front of it hang.
            if future.running():
                raise ReadingHungError(f"hung for {patience:g} s reading")
        return future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        for _ in range(self._threads):
            self._work.put(None)

    def _one_more(self) -> None:
        threading.Thread(target=self._run, name="decoder", daemon=True).start()
        self._threads += 1

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            future, function, argument = work
            if self._closed or not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function(argument))
            except BaseException as error:
                future.set_exception(error)
            del work, future  # An idle thread keeps no frame alive.
