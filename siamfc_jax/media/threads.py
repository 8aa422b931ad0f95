"""Work handed between threads through bounded queues: decoding ahead, writing behind."""

import threading
from collections.abc import Callable, Iterable
from queue import Full, Queue
from typing import Generic, Self, TypeVar

T = TypeVar("T")

# How often a blocked thread looks whether the other side gave up, in seconds.
_POLL = 0.05


class Prefetch(Generic[T]):
    """Iterates over `items` while a thread computes up to `depth` of them ahead.

    An error while computing is raised in its place in the order. Closing early, or leaving the
    `with` block, ends the thread.
    """

    def __init__(self, items: Iterable[T], depth: int = 4):
        self._items = items
        self._queue: Queue[tuple[list[T], BaseException | None]] = Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="prefetch", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether the next step of the iteration would not wait."""
        return self._stop.is_set() or not self._queue.empty()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._stop.is_set():
            raise StopIteration
        items, end = self._queue.get()
        if end is not None:
            self._stop.set()
            raise end
        return items[0]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fill(self) -> None:
        try:
            for item in self._items:
                self._put([item], None)
                if self._stop.is_set():
                    return
        except BaseException as error:
            self._put([], error)
        else:
            self._put([], StopIteration())

    def _put(self, items: list[T], end: BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put((items, end), timeout=_POLL)
            except Full:
                continue
            return


class Background(Generic[T]):
    """Calls `consume(item)` on a thread, in order, at most `depth` items behind.

    After the first error the remaining items are dropped; `put` or `close` raises it, once.
    """

    def __init__(self, consume: Callable[[T], None], depth: int = 4):
        self._consume = consume
        self._queue: Queue[list[T]] = Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._drain, name="write-behind", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether `put` would wait."""
        return self._queue.full()

    def put(self, item: T) -> None:
        self._raise_error()
        self._queue.put([item])

    def close(self) -> None:
        """Waits until everything was consumed."""
        if self._thread.is_alive():
            self._queue.put([])
            self._thread.join()
        self._raise_error()

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _drain(self) -> None:
        failed = False
        while items := self._queue.get():
            if failed:
                continue
            try:
                self._consume(items[0])
            except BaseException as error:
                self._error, failed = error, True
