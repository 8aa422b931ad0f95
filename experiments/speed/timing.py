"""Functions timed in turn, so that a drift of the machine's speed meets all of them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from experiments.speed.results import Result

Times = dict[str, list[float]]
"""Seconds of a call, of every function, as often as it was measured."""


# Threads of OpenMP spin for a while when they have nothing to do, and whose turn is next would pay.
_REST = 0.01


@dataclass(frozen=True)
class Work:
    """Something to time.

    Attributes:
      begin: does it, or has a device do it.
      finish: waits until what `begin` returned last is done.
    """

    begin: Callable[[], Any]
    finish: Callable[[Any], object] = jax.block_until_ready


def there_and_back(frames: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames after the first, forwards and backwards, without end: no target ever jumps."""
    while True:
        yield from frames[1:]
        yield from frames[-2:0:-1]


def take_turns(works: Mapping[str, Work], seconds: float, *, burst_seconds: float = 0.0) -> Times:
    """Time the works in turn for so many seconds, at least three times each.

    Args:
      burst_seconds: 0 waits for every call. Otherwise calls follow one another without waiting, as
        many as take about so long, and their mean counts: the rate of a device that is kept busy.
    """
    calls = {name: _calls_in(work, burst_seconds) for name, work in works.items()}
    times: Times = {name: [] for name in works}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for name, work in works.items():
            time.sleep(_REST)
            times[name].append(_burst(work, calls[name]))
    return times


def report(name: str, times: Times, per_call: int, unit: str) -> Result:
    """Print a line for every work, and how ours compares with PyTorch's fastest; that is the
    result."""
    print(name)
    for who, seconds in times.items():
        low, middle, high = np.percentile(seconds, [10, 50, 90])
        print(
            f"  {who:<18} {middle * 1e3:9.2f} ms (10..90 %: {low * 1e3:.2f}..{high * 1e3:.2f}, "
            f"{len(seconds)} times) {per_call / middle:10.1f} {unit}"
        )
    medians = {who: float(np.median(seconds)) for who, seconds in times.items()}
    theirs = {who: median for who, median in medians.items() if who.startswith("PyTorch")}
    if not theirs:
        return Result(name, unit, per_call / medians["ours"])
    fastest = min(theirs, key=theirs.__getitem__)
    result = Result(name, unit, per_call / medians["ours"], per_call / theirs[fastest])
    print(f"  ours / {fastest}: {result.ratio:.2f} of its time")
    return result


def _calls_in(work: Work, seconds: float) -> int:
    """How many calls take so long; they have been called three times then."""
    _burst(work, 2)
    return max(1, round(seconds / _burst(work, 1)))


def _burst(work: Work, calls: int) -> float:
    began = time.perf_counter()
    result = None
    for _ in range(calls):
        result = work.begin()
    work.finish(result)
    return (time.perf_counter() - began) / calls
