"""A bounded stream of jobs through worker processes."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

# Jobs differ in size; with a few more in flight, a long one leaves the other workers busy.
_IN_FLIGHT_PER_WORKER = 4


class WorkerError(OSError):
    """A worker process was killed from outside."""


def usable_cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(
    function: Callable[[Job], Result], jobs: Iterable[Job], *, workers: int
) -> Generator[Result, None, None]:
    """Yield function(job) for each job, in order, from `workers` fresh processes.

    Only a few jobs per worker are taken from `jobs` ahead of the results. The workers end when the
    iterator is closed (see `contextlib.closing`), and when this process dies, even by SIGKILL.

    Args:
      function: of a module, not a lambda; sent to the workers, as are the jobs, by pickling.
      workers: 0 runs the jobs in this process.

    Raises:
      WorkerError: a worker died.
      Exception: whatever `function` raises, at the place of its job.
    """
    if workers == 0:
        yield from map(function, jobs)
        return
    # A fork would share the threads' locks and, worse, an accelerator; so the workers are spawned.
    context = get_context("spawn")
    life, line = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(life,))
    waiting: deque[Future[Result]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(function, job))
            if len(waiting) > _IN_FLIGHT_PER_WORKER * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise WorkerError(
            "a worker process was killed, perhaps for want of memory; run the same command again, "
            "which keeps what is finished, with fewer --workers"
        ) from None
    finally:
        line.close()
        pool.shutdown(wait=True, cancel_futures=True)
        life.close()


def _start_worker(life: Connection) -> None:
    # An interrupt reaches the whole process group; the parent decides what becomes of the work.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(life,), daemon=True).start()


def _die_with_parent(life: Connection) -> None:
    """Waits for the other end of the pipe to close, which a process's death does too."""
    with suppress(EOFError, OSError):
        life.recv_bytes()
    os._exit(1)
