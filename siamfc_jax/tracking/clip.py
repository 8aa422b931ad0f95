"""A whole clip in one device call."""

import functools
from typing import Any

from jax import lax

from siamfc_jax.crops import Frames
from siamfc_jax.tracking.compiling import jit_for_tracking
from siamfc_jax.tracking.tracker import Params, Prediction, Tracker, TrackState


def track_clip(
    tracker: Tracker, params: Params, state: TrackState, clip: Frames
) -> tuple[TrackState, Prediction]:
    """Scan `tracker.step` over N frames of every video; the same boxes as N calls of `step`.

    Args:
      tracker, params: what to run; jit this function with `tracker` static.
      state: after `tracker.init` or an earlier clip, so that long videos go clip by clip in
        bounded memory.
      clip: pixels [N, F, H, W, 3] uint8 and sizes [N, F, 2].

    Returns:
      The state after the clip, and predictions whose arrays lead with N.
    """

    def body(carry: TrackState, frames: Frames) -> tuple[TrackState, Prediction]:
        return tracker.step(params, carry, frames)

    return lax.scan(body, state, clip)


def track_clip_jit(
    tracker: Tracker, params: Params, state: TrackState, clip: Frames
) -> tuple[TrackState, Prediction]:
    """`track_clip`, compiled once for each tracker and shape."""
    state, predictions = _compiled()(tracker, params, state, clip)
    return state, predictions


@functools.cache
def _compiled() -> Any:
    # Not when the module is imported, which must not start a device.
    return jit_for_tracking(track_clip, static_argnums=0)
