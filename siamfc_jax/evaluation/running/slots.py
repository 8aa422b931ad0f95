"""What a batch needs of a device: many targets, tracked together, in places that are used again."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.boxes import Boxes


class Slots(Interface):
    """`lanes` frames at a time, and in each of them `per_lane` targets: slot t is a target in the
    frame of lane t // per_lane. `siamfc_jax.tracking.slots` has them."""

    def prepare(self, starts: Collection[int], n_slots: int) -> None:
        """Make `advance` ready to be called so, if that takes time once (to compile), and wait."""

    def advance(
        self,
        pixels: NDArray[np.uint8],
        sizes: NDArray[np.int32],
        starts: Mapping[int, Boxes],
        n_slots: int,
    ) -> Callable[[], Boxes]:
        """Track in the slots before `n_slots` (0: in none), then start those in `starts` anew.

        Args:
          pixels: [lanes, H, W, 3] RGB, a frame per lane in the canvas's upper-left corner, zero
            beside it. Must not be written to before the result has been called.
          sizes: [lanes, 2] true (width, height) of each frame; as `pixels`.
          starts: slot -> box float32 [4], which can start a tracker.

        Returns:
          A call that waits for the device and gives the boxes float32 [>= n_slots, 4]; those of
          the slots that were started, or are not in use, mean nothing.
        """

    def move(self, source: int, destination: int) -> None:
        """The targets of lane `source` go on in lane `destination`."""


class SlotMaker(Interface):
    """Makes slots, of one model on one device."""

    @property
    def lanes(self) -> int:
        """How many videos at a time suit the device."""

    def canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the canvas for frames of `size` (width, height)."""

    def __call__(self, canvas: tuple[int, int], lanes: int, per_lane: int) -> Slots: ...
