"""Notes which boxes of a tracker are not numbers, whatever the protocol makes of them."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from siamfc_jax.boxes import Boxes
from siamfc_jax.evaluation.protocols.requests import Protocol, Reply

R = TypeVar("R")


def noting_unusable(protocol: Protocol[R], unusable: set[int]) -> Protocol[R]:
    """`protocol`, but frames whose boxes are not finite are added to `unusable`."""
    try:
        request = next(protocol)
        while True:
            reply = yield request
            box = _noting(reply.box, unusable, request.frame)
            request = protocol.send(Reply(box, reply.seconds))
    except StopIteration as end:
        result: R = end.value
        return result


def _noting(box: Callable[[], Boxes], unusable: set[int], frame: int) -> Callable[[], Boxes]:
    def noted() -> Boxes:
        value = box()
        if not np.isfinite(value).all():
            unusable.add(frame)
        return value

    return noted
