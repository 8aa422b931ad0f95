"""What only an accelerator can show: python -m pytest -m gpu."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tracking_worlds import NETWORK, matching_params, scene

from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.siamfc import siamfc_tracker

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def accelerator():
    if jax.default_backend() == "cpu":
        pytest.skip("needs an accelerator")


def boxes_on(device):
    frames, boxes = scene()
    tracker = siamfc_tracker(NETWORK, SIAMFC_3S_PAPER)
    with jax.default_device(device), jax.default_matmul_precision("highest"):
        params = jax.device_put(matching_params(), device)
        stream = jnp.zeros(1, jnp.int32)
        first = jax.device_put(on_canvas([frames[0]]), device)
        state, _ = jax.jit(tracker.init)(params, first, jnp.asarray(boxes[:1]), stream)
        predicted = []
        for frame in frames[1:]:
            on_device = jax.device_put(on_canvas([frame]), device)
            state, prediction = jax.jit(tracker.step)(params, state, on_device)
            predicted.append(np.asarray(prediction.box))
    return np.stack(predicted)


def test_the_accelerators_lowerings_give_the_cpus_boxes():
    on_accelerator, on_cpu = boxes_on(jax.devices()[0]), boxes_on(jax.devices("cpu")[0])
    np.testing.assert_allclose(on_accelerator, on_cpu, atol=0.1)
