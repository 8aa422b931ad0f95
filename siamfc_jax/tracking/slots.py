"""Many targets in places that are used again, so that no batch compiles anew when one ends."""

from collections.abc import Callable, Collection, Hashable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from siamfc_jax.boxes import Boxes
from siamfc_jax.crops import Frames
from siamfc_jax.models.network import Network
from siamfc_jax.tracking.canvas import canvas_side
from siamfc_jax.tracking.compiling import jit_for_tracking
from siamfc_jax.tracking.online import Model
from siamfc_jax.tracking.tracker import Params, TrackState
from siamfc_jax.tracking.trackers import Tracking, make_tracker

# Batches are no larger than they need be: a step costs what its slots cost. On an accelerator
# small ones cost nearly the same, and each size takes seconds to compile.
_CPU_BATCHES = (1, 2, 4, 8, 12, 16)
_ACCELERATOR_LANES = 32
_ACCELERATOR_BATCHES = (2, 8)


class ModelSlots(NamedTuple):
    """Makes `SlotTracker`s of a model; a `SlotMaker` of `siamfc_jax.evaluation.running`."""

    model: Model

    @property
    def lanes(self) -> int:
        """How many videos at a time suit the device: on a CPU batches gain nothing."""
        return 1 if jax.default_backend() == "cpu" else _ACCELERATOR_LANES

    def canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the canvas for frames of `size` (width, height)."""
        return canvas_side(size[1]), canvas_side(size[0])

    def __call__(self, canvas: tuple[int, int], lanes: int, per_lane: int) -> "SlotTracker":
        return SlotTracker(self.model, canvas, lanes, per_lane)


class SlotTracker:
    """lanes x per_lane targets, slot t in the frame of lane t // per_lane.

    What `siamfc_jax.evaluation.running.slots.Slots` describes. Nothing waits for the device but
    what `advance` returns.
    """

    def __init__(self, model: Model, canvas: tuple[int, int], lanes: int, per_lane: int) -> None:
        self._functions = _compiled(model.network, model.tracking)
        self._params = model.prepared()
        self._canvas = canvas
        self._per_lane = per_lane
        self._batches = _batches(lanes, per_lane, jax.default_backend() == "cpu")
        self._state = _blank(self._functions.init, self._params, canvas, lanes, per_lane)

    def prepare(self, starts: Collection[int], n_slots: int) -> None:
        """Compile what `advance` would with such arguments, and wait for a first call of it, whose
        result is thrown away; once a process for each shape."""
        n_batch, n_lanes = self._shape(starts, n_slots)
        frames_shape = (n_lanes, *self._canvas, 3)
        step = ("step", n_batch, len(self._state.stream), frames_shape)
        start = ("start", len(self._state.stream), frames_shape)
        needed = {call for call, count in ((step, n_slots), (start, len(starts))) if count}
        new = needed - self._functions.called
        if not new:
            return
        sizes = np.ones((n_lanes, 2), np.int32)
        frames = jax.device_put(Frames(np.zeros(frames_shape, np.uint8), sizes))  # type: ignore[arg-type]
        if step in new:
            jax.block_until_ready(self._functions.step(self._params, self._state, frames, n_batch))
        if start in new:
            jax.block_until_ready(self._started(frames, 0, np.ones(4, np.float32)))
        self._functions.called.update(new)

    def advance(
        self,
        pixels: NDArray[np.uint8],
        sizes: NDArray[np.int32],
        starts: Mapping[int, Boxes],
        n_slots: int,
    ) -> Callable[[], Boxes]:
        """Track in the slots before `n_slots` (0: in none), then start those in `starts` anew.

        Args:
          pixels: uint8 [lanes, H, W, 3] RGB on the canvas, zero beside the frame. Must not be
            written to before the result has been called.
          sizes: int32 [lanes, 2] true (width, height) of each frame; as `pixels`.
          starts: slot -> box float32 [4] (x, y, w, h) that can start a tracker (`check_boxes`).

        Returns:
          A call that waits, and gives the boxes float32 [>= n_slots, 4].
        """
        n_batch, n_lanes = self._shape(starts, n_slots)
        frames = jax.device_put(Frames(pixels[:n_lanes], sizes[:n_lanes]))  # type: ignore[arg-type]
        boxes = None
        if n_slots:
            self._state, boxes = self._functions.step(self._params, self._state, frames, n_batch)
        for slot, box in starts.items():
            self._state = self._started(frames, slot, box)
        return partial(_read, boxes, self._state.centre)

    def move(self, source: int, destination: int) -> None:
        """The targets of lane `source` go on in lane `destination`."""
        places = jax.device_put(np.asarray([source, destination], np.int32) * self._per_lane)
        self._state = self._functions.move(self._state, places, self._per_lane)

    def _shape(self, starts: Collection[int], n_slots: int) -> tuple[int, int]:
        """How many targets and how many lanes a call works on."""
        highest = max([n_slots - 1, *starts]) + 1
        n_batch = next(size for size in self._batches if size >= highest)
        return n_batch, -(-n_batch // self._per_lane)

    def _started(self, frames: Frames, slot: int, box: Boxes) -> TrackState:
        place = jax.device_put(np.int32(slot))
        return self._functions.start(
            self._params, self._state, frames, jax.device_put(box[None]), place
        )


def _read(boxes: jax.Array | None, last: jax.Array) -> Boxes:
    # What was computed last is waited for, too: until then the device reads the frames.
    last.block_until_ready()
    return np.empty((0, 4), np.float32) if boxes is None else np.asarray(boxes)


def _batches(lanes: int, per_lane: int, on_cpu: bool) -> list[int]:
    """Sizes of the batches that may be stepped, rising."""
    if on_cpu:
        sizes = [size for size in _CPU_BATCHES if size < lanes * per_lane]
    else:
        sizes = [size * per_lane for size in _ACCELERATOR_BATCHES if size < lanes]
    return [*sizes, lanes * per_lane]


def _blank(
    init: Callable[..., tuple[TrackState, Any]],
    params: Params,
    canvas: tuple[int, int],
    lanes: int,
    per_lane: int,
) -> TrackState:
    """A state of the right shapes, its targets of no meaning, but finite."""
    stream = jnp.repeat(jnp.arange(lanes, dtype=jnp.int32), per_lane)
    frames = Frames(jnp.zeros((lanes, *canvas, 3), jnp.uint8), jnp.ones((lanes, 2), jnp.int32))
    boxes = jnp.ones((lanes * per_lane, 4), jnp.float32)
    shapes, _ = jax.eval_shape(init, params, frames, boxes, stream)
    ones = jax.tree.map(lambda leaf: jnp.ones(leaf.shape, leaf.dtype), shapes)
    return ones._replace(stream=stream)


class _Functions(NamedTuple):
    """`called`: with which shapes `step` and `start` have been called."""

    init: Callable[..., tuple[TrackState, Any]]
    start: Callable[[Params, TrackState, Frames, jax.Array, jax.Array], TrackState]
    step: Callable[[Params, TrackState, Frames, int], tuple[TrackState, jax.Array]]
    move: Callable[[TrackState, jax.Array, int], TrackState]
    called: set[tuple[Hashable, ...]]


@lru_cache
def _compiled(network: Network, tracking: Tracking) -> _Functions:
    """Jitted once a process for the same settings."""
    tracker = make_tracker(network, tracking)

    def start(
        params: Params, state: TrackState, frames: Frames, box_1x4: jax.Array, slot: jax.Array
    ) -> TrackState:
        stream = lax.dynamic_slice_in_dim(state.stream, slot, 1)
        one, _ = tracker.init(params, frames, box_1x4, stream)
        return jax.tree.map(partial(_put, place=slot), state, one)

    def step(
        params: Params, state: TrackState, frames: Frames, n_batch: int
    ) -> tuple[TrackState, jax.Array]:
        active = jax.tree.map(lambda leaf: leaf[:n_batch], state)
        active, prediction = tracker.step(params, active, frames)
        return jax.tree.map(partial(_put, place=0), state, active), prediction.box

    def move(state: TrackState, places_2: jax.Array, per_lane: int) -> TrackState:
        source, destination = places_2

        def moved(leaf: jax.Array) -> jax.Array:
            return _put(leaf, lax.dynamic_slice_in_dim(leaf, source, per_lane), destination)

        return jax.tree.map(moved, state)._replace(stream=state.stream)

    return _Functions(
        tracker.init,
        jit_for_tracking(start),
        jit_for_tracking(step, static_argnums=3),
        jit_for_tracking(move, static_argnums=2),
        set(),
    )


def _put(leaf: jax.Array, part: jax.Array, place: jax.Array | int) -> jax.Array:
    return lax.dynamic_update_slice_in_dim(leaf, part, place, 0)
