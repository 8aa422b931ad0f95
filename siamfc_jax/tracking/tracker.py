"""The Tracker type: two pure functions and the arrays that pass between them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from siamfc_jax.crops import Frames

Params = Mapping[str, Any]


class TrackState(NamedTuple):
    """What a tracker remembers of T targets. All on the device; never changed in place.

    Attributes:
      template: what the network keeps of the exemplars, from its `template`: arrays float32 that
        lead with T, in a pytree (SiamFC: the features [T, E, h, w, C] of E exemplars: 1, or one of
        each scale where the pyramid is of exemplars).
      stream: [T] int32, which of the F frames of a step each target lives in.
      centre: [T, 2] float32, (x, y) of the target's centre in frame pixels (continuous, origin at
        the upper-left corner of the upper-left pixel).
      size: [T, 2] float32, (w, h) in frame pixels.
      side: [T] float32, side of the search square in frame pixels (s_x of released code).
      first_side: [T] float32, `side` in the first frame.
      pad: [T, 3] float32 RGB, the first frame's mean colour.
    """

    template: Any
    stream: jax.Array
    centre: jax.Array
    size: jax.Array
    side: jax.Array
    first_side: jax.Array
    pad: jax.Array


class Prediction(NamedTuple):
    """What a step says of each of T targets.

    Attributes:
      box: [T, 4] float32 (x, y, w, h), upper-left corner in continuous frame pixels.
      score: [T] float32 in 0..1, the probability of the target at the best place (SiamFC: logistic
        function of the response's peak). Comparable between frames of one network, not between
        networks.
      response: [T, h, w] float32, response map of the chosen scale (SiamRPN: probability of the
        foreground, of the best anchor of each cell).
      response_box: [T, 4] float32, the part of the frame that the response map covers.
      scale_index: [T] int32, the chosen scale, 0 being the smallest (SiamRPN: the chosen anchor's
        shape).
      confidence: [T] float32 in 0..1, the probability that the box overlaps the target with an IoU
        of .5 or more, as `siamfc_jax.tracking.confidence` makes it of the score. It
        compares networks, too, once they are calibrated; until then it is the score.
      lost: [T] bool, whether the confidence is below the settings' threshold.
    """

    box: jax.Array
    score: jax.Array
    response: jax.Array
    response_box: jax.Array
    scale_index: jax.Array
    confidence: jax.Array
    lost: jax.Array


class Tracker(NamedTuple):
    """A tracker is two pure functions; jit, scan, vmap and export them as they are.

    Attributes:
      init: (params, frames, boxes [T, 4], stream [T] int32) -> (state, first prediction); embeds
        each target's exemplars once.
      step: (params, state, frames) -> (state, prediction); one frame of every video, all targets
        (and scales) as one batch.
    """

    init: Callable[[Params, Frames, jax.Array, jax.Array], tuple[TrackState, Prediction]]
    step: Callable[[Params, TrackState, Frames], tuple[TrackState, Prediction]]
