"""One search image a frame: the exemplar at every scale instead of the search image."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tracking_loops import FAST, jitted, one_step, peak_map, start
from tracking_worlds import matching_params, scene

from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.siamrpn_config import SIAMRPN_RELEASE
from siamfc_jax.tracking.trackers import fast_tracking


@pytest.fixture(scope="module")
def params():
    return matching_params()


def of_one_scale(params, frames, box, scale):
    """The slow way to one of the fast way's responses, and its peak: the exemplar of a box whose
    size is divided by the scale, over the search image of the box as it is."""
    single = jitted(dataclasses.replace(SIAMFC_3S_PAPER, n_scales=1))
    size = box[2:] / np.float32(scale)
    smaller = np.concatenate([box[:2] + (box[2:] - size) / 2, size])
    exemplar = start(single, params, frames[:1], smaller[None]).template
    state = start(single, params, frames[:1], box[None])
    exemplar = exemplar * (jnp.linalg.norm(state.template) / jnp.linalg.norm(exemplar))
    frame = jax.device_put(on_canvas(frames[1:]))
    return single.step(params, state._replace(template=exemplar), frame)[1]


@pytest.mark.parametrize("preferred", range(3))
def test_the_fast_way_compares_one_search_image_with_the_exemplar_at_every_scale(params, preferred):
    frames, boxes = scene(n_frames=2, side=30)
    slow = of_one_scale(params, frames, boxes[0], FAST.scales[preferred])
    state = start(jitted(FAST), params, frames[:1], boxes[:1])
    # Without the other exemplars none but this one can be chosen.
    others = jnp.arange(3) != preferred
    alone = jnp.where(others[None, :, None, None, None], 0.0, state.template)
    _, fast = jitted(FAST).step(
        params, state._replace(template=alone), jax.device_put(on_canvas(frames[1:]))
    )
    assert int(fast.scale_index[0]) == preferred
    np.testing.assert_allclose(fast.score, slow.score, atol=1e-4)
    np.testing.assert_allclose(fast.response, slow.response, atol=1e-3)
    np.testing.assert_allclose(fast.response_box, slow.response_box, atol=1e-3)


def test_the_fast_way_is_for_siamfc():
    with pytest.raises(ValueError, match="a SiamRPN searches one image a frame anyway"):
        fast_tracking(SIAMRPN_RELEASE)


@pytest.mark.parametrize("settings", [{"displacement_scale": "previous"}, {"round_crops": True}])
def test_the_fast_way_measures_every_scale_in_the_one_search_image(settings):
    responses = np.stack([peak_map(8, 8, 0.1), peak_map(8, 8, 0.1), peak_map(8, 12)])
    fast = {"pyramid": "exemplars", "scale_step": 1.5, "window_influence": 0.0}
    before, after, prediction = one_step(responses, **fast)
    assert int(prediction.scale_index[0]) == 2
    moved = float(after.centre[0, 0] - before.centre[0, 0]) / float(before.side[0])
    assert moved == pytest.approx((12 - 8) * 8 / 255, abs=1e-3)
    covered = float(before.side[0]) * (255 - 127 + 8) / 255
    assert float(prediction.response_box[0, 2]) == pytest.approx(covered, rel=1e-5)
    _, other, _ = one_step(responses, **fast, **settings)
    np.testing.assert_array_equal(other.centre, after.centre)
