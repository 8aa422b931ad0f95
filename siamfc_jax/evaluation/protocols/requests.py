"""A protocol is a generator of requests to a tracker; drivers carry them out.

So that the same protocol runs on one object frame by frame, and on many slots of a batch.
"""

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.boxes import Boxes


class Start(NamedTuple):
    """Start (again) on a frame of the sequence; `box` float32 [4] in the package's convention."""

    frame: int
    box: Boxes


class Track(NamedTuple):
    """Track into frame `frame`, which comes after the one of the request before."""

    frame: int


class Reply(NamedTuple):
    """The answer to a request.

    Attributes:
      box: waits for the device, if need be, and gives the box, float32 [4]; a protocol whose next
        request hangs on no box calls it at its end, so that nothing waits. After `Start`, the
        given box.
      seconds: how long the tracker took, decoding excluded; NaN where it was not measured.
    """

    box: Callable[[], NDArray[np.float32]]
    seconds: float


R = TypeVar("R")
Protocol = Generator[Start | Track, Reply, R]
