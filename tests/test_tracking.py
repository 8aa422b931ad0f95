import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tracking_loops import FAST, jitted, one_step, peak_map, run, start
from tracking_worlds import GREY, NETWORK, matching_params, scene

from siamfc_jax.boxes import BoxError, iou
from siamfc_jax.crops import Frames
from siamfc_jax.tracking.canvas import canvas_side, on_canvas
from siamfc_jax.tracking.clip import track_clip_jit
from siamfc_jax.tracking.config import PRESETS, SIAMFC_3S_PAPER, SIAMFC_3S_RELEASE, SiamFCTracking
from siamfc_jax.tracking.online import FrameSizeError, Model, MultiTracker, OnlineTracker
from siamfc_jax.tracking.siamfc import siamfc_tracker
from siamfc_jax.tracking.trackers import fast_tracking
from siamfc_jax.tracking.upsampling import bicubic_matrix


@pytest.fixture(scope="module")
def params():
    return matching_params()


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("preset", ["siamfc-paper", "siamfc-3s-release", "siamfc-v1-paper"])
def test_the_box_follows_a_moving_object(params, preset, fast):
    frames, boxes = scene()
    config = fast_tracking(PRESETS[preset]) if fast else PRESETS[preset]
    predicted = run(jitted(config), params, frames, boxes[:1])
    assert iou(predicted.box[:, 0], boxes[1:]).min() > 0.6


def test_a_target_at_rest_does_not_drift(params):
    frames, boxes = scene(n_frames=12, velocity=(0, 0))
    predicted = run(jitted(SIAMFC_3S_PAPER), params, frames, boxes[:1])
    offset = predicted.box[:, 0, :2] + predicted.box[:, 0, 2:] / 2 - (boxes[0, :2] + 12)
    stride_in_frame_pixels = 8 * 48 / 127
    assert np.abs(offset).max() < stride_in_frame_pixels / 2


@pytest.mark.parametrize("config", [SIAMFC_3S_RELEASE, FAST])
def test_targets_tracked_together_get_the_boxes_of_each_alone(params, config):
    frames, boxes = scene()
    targets = np.asarray([boxes[0], [20, 20, 30, 18], [90, 70, 16, 40]], np.float32)
    tracker = jitted(config)
    together = run(tracker, params, frames, targets)
    for index in range(3):
        alone = run(tracker, params, frames, targets[index : index + 1])
        np.testing.assert_allclose(together.box[:, index], alone.box[:, 0], atol=1e-3)


def test_videos_tracked_together_get_the_boxes_of_each_alone(params):
    clips = [scene(), scene(size=(100, 140), start=(40, 30), velocity=(2, 3))]
    tracker = jitted(SIAMFC_3S_RELEASE)
    first = [boxes[0] for _, boxes in clips]
    state = start(tracker, params, [f[0] for f, _ in clips], first, jnp.asarray([0, 1], jnp.int32))
    together = []
    for t in range(1, 6):
        frames = jax.device_put(on_canvas([f[t] for f, _ in clips]))
        state, prediction = tracker.step(params, state, frames)
        together.append(prediction.box)
    for index, (frames, boxes) in enumerate(clips):
        alone = run(tracker, params, frames, boxes[:1])
        np.testing.assert_allclose(np.stack(together)[:, index], alone.box[:, 0], atol=1e-3)


def test_a_scanned_clip_gets_the_boxes_of_the_loop(params):
    frames, boxes = scene()
    tracker = siamfc_tracker(NETWORK, SIAMFC_3S_RELEASE)
    looped = run(jitted(SIAMFC_3S_RELEASE), params, frames, boxes[:1])
    state = start(tracker, params, [frames[0]], boxes[:1])
    canvases = [on_canvas([frame]) for frame in frames[1:]]
    clip = Frames(*(jnp.stack(parts) for parts in zip(*canvases, strict=True)))
    _, scanned = track_clip_jit(tracker, params, state, clip)
    np.testing.assert_allclose(scanned.box, looped.box, atol=1e-3)
    np.testing.assert_allclose(scanned.score, looped.score, atol=1e-4)


def test_the_canvas_does_not_change_the_boxes(params):
    frames, boxes = scene()
    tracker = jitted(SIAMFC_3S_RELEASE)
    plain = run(tracker, params, frames, boxes[:1])
    wide = np.zeros((1, 256, 320, 3), np.uint8)

    def on_wide(frame):
        canvas = wide.copy()
        canvas[0, : frame.shape[0], : frame.shape[1]] = frame
        return Frames(jnp.asarray(canvas), jnp.asarray([frame.shape[1::-1]], jnp.int32))

    state, _ = tracker.init(
        params, on_wide(frames[0]), jnp.asarray(boxes[:1]), jnp.zeros(1, jnp.int32)
    )
    for index, frame in enumerate(frames[1:]):
        state, prediction = tracker.step(params, state, on_wide(frame))
        np.testing.assert_allclose(prediction.box, plain.box[index], atol=1e-3)


def test_frames_of_different_sizes_share_one_compiled_step(params):
    traces = []

    def counted(*arguments):
        traces.append(1)
        return tracker.step(*arguments)

    tracker = siamfc_tracker(NETWORK, SIAMFC_3S_RELEASE)
    step = jax.jit(counted)
    for size in [(120, 160), (100, 140), (128, 192)]:
        frames, boxes = scene(size=size, start=(40, 30))
        state = start(tracker, params, [frames[0]], boxes[:1])
        for frame in frames[1:3]:
            state, _ = step(params, state, jax.device_put(on_canvas([frame])))
    assert len(traces) == 1


def test_a_step_neither_waits_for_nor_sends_anything(params):
    frames, boxes = scene()
    tracker = jitted(SIAMFC_3S_RELEASE)
    state = start(tracker, params, [frames[0]], boxes[:1])
    on_device = jax.device_put(on_canvas([frames[1]]))
    params = jax.device_put(params)
    tracker.step(params, state, on_device)
    with jax.transfer_guard("disallow"):
        for _ in range(2):
            state, _ = tracker.step(params, state, on_device)


def test_canvas_sides_hold_the_frame_with_at_most_a_quarter_to_spare():
    for side in range(1, 4097):
        canvas = canvas_side(side)
        assert canvas >= side
        assert canvas - side < max(64, side / 4)
    assert len({canvas_side(side) for side in range(1, 4097)}) <= 28


def test_the_displacement_is_the_peaks_offset_times_the_stride():
    responses = np.stack([peak_map(10, 5, 0.5), peak_map(10, 5), peak_map(10, 5, 0.5)])
    before, after, _ = one_step(responses, window_influence=0.0)
    pixel = float(before.side[0]) / 255
    moved = np.asarray(after.centre - before.centre)[0] / pixel
    np.testing.assert_allclose(moved, [(5 - 8) * 8, (10 - 8) * 8], atol=0.3)


def test_the_legacy_centre_is_a_quarter_search_pixel_off():
    responses = np.repeat(peak_map(8, 8)[None], 3, 0)
    before, after, _ = one_step(responses)
    _, legacy, _ = one_step(responses, legacy_center=True)
    quarter = 0.25 * float(before.side[0]) / 255
    np.testing.assert_allclose(legacy.centre - after.centre, [[quarter, quarter]], atol=1e-4)


def test_the_cosine_window_prefers_the_peak_nearer_to_the_centre():
    two_peaks = np.maximum(peak_map(8, 8, 0.95), peak_map(2, 2, 1.0))
    responses = np.repeat(two_peaks[None], 3, 0)
    _, without, _ = one_step(responses, window_influence=0.0)
    before, with_window, _ = one_step(responses, window_influence=0.3)
    assert np.linalg.norm(without.centre - before.centre) > 10
    assert np.linalg.norm(with_window.centre - before.centre) < 1


@pytest.mark.parametrize(("heights", "best"), [((0.99, 1, 0.9), 1), ((0.9, 1, 1.5), 2)])
def test_a_scale_must_beat_the_middle_one_by_its_penalty(heights, best):
    responses = np.stack([peak_map(8, 8, height) for height in heights])
    _, _, prediction = one_step(responses, scale_penalty=0.9)
    assert int(prediction.scale_index[0]) == best


def test_the_raw_penalty_raises_a_negative_peak_and_the_other_lowers_it():
    responses = np.stack([peak_map(8, 8) - 3, peak_map(8, 8) - 3, peak_map(8, 8) - 3.1])
    _, _, raw = one_step(responses, scale_penalty=0.9, penalty_base="raw")
    _, _, above = one_step(responses, scale_penalty=0.9, penalty_base="above_min")
    assert int(raw.scale_index[0]) == 0
    assert int(above.scale_index[0]) == 1


def test_the_scale_is_damped():
    responses = np.stack([peak_map(8, 8, 0.1), peak_map(8, 8, 0.1), peak_map(8, 8)])
    before, after, _ = one_step(responses, scale_step=1.1, scale_lerp=0.25)
    np.testing.assert_allclose(after.size / before.size, 1.025, rtol=1e-5)
    np.testing.assert_allclose(after.side / before.side, 1.025, rtol=1e-5)


@pytest.mark.parametrize(("follows", "grown"), [(True, 1.0), (False, 1.35)])
def test_the_search_side_is_limited_and_the_box_only_if_asked(follows, grown):
    responses = np.stack([peak_map(8, 8, 0.1), peak_map(8, 8, 0.1), peak_map(8, 8)])
    before, after, _ = one_step(
        responses, scale_step=2.0, scale_lerp=0.35, max_side=1.0, size_follows_limits=follows
    )
    np.testing.assert_allclose(after.side, before.side)
    np.testing.assert_allclose(after.size / before.size, grown, rtol=1e-5)


def test_displacement_scale_chosen_uses_the_crop_that_was_measured():
    responses = np.stack([peak_map(8, 8, 0.1), peak_map(8, 8, 0.1), peak_map(8, 12)])
    settings = {"scale_step": 1.5, "window_influence": 0.0}
    before, previous, _ = one_step(responses, displacement_scale="previous", **settings)
    _, chosen, _ = one_step(responses, displacement_scale="chosen", **settings)
    ratio = (chosen.centre - before.centre)[0, 0] / (previous.centre - before.centre)[0, 0]
    assert float(ratio) == pytest.approx(1.5, rel=1e-4)


@pytest.mark.parametrize("clip", [True, False])
def test_a_target_that_leaves_the_frame_ends_in_a_box_inside_if_asked(clip):
    responses = np.repeat(peak_map(8, 16)[None], 3, 0)
    _, after, prediction = one_step(
        responses, box=(460, 150, 40, 40), window_influence=0.0, clip_to_frame=clip
    )
    x, _, w, _ = np.asarray(prediction.box[0])
    assert (x + w <= 500 and w > 0) == clip
    assert (float(after.centre[0, 0]) <= 500) == clip


@pytest.mark.parametrize(
    "config", [PRESETS["siamfc-paper"], SIAMFC_3S_RELEASE, PRESETS["siamfc-v1-paper"], FAST]
)
def test_a_box_of_less_than_a_pixel_gives_finite_boxes(params, config):
    frames, _ = scene(n_frames=3)
    speck = np.asarray([[70.0, 60.0, 0.1, 0.2]], np.float32)
    predicted = run(jitted(config), params, frames, speck)
    assert np.isfinite(predicted.box).all()


@pytest.mark.parametrize("config", [SIAMFC_3S_RELEASE, FAST])
@pytest.mark.parametrize("blank", [slice(1, None), slice(None)])
def test_a_blank_frame_gives_finite_boxes(params, config, blank):
    frames, boxes = scene(n_frames=3)
    frames[blank] = GREY
    predicted = run(jitted(config), params, frames, boxes[:1])
    assert all(np.isfinite(leaf).all() for leaf in predicted)


def test_released_crops_start_on_whole_pixels_as_the_matlab_formula():
    from siamfc_jax.tracking.siamfc import _corner

    def matlab_round(value):
        return np.sign(value) * np.floor(np.abs(value) + 0.5)

    for x, w, side in [(10, 25, 61), (-3.2, 11, 40), (7.25, 6.5, 255), (100, 33, 128)]:
        position = (x + 1) + w / 2  # released: first pixel counted from 1, plus half the width
        first = matlab_round(position - (side + 1) / 2)  # counted from 1
        centre = jnp.full((1, 2), x + w / 2, jnp.float32)
        corner = _corner(centre, jnp.asarray([float(side)]), SIAMFC_3S_RELEASE)
        assert float(corner[0, 0]) == first - 1


def test_upsampling_keeps_the_samples_of_a_smooth_map_and_its_sum():
    matrix = bicubic_matrix(17, 16)
    assert matrix.shape == (272, 17)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-6)
    ramp = matrix @ np.arange(17.0)
    expected = (np.arange(272) + 0.5) / 16 - 0.5
    np.testing.assert_allclose(ramp[40:-40], expected[40:-40], atol=1e-5)


def test_upsampling_equals_jax_image_resize_away_from_the_border():
    response = np.random.default_rng(0).normal(size=(17, 17)).astype(np.float32)
    matrix = bicubic_matrix(17, 16)
    expected = jax.image.resize(response, (272, 272), "cubic")
    np.testing.assert_allclose(
        (matrix @ response @ matrix.T)[32:-32, 32:-32], expected[32:-32, 32:-32], atol=1e-5
    )


@pytest.mark.parametrize("settings", [{"n_scales": 4}, {"n_scales": 0}, {"scale_step": 1.0}])
def test_settings_that_make_no_pyramid_are_refused(settings):
    with pytest.raises(ValueError, match="must be"):
        SiamFCTracking(**settings)


def test_presets_hold_the_printed_values():
    assert PRESETS["siamfc-paper"].scales == pytest.approx([1.025**k for k in range(-2, 3)])
    assert PRESETS["siamfc-paper"].scale_lerp == 0.35
    assert PRESETS["siamfc-v1-paper"].scales == pytest.approx([1.03**k for k in (-1, 0, 1)])
    assert PRESETS["siamfc-v1-paper"].scale_lerp == 0.65
    assert PRESETS["siamfc-3s-release"].scale_step == 1.0375
    assert PRESETS["siamfc-release"].scale_step == 1.0255
    assert PRESETS["siamfc-ciresnet22-release"].window_influence == 0.35


@pytest.fixture
def model(params):
    return Model(params, NETWORK, SIAMFC_3S_PAPER)


def test_the_friendly_tracker_takes_an_image_and_a_box(model):
    frames, boxes = scene()
    tracker = OnlineTracker(model)
    tracker.init(frames[0], tuple(boxes[0]))
    for frame, box in zip(frames[1:], boxes[1:], strict=True):
        predicted = tracker.update(frame)
        assert predicted.shape == (4,) and predicted.dtype == np.float32
        assert iou(predicted, box) > 0.6
        assert 0 <= tracker.score <= 1


def test_the_first_prediction_is_the_given_box(model):
    frames, boxes = scene()
    tracker = MultiTracker(model)
    tracker.init(frames[0], boxes[:1])
    np.testing.assert_array_equal(tracker.initial_prediction.box, boxes[:1])


def test_a_frame_of_another_size_is_refused(model):
    frames, boxes = scene()
    tracker = OnlineTracker(model)
    tracker.init(frames[0], boxes[0])
    with pytest.raises(FrameSizeError, match="150x120, but tracking began on 160x120"):
        tracker.update(frames[1][:, :150])


def test_misuse_is_answered_in_one_line(model):
    frames, boxes = scene()
    tracker = OnlineTracker(model)
    with pytest.raises(ValueError, match="init"):
        tracker.update(frames[0])
    with pytest.raises(ValueError, match="uint8"):
        tracker.init(frames[0].astype(np.float32), boxes[0])
    with pytest.raises(BoxError, match="no area"):
        tracker.init(frames[0], (5, 5, 0, 4))
