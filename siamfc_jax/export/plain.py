"""A tracker as two functions of plain arrays and dicts, which is what is exported.

One video at a time: `init(frame, boxes)` and `step(state, frame)`, for any number T of targets and
frames of any size. The code of a tracker is traced for a single target and mapped over T, because
the lowerings for CPUs (`models/conv.py`) look at how many images there are.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from siamfc_jax.crops import Frames
from siamfc_jax.models.network import Network
from siamfc_jax.tracking.siamrpn_config import SiamRPNTracking
from siamfc_jax.tracking.tracker import Params
from siamfc_jax.tracking.trackers import Tracking, make_tracker

Arrays = dict[str, jax.Array]


class PlainTracker(NamedTuple):
    """A tracker with its parameters inside.

    Attributes:
      init: (frame uint8 [H, W, 3] RGB, boxes float32 [T, 4]) -> (state, prediction).
      step: (state, frame) -> (new state, prediction).

    States and predictions are dicts by the names of `TrackState` (without stream; SiamRPN has a
    template_cls and a template_loc) and of `Prediction`; all arrays lead with T.
    """

    init: Callable[[jax.Array, jax.Array], tuple[Arrays, Arrays]]
    step: Callable[[Arrays, jax.Array], tuple[Arrays, Arrays]]


class Signature(NamedTuple):
    """Shapes and types of a PlainTracker's arguments and results, all with symbolic T, H and W.

    Attributes:
      first, then: arguments of `init` and of `step`.
      state, prediction: by name, in the order in which JAX flattens them.
    """

    first: tuple[Any, Any]
    then: tuple[Any, Any]
    state: dict[str, Any]
    prediction: dict[str, Any]


def plain_tracker(
    network: Network, tracking: Tracking, init_params: Params, step_params: Params
) -> PlainTracker:
    """The tracker of `network` under `tracking`.

    Args:
      init_params, step_params: folded parameters, as they are or from `network.prepare`.
    """
    if isinstance(tracking, SiamRPNTracking):
        # It never changes the box, and its loop has no place in a graph.
        tracking = dataclasses.replace(tracking, nms_overlap=0.0)
    tracker = make_tracker(network, tracking)

    def start(frame: jax.Array, box_4: jax.Array) -> Any:
        stream = jnp.zeros(1, jnp.int32)
        return _first(tracker.init(init_params, _frames(frame), box_4[None], stream))

    def init(frame: jax.Array, boxes_Tx4: jax.Array) -> tuple[Arrays, Arrays]:
        state, prediction = jax.vmap(start, (None, 0))(frame, boxes_Tx4)
        return _named(state._replace(stream=None)), _named(prediction)

    specimen = jax.ShapeDtypeStruct((64, 64, 3), jnp.uint8)
    state_1, _ = jax.eval_shape(start, specimen, jax.ShapeDtypeStruct((4,), jnp.float32))
    names = list(_named(state_1._replace(stream=None)))
    structure = jax.tree.structure(state_1._replace(stream=None))

    def follow(arrays: Arrays, frame: jax.Array) -> Any:
        leaves = [arrays[name][None] for name in names]
        state = jax.tree.unflatten(structure, leaves)._replace(stream=jnp.zeros(1, jnp.int32))
        return _first(tracker.step(step_params, state, _frames(frame)))

    def step(arrays: Arrays, frame: jax.Array) -> tuple[Arrays, Arrays]:
        state, prediction = jax.vmap(follow, (0, None))(arrays, frame)
        return _named(state._replace(stream=None)), _named(prediction)

    return PlainTracker(init, step)


def signature(tracker: PlainTracker) -> Signature:
    """What `tracker` takes and gives."""
    targets, height, width = export.symbolic_shape("T, H, W")
    frame = jax.ShapeDtypeStruct((height, width, 3), jnp.uint8)
    boxes = jax.ShapeDtypeStruct((targets, 4), jnp.float32)
    state, prediction = jax.eval_shape(tracker.init, frame, boxes)
    return Signature((frame, boxes), (state, frame), state, prediction)


def _frames(frame: jax.Array) -> Frames:
    height, width, _ = frame.shape
    return Frames(frame[None], jnp.asarray([[width, height]], jnp.int32))


def _first(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[0], tree)


def _named(tree: Any) -> Arrays:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="_"): leaf for path, leaf in leaves}
