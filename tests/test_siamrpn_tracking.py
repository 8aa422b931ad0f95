import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.boxes import iou
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.anchors import A5
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.rpn_heads import Proposals, UpChannelHead
from siamfc_jax.models.siamrpn import ALEXNET_UNGROUPED, SIAMRPN, SiamRPNNetwork
from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.clip import track_clip_jit
from siamfc_jax.tracking.confidence import Confidence
from siamfc_jax.tracking.nms import suppress
from siamfc_jax.tracking.siamrpn import propose, siamrpn_tracker
from siamfc_jax.tracking.siamrpn_config import (
    PRESETS,
    SIAMRPN_RELEASE,
    SiamRPNTracking,
)
from siamfc_jax.tracking.tracker import Tracker
from siamfc_jax.training.objectives import objective_of
from siamfc_jax.training.settings import TrainSettings

CELLS = 19
BARE = SiamRPNTracking(penalty_k=0.0, window_influence=0.0, size_lr=1.0)
"""Takes the best-scored proposal as it is."""

# A network with given proposals, to see what the loop makes of them.


class Given:
    backbone, anchors, cells = ALEXNET_UNGROUPED, A5, SiamRPNNetwork.cells

    def __init__(self, proposals):
        self.proposals = proposals

    def embed(self, params, image):
        side = self.backbone.output_size(image.shape[1])
        return jnp.zeros((len(image), side, side, 1))

    def template(self, params, features):
        return jnp.zeros((len(features), 1))

    def respond(self, params, template, search):
        side = search.shape[1] - 5
        shape = (len(search), side, side, 5)
        if side == 1:
            return Proposals(jnp.zeros((*shape, 2)), jnp.zeros((*shape, 4)))
        return Proposals(
            *(jnp.broadcast_to(leaf, (*shape, leaf.shape[-1])) for leaf in self.proposals)
        )


def proposals(*candidates, cells=CELLS):
    """Background everywhere, but for candidates (row, column, anchor, logit, offsets)."""
    logits = np.full((1, cells, cells, 5, 2), [5.0, -5.0], np.float32)
    offsets = np.zeros((1, cells, cells, 5, 4), np.float32)
    for row, column, anchor, logit, offset in candidates:
        logits[0, row, column, anchor] = 0, logit
        offsets[0, row, column, anchor] = offset
    return Proposals(jnp.asarray(logits), jnp.asarray(offsets))


SURE = 30.0
STILL = (0, 0, 0, 0)


def one_step(*candidates, box=(200, 150, 60, 60), frame=(400, 500), config=BARE, **settings):
    config = dataclasses.replace(config, **settings)
    network = Given(proposals(*candidates, cells=(config.search_size - 127) // 8 + 1))
    tracker = siamrpn_tracker(network, config)
    frames = jax.device_put(on_canvas([np.zeros((*frame, 3), np.uint8)]))
    state, first = tracker.init(
        {}, frames, jnp.asarray([box], jnp.float32), jnp.zeros(1, jnp.int32)
    )
    assert first.response.shape[1:] == network.proposals.logits.shape[1:3]
    return state, *tracker.step({}, state, frames)


def in_search_pixels(state, after):
    pixel = float(state.side[0]) / 271
    return np.asarray(after.centre - state.centre)[0] / pixel, np.asarray(after.size)[0] / pixel


def test_the_best_proposal_is_decoded_relative_to_its_anchor():
    offsets = (0.25, -0.5, np.log(1.5), np.log(0.5))
    before, after, prediction = one_step((12, 6, 3, SURE, offsets))
    moved, size = in_search_pixels(before, after)
    # Anchor 3 is 40 x 80, its cell 3 to the left of the middle and 3 below.
    np.testing.assert_allclose(moved, [-24 + 0.25 * 40, 24 - 0.5 * 80], atol=1e-3)
    np.testing.assert_allclose(size, [60, 40], rtol=1e-4)
    assert int(prediction.scale_index[0]) == 3
    np.testing.assert_allclose(prediction.score, 1.0, atol=1e-5)


def test_the_confidence_is_made_of_the_score():
    settings = Confidence(bias=-1.0, gain=0.5, lost_below=0.6)
    _, _, prediction = one_step((12, 6, 3, 2.0, STILL), confidence=settings)
    np.testing.assert_allclose(prediction.confidence, 1 / (1 + np.exp(1.0 - 0.5 * 2.0)), rtol=1e-5)
    assert prediction.lost.tolist() == [True]


def test_the_box_follows_a_change_of_ratio_over_frames():
    network = Given(proposals((9, 9, 0, SURE, STILL)))  # 104 x 32
    tracker = siamrpn_tracker(network, dataclasses.replace(BARE, size_lr=0.5, round_crops=False))
    frames = jax.device_put(on_canvas([np.zeros((400, 500, 3), np.uint8)]))
    boxes = jnp.asarray([[200, 150, 60, 60]], jnp.float32)
    state, _ = tracker.init({}, frames, boxes, jnp.zeros(1, jnp.int32))
    ratios = []
    for _ in range(8):
        state, prediction = tracker.step({}, state, frames)
        ratios.append(float(prediction.box[0, 2] / prediction.box[0, 3]))
    assert ratios == sorted(ratios)
    assert ratios[0] > 1.3 and abs(ratios[-1] - 104 / 32) < 0.1


def test_the_penalty_prefers_the_last_scale_and_ratio():
    # The box is square, and 64 x 64 search pixels is about its size; the other is more probable.
    square, flat = (9, 9, 2, 1.0, STILL), (9, 9, 0, 1.5, STILL)
    assert int(one_step(square, flat)[2].scale_index[0]) == 0
    assert int(one_step(square, flat, penalty_k=0.3)[2].scale_index[0]) == 2


def test_the_penalty_is_one_without_change_and_otherwise_as_released():
    candidates = [(9, 9, k, 0.0, STILL) for k in range(5)]
    last = jnp.asarray([[50.0, 80.0]])
    config = dataclasses.replace(BARE, penalty_k=0.2)
    ranked = propose(proposals(*candidates), last, A5, config)
    at_middle = ranked.penalty.reshape(CELLS, CELLS, 5)[9, 9]

    def scale(w, h):
        return np.sqrt((w + (w + h) / 2) * (h + (w + h) / 2))

    for k, (w, h) in enumerate(A5.sizes):
        s = scale(w, h) / scale(50, 80)
        r = (w / h) / (50 / 80)
        expected = np.exp(-(max(r, 1 / r) * max(s, 1 / s) - 1) * 0.2)
        np.testing.assert_allclose(at_middle[k], expected, rtol=1e-5)
    same = propose(proposals(*candidates), jnp.asarray([[64.0, 64.0]]), A5, config)
    np.testing.assert_allclose(same.penalty.reshape(CELLS, CELLS, 5)[9, 9, 2], 1.0, rtol=1e-6)


def test_the_window_prefers_the_proposal_nearer_to_the_centre():
    near, far = (9, 9, 2, 1.0, STILL), (2, 2, 2, 1.5, STILL)
    without, with_window = (
        in_search_pixels(*one_step(near, far, window_influence=w)[:2])[0] for w in (0.0, 0.4)
    )
    np.testing.assert_allclose(without, [-56, -56], atol=1e-3)
    np.testing.assert_allclose(with_window, [0, 0], atol=1e-3)


def test_the_window_is_a_hann_window_with_a_peak_of_one():
    ranked = propose(
        proposals(), jnp.ones((1, 2)), A5, dataclasses.replace(BARE, window_influence=1.0)
    )
    window = np.outer(np.hanning(CELLS), np.hanning(CELLS))
    expected = np.repeat(window[..., None], 5, -1).reshape(1, -1)
    np.testing.assert_allclose(ranked.rank, expected, atol=1e-6)


@pytest.mark.parametrize("logit", [0.0, 1.0, SURE])
def test_the_size_is_damped_by_score_and_penalty(logit):
    config = dataclasses.replace(BARE, penalty_k=0.1, size_lr=0.3)
    before, after, prediction = one_step((9, 9, 3, logit, STILL), config=config)
    last = np.asarray(before.size[0]) * 271 / float(before.side[0])
    ranked = propose(proposals((9, 9, 3, logit, STILL)), jnp.asarray(last)[None], A5, config)
    penalty = float(ranked.penalty.reshape(CELLS, CELLS, 5)[9, 9, 3])
    share = 0.3 * penalty / (1 + np.exp(-logit))
    np.testing.assert_allclose(prediction.score, 1 / (1 + np.exp(-logit)), rtol=1e-5)
    _, size = in_search_pixels(before, after)
    np.testing.assert_allclose(size, last * (1 - share) + np.asarray([40, 80]) * share, rtol=1e-5)


@pytest.mark.parametrize(
    ("offsets", "size"), [((0, 0, -9, -9), (10, 10)), ((0, 0, 9, 9), (160, 120))]
)
def test_the_size_stays_between_ten_pixels_and_the_frame(offsets, size):
    candidate = (9, 9, 2, SURE, offsets)
    _, after, _ = one_step(candidate, box=(60, 50, 30, 30), frame=(120, 160))
    np.testing.assert_allclose(after.size[0], size)


@pytest.mark.parametrize(
    ("offset", "centre"), [((-9, -9, 0, 0), (0, 0)), ((9, 9, 0, 0), (160, 120))]
)
def test_the_centre_stays_in_the_frame_and_the_box_is_cut_if_asked(offset, centre):
    candidate = (9, 9, 2, SURE, offset)
    start = {"box": (60, 50, 30, 30), "frame": (120, 160)}
    _, after, whole = one_step(candidate, **start)
    _, _, cut = one_step(candidate, **start, clip_to_frame=True)
    np.testing.assert_allclose(after.centre[0], centre)
    np.testing.assert_allclose(whole.box[0, 2:], after.size[0], rtol=1e-5)
    np.testing.assert_allclose(cut.box[0, 2:], after.size[0] / 2, rtol=1e-5)
    low, size = np.split(np.asarray(cut.box[0]), 2)
    assert (low >= 0).all() and (low + size <= [160, 120]).all()


@pytest.mark.parametrize("offset", [1e30, -1e30, 88.0])
def test_absurd_offsets_give_finite_boxes(offset):
    candidate = (9, 9, 2, SURE, (offset,) * 4)
    _, after, prediction = one_step(candidate, config=SIAMRPN_RELEASE)
    for leaf in (*jax.tree.leaves(after), *prediction):
        assert np.isfinite(leaf).all()


def test_proposals_far_from_the_centre_are_discarded_if_asked():
    near, far = (9 - 3, 9, 2, 1.0, STILL), (9 + 4, 9, 2, SURE, STILL)
    before, everything, _ = one_step(near, far)
    assert in_search_pixels(before, everything)[0][1] == pytest.approx(32, abs=1e-3)
    before, central, prediction = one_step(near, far, center_cells=7)
    assert in_search_pixels(before, central)[0][1] == pytest.approx(-24, abs=1e-3)
    assert prediction.response.shape == (1, CELLS, CELLS)


def test_only_the_top_k_scores_are_ranked_if_asked():
    # The window puts the less probable one first, unless it does not count.
    near, far = (9, 9, 2, 1.0, STILL), (2, 2, 2, 1.5, STILL)
    before, both, _ = one_step(near, far, window_influence=0.4, top_k=2)
    np.testing.assert_allclose(in_search_pixels(before, both)[0], 0, atol=1e-3)
    before, first, _ = one_step(near, far, window_influence=0.4, top_k=1)
    np.testing.assert_allclose(in_search_pixels(before, first)[0], -56, atol=1e-3)


def random_proposals(seed, targets=2, cells=7):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(targets, cells, cells, 5, 2))
    offsets = 0.3 * rng.normal(size=(targets, cells, cells, 5, 4))
    return Proposals(jnp.asarray(logits, jnp.float32), jnp.asarray(offsets, jnp.float32))


def test_suppression_leaves_the_best_and_none_that_overlap():
    output, size = random_proposals(0), jnp.asarray([[64.0, 64.0], [40.0, 80.0]])
    config = dataclasses.replace(SIAMRPN_RELEASE, top_k=50, nms_overlap=0.4)
    ranked = propose(output, size, A5, config)
    plain = propose(output, size, A5, dataclasses.replace(config, nms_overlap=0.0))
    np.testing.assert_allclose(ranked.rank[:, 0], plain.rank.max(-1))
    for t in range(2):
        left = np.asarray(ranked.box[t])[np.isfinite(ranked.rank[t])]
        boxes = np.concatenate([left[:, :2] - left[:, 2:] / 2, left[:, 2:]], -1)
        overlaps = iou(boxes[:, None], boxes[None])
        assert 1 < len(left) < 50
        assert (overlaps[~np.eye(len(left), dtype=bool)] <= 0.4 + 1e-5).all()


SIZES = st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(5, 40)] * 2)


@given(boxes=st.lists(SIZES, min_size=12, max_size=12), overlap=st.sampled_from([0.11, 0.33, 0.71]))
def test_suppression_is_the_greedy_one(boxes, overlap):
    array = np.asarray(boxes, np.float32)
    corners = np.concatenate([array[:, :2] - array[:, 2:] / 2, array[:, 2:]], -1)
    kept = []
    for index, box in enumerate(corners):
        if all(iou(box, corners[other]) <= overlap for other in kept):
            kept.append(index)
    left = jax.jit(suppress)(jnp.asarray(array)[None], overlap)[0]
    np.testing.assert_array_equal(np.flatnonzero(left), kept)


def test_the_response_is_the_best_anchors_probability_over_the_cells_it_covers():
    output = proposals((4, 7, 1, 0.0, STILL), (4, 7, 3, 2.0, STILL))
    before, _, prediction = one_step((4, 7, 1, 0.0, STILL), (4, 7, 3, 2.0, STILL))
    margins = np.asarray(output.logits[..., 1] - output.logits[..., 0]).max(-1)
    np.testing.assert_allclose(prediction.response, 1 / (1 + np.exp(-margins)), rtol=1e-4)
    pixel = float(before.side[0]) / 271
    x, y, w, h = np.asarray(prediction.response_box[0])
    np.testing.assert_allclose([w, h], CELLS * 8 * pixel, rtol=1e-5)
    np.testing.assert_allclose([x + w / 2, y + h / 2], before.centre[0], rtol=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_stay_on_a_target_at_rest(preset):
    config = dataclasses.replace(PRESETS[preset], search_size=271)
    before, after, prediction = one_step((9, 9, 2, SURE, STILL), config=config)
    np.testing.assert_allclose(after.centre, before.centre, atol=1e-3)
    assert iou(prediction.box[0], (200, 150, 60, 60)) > 0.9


@pytest.mark.parametrize(
    "wrong",
    [
        {"search_size": 100},
        {"window_influence": 1.1},
        {"size_lr": -0.1},
        {"top_k": -1},
        {"nms_overlap": 1.5},
        {"min_size": 0.0},
    ],
)
def test_settings_without_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SiamRPNTracking(**wrong)


def test_a_search_size_whose_cells_lie_beside_the_anchors_is_refused():
    with pytest.raises(ValueError, match="259 is not exemplar_size 127 and a multiple of 8"):
        siamrpn_tracker(SIAMRPN, SiamRPNTracking(search_size=259))
    with pytest.raises(ValueError, match="259 is not exemplar_size 127 and a multiple of 8"):
        objective_of(SIAMRPN, TrainSettings(search_size=259))


# A real network, narrow and untrained.

NETWORK = SiamRPNNetwork(
    AlexNetConfig((8, 8, 8, 8, 8), (1, 1, 1, 1, 1), norm_last=True), UpChannelHead(8)
)
TRACKER = siamrpn_tracker(NETWORK, dataclasses.replace(SIAMRPN_RELEASE, search_size=191))
JITTED = Tracker(jax.jit(TRACKER.init), jax.jit(TRACKER.step))
BOXES = np.float32([(60, 40, 30, 24), (20, 60, 40, 40), (90, 50, 20, 44)])


@pytest.fixture(scope="module")
def params():
    rng = np.random.default_rng(0)

    def drawn(path, leaf):
        if path[-1].key in ("scale", "var"):
            return np.ones(leaf.shape, np.float32)
        fan_in = np.prod(leaf.shape[:3]) if leaf.ndim == 4 else 1e4
        return rng.normal(0, fan_in**-0.5, leaf.shape).astype(np.float32)

    layers = jax.eval_shape(NETWORK.init, jax.random.key(0))
    layers = jax.tree_util.tree_map_with_path(drawn, layers)
    layers["conv1"]["kernel"] *= 1e-2
    return jax.device_put(fold_batch_norm(layers))


@pytest.fixture(scope="module")
def frames():
    """Two videos in each."""

    def view(seed, width, t):
        picture = np.random.default_rng(seed).integers(0, 256, (15, 20, 3), np.uint8)
        return picture.repeat(16, 0).repeat(16, 1)[3 * t :, 5 * t :][:120, :width]

    return [jax.device_put(on_canvas([view(0, 160, t), view(1, 150, t)])) for t in range(4)]


def start(params, frames, targets=(0, 1, 2)):
    stream = jnp.asarray([0, 1, 1], jnp.int32)[jnp.asarray(targets)]
    return JITTED.init(params, frames[0], jnp.asarray(BOXES[list(targets)]), stream)[0]


def track(params, frames, targets=(0, 1, 2)):
    state, boxes = start(params, frames, targets), []
    for frame in frames[1:]:
        state, prediction = JITTED.step(params, state, frame)
        boxes.append(prediction.box)
    return np.stack(boxes, 1)


def test_targets_of_several_videos_do_not_disturb_each_other(params, frames):
    together = track(params, frames)
    assert np.ptp(together, axis=1).max() > 1
    for target in range(3):
        alone = track(params, frames, (target,) * 3)
        np.testing.assert_allclose(together[target], alone[0], atol=1e-2)


def test_a_scanned_clip_gets_the_boxes_of_the_loop(params, frames):
    clip = jax.tree.map(lambda *leaves: jnp.stack(leaves), *frames[1:])
    _, scanned = track_clip_jit(TRACKER, params, start(params, frames), clip)
    np.testing.assert_allclose(scanned.box.swapaxes(0, 1), track(params, frames), atol=1e-2)


def test_a_step_neither_waits_for_nor_sends_anything(params, frames):
    state = start(params, frames)
    JITTED.step(params, state, frames[1])
    with jax.transfer_guard("disallow"):
        JITTED.step(params, state, frames[1])
