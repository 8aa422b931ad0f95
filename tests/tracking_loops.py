"""SiamFC's loop over frames, of a network that tracks or of one whose responses are given."""

import dataclasses
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from tracking_worlds import NETWORK

from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.siamfc import siamfc_tracker
from siamfc_jax.tracking.tracker import Tracker
from siamfc_jax.tracking.trackers import fast_tracking

FAST = fast_tracking(dataclasses.replace(SIAMFC_3S_PAPER, scale_step=1.1))


@lru_cache
def jitted(config):
    tracker = siamfc_tracker(NETWORK, config)
    return Tracker(jax.jit(tracker.init), jax.jit(tracker.step))


def start(tracker, params, images, boxes, stream=None):
    frames = jax.device_put(on_canvas(images))
    stream = jnp.zeros(len(boxes), jnp.int32) if stream is None else stream
    return tracker.init(params, frames, jnp.asarray(boxes), stream)[0]


def run(tracker, params, frames, boxes):
    state = start(tracker, params, [frames[0]], boxes)
    predictions = []
    for frame in frames[1:]:
        state, prediction = tracker.step(params, state, jax.device_put(on_canvas([frame])))
        predictions.append(prediction)
    return jax.tree.map(lambda *leaves: np.stack(leaves), *predictions)


def respond_with(responses):
    """A network whose response maps are given: [S, h, w]."""
    responses = jnp.asarray(responses, jnp.float32)

    class Fixed:
        def embed(self, params, image):
            return jnp.zeros((len(image), 1, 1, 1))

        def template(self, params, features):
            return features

        def respond(self, params, template, search):
            of_init = search.ndim == 4
            shape = (len(search), *responses.shape[of_init:])
            return jnp.zeros(shape) if of_init else jnp.broadcast_to(responses[None], shape)

    return Fixed()


def one_step(responses, box=(200, 150, 50, 50), **settings):
    config = dataclasses.replace(SIAMFC_3S_PAPER, **settings)
    tracker = siamfc_tracker(respond_with(responses), config)
    image = np.zeros((400, 500, 3), np.uint8)
    frames = jax.device_put(on_canvas([image]))
    boxes = jnp.asarray([box], jnp.float32)
    state, _ = tracker.init({}, frames, boxes, jnp.zeros(1, jnp.int32))
    return state, *tracker.step({}, state, frames)


def peak_map(row, column, height=1.0, cells=17):
    rows, columns = np.mgrid[:cells, :cells]
    return height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 2)
