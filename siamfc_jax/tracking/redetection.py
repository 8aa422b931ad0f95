"""Re-detection: a target that stays lost is looked for over the whole frame.

No part of the papers' trackers; nothing here touches the step that their protocols run.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc_jax.crops import Frames
from siamfc_jax.models.network import Network
from siamfc_jax.tracking.canvas import Image
from siamfc_jax.tracking.compiling import jit_for_tracking
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.online import Model, MultiTracker
from siamfc_jax.tracking.tracker import Params, Prediction, TrackState
from siamfc_jax.tracking.trackers import Tracking, make_tracker


@dataclasses.dataclass(frozen=True)
class Redetection:
    """When and how a lost target is looked for.

    Attributes:
      after: frames in a row in which a target is lost before it is looked for in the next one.
      found_above: confidence above which the best place is taken for the target.
      tiles: how many search images are looked at in a frame, as one batch. Where more are needed
        to cover the frame, as for a small target, the next frames go on with the rest.
    """

    after: int = 3
    found_above: float = 0.5
    tiles: int = 12

    def __post_init__(self) -> None:
        if self.after < 1 or self.tiles < 1:
            raise ValueError(
                f"after and tiles must be at least 1, not {self.after} and {self.tiles}"
            )
        if not 0 <= self.found_above <= 1:
            raise ValueError(f"found_above must lie in 0..1, not {self.found_above:g}")


def expect_losses(model: Model, where: object) -> None:
    """Raises ValueError, in the name of `where`, if the model never calls a target lost."""
    if not model.tracking.confidence.lost_below:
        raise ValueError(
            f"{where}: this model never calls a target lost, so that none would be looked for; "
            "calibrate it first: python -m experiments.calibrate"
        )


class RedetectingTracker(MultiTracker):
    """A MultiTracker that looks for lost targets over the whole frame.

    The step is the same one, so that a target which is not lost gets the same boxes, bit for bit. A
    search comes before the step of its frame: it moves the target's state to where it was found,
    in the size that it had when it was last not lost, and the step tracks on from there. To know
    who is lost, the prediction before is read first.
    """

    def __init__(self, model: Model, settings: Redetection | None = None) -> None:
        """Raises ValueError as `expect_losses`."""
        expect_losses(model, "redetect")
        super().__init__(model)
        self._settings = settings or Redetection()
        # What is found shall not be lost at once by the same confidence.
        self.found_above = max(self._settings.found_above, model.tracking.confidence.lost_below)
        self._search = _compiled_search(model.network, model.tracking, self.found_above)
        self._warm: set[tuple[int, ...]] = set()

    def init(self, image: Image, boxes: ArrayLike) -> None:
        """As `MultiTracker.init`."""
        super().init(image, boxes)
        assert self._state is not None and self.initial_prediction is not None
        self._latest = self.initial_prediction
        self._lost_for = np.zeros(len(self._latest.box), np.int32)
        self._size, self._side = self._state.size, self._state.side
        covered, side = self._latest.response_box[:, 2], self._state.first_side
        self._reach = np.asarray(covered) / np.asarray(side)
        self._waiting: dict[int, NDArray[np.float32]] = {}

    def _step(self, frames: Frames) -> Prediction:
        assert self._state is not None
        shapes = (len(self._lost_for), *frames.pixels.shape)
        if shapes not in self._warm:
            # Compiled now, not in the middle of the video.
            self._searched(frames, 0)
            self._waiting.clear()
            self._warm.add(shapes)
        lost = np.asarray(self._latest.lost)
        self._lost_for = np.where(lost, self._lost_for + 1, 0)
        self._remember(lost)
        for target in np.flatnonzero(self._lost_for >= self._settings.after).tolist():
            self._state = self._searched(frames, target)
        self._latest = super()._step(frames)
        return self._latest

    def _remember(self, lost: NDArray[np.bool_]) -> None:
        """Sizes of the targets that are not lost."""
        assert self._state is not None
        if lost.any():
            is_lost = jax.device_put(lost)
            self._size = jnp.where(is_lost[:, None], self._size, self._state.size)
            self._side = jnp.where(is_lost, self._side, self._state.side)
        else:
            self._size, self._side = self._state.size, self._state.side
        for target in np.flatnonzero(~lost).tolist():
            self._waiting.pop(target, None)

    def _searched(self, frames: Frames, target: int) -> TrackState:
        """The state after a look at the next tiles."""
        assert self._state is not None
        waiting = self._waiting.get(target, ())
        if not len(waiting):
            box = np.asarray(self._latest.box[target])
            reach = float(self._reach[target] * np.asarray(self._side[target]))
            width, height = np.asarray(frames.sizes[0]).tolist()
            waiting = tile_centres(width, height, reach, box[:2] + box[2:] / 2)
        now, self._waiting[target] = np.split(waiting, [self._settings.tiles])
        centres = jax.device_put(np.resize(now, (self._settings.tiles, 2)))
        return self._search(
            self._params,
            self._state._replace(size=self._size, side=self._side),
            self._state,
            frames,
            jax.device_put(np.int32(target)),
            centres,
        )


def tile_centres(
    width: int, height: int, reach: float, near: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Centres [n, 2] (x, y) of squares with sides of at most `reach` pixels that tile a frame,
    those first whose distance from `near` (x, y) is least."""
    across, down = (
        (np.arange(count, dtype=np.float32) + np.float32(0.5)) * np.float32(extent / count)
        for extent in (width, height)
        for count in [max(1, math.ceil(extent / reach))]
    )
    centres = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
    order = np.argsort(((centres - near) ** 2).sum(-1), kind="stable")
    nearest_first: NDArray[np.float32] = centres[order]
    return nearest_first


def _of_a_search(tracking: Tracking) -> Tracking:
    """The settings with the whole search image alike, at one size, and with no scale that costs a
    search image more."""
    if isinstance(tracking, SiamFCTracking):
        scales = tracking.n_scales if tracking.pyramid == "exemplars" else 1
        return dataclasses.replace(tracking, window_influence=0.0, n_scales=scales, scale_lerp=0.0)
    return dataclasses.replace(tracking, window_influence=0.0, center_cells=0)


_Search = Callable[[Params, TrackState, TrackState, Frames, jax.Array, jax.Array], TrackState]


@lru_cache
def _compiled_search(network: Network, tracking: Tracking, found_above: float) -> _Search:
    tracker = make_tracker(network, _of_a_search(tracking))

    def search(
        params: Params,
        sought: TrackState,
        state: TrackState,
        frames: Frames,
        target: jax.Array,
        centre_Kx2: jax.Array,
    ) -> TrackState:
        """`state`, but with the target where it was found, if it was; `sought` in which size."""

        def everywhere(leaf: jax.Array) -> jax.Array:
            return jnp.broadcast_to(leaf[target], (len(centre_Kx2), *leaf.shape[1:]))

        tiles = jax.tree.map(everywhere, sought)._replace(centre=centre_Kx2)
        found, prediction = tracker.step(params, tiles, frames)
        best = jnp.argmax(prediction.confidence)
        is_found = prediction.confidence[best] > found_above

        def moved(old: jax.Array, new: jax.Array) -> jax.Array:
            return old.at[target].set(jnp.where(is_found, new[best], old[target]))

        return state._replace(
            centre=moved(state.centre, found.centre),
            size=moved(state.size, found.size),
            side=moved(state.side, found.side),
        )

    search_compiled: _Search = jit_for_tracking(search)
    return search_compiled
