"""A protocol is a generator of requests to a tracker; drivers carry them out.

So that the same protocol runs on one object frame by frame, and on many slots of a batch.
"""

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

from siamfc_jax.boxes import Boxes


class Start(NamedTuple):
    """Start (again) on a frame of the sequence; `box` float32 [4] in the package's convention."""

    frame: int
    box: Boxes


class Track(NamedTuple):
    """Track into frame `frame`, which comes after the one of the request before."""

    frame: int


class Reply(NamedTuple):
    """The answer to a request. Both calls wait for the device, if need be; a protocol whose next
    request hangs on neither calls them at its end, so that nothing waits.

    Attributes:
      box: gives the box, float32 [4]; not finite where the tracker said nothing usable. After
        `Start`, the given box.
      seconds: gives how long the tracker took, decoding excluded. In a batch, the time of a step
        divided by its targets.
    """

    box: Callable[[], Boxes]
    seconds: Callable[[], float]


R = TypeVar("R")
Protocol = Generator[Start | Track, Reply, R]
