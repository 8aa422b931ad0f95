"""Lost targets looked for over the whole frame; targets that are not lost left alone."""

import dataclasses

import jax
import numpy as np
import pytest

import siamfc_jax
from experiments.evaluation.contestant import contestants
from experiments.evaluation.options import Options
from siamfc_jax.boxes import iou
from siamfc_jax.loading import model_config
from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.confidence import UNCALIBRATED, Confidence
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.online import Model, MultiTracker
from siamfc_jax.tracking.redetection import (
    RedetectingTracker,
    Redetection,
    _of_a_search,
    tile_centres,
)
from siamfc_jax.tracking.trackers import PRESETS, fast_tracking
from siamfc_jax.weights import save_weights
from tests.tracking_worlds import GREY, NETWORK, matching_params, scene

SETTINGS = Redetection(after=2, found_above=0.6, tiles=4)
# The untrained network gives the target .521, and the background .500.
SURE_OF_521 = Confidence(bias=-2.5, gain=60.0, lost_below=0.5)
CALIBRATED = dataclasses.replace(SIAMFC_3S_PAPER, confidence=SURE_OF_521)


@pytest.fixture(scope="module")
def params():
    return matching_params()


@pytest.fixture(scope="module")
def gone_and_back():
    """A square at (20, 30) for 3 frames, gone for 6, then at (150, 80) of 200 x 128; and boxes."""
    shown, boxes = scene(1, size=(128, 200), start=(20, 30))
    x, y, side, _ = boxes[0].astype(int)
    texture = shown[0, y : y + side, x : x + side]
    empty = np.full((128, 200, 3), GREY, np.uint8)
    elsewhere = empty.copy()
    elsewhere[80 : 80 + side, 150 : 150 + side] = texture
    frames = [shown[0]] * 3 + [empty] * 6 + [elsewhere] * 9
    return frames, boxes[0], np.float32([150, 80, side, side])


def tracked(tracker, frames, boxes):
    tracker.init(frames[0], boxes)
    return [tracker.dispatch(frame) for frame in frames[1:]]


@pytest.mark.parametrize("tracking", [CALIBRATED, fast_tracking(CALIBRATED)])
def test_a_target_that_comes_back_elsewhere_is_found(params, gone_and_back, tracking):
    frames, first, last = gone_and_back
    model = Model(params, NETWORK, tracking)
    plain = tracked(MultiTracker(model), frames, first[None])
    assert all(prediction.lost[0] for prediction in plain[2:])
    found = tracked(RedetectingTracker(model, SETTINGS), frames, first[None])
    assert found[7].lost[0] and not found[-1].lost[0]
    assert iou(found[-1].box[0], last) > 0.5
    assert iou(plain[-1].box[0], last) == 0


def test_a_search_does_not_change_the_size(params, gone_and_back):
    frames, first, last = gone_and_back
    whole_frame = dataclasses.replace(SETTINGS, tiles=40)
    for tracking in (CALIBRATED, fast_tracking(CALIBRATED)):
        tracker = RedetectingTracker(Model(params, NETWORK, tracking), whole_frame)
        tracker.init(frames[0], first[None])
        found = tracker._searched(jax.device_put(on_canvas([frames[-1]])), 0)
        np.testing.assert_array_equal(found.size, first[None, 2:])
        assert np.abs(np.asarray(found.centre[0]) - (last[:2] + last[2:] / 2)).max() < 8


def test_of_two_targets_only_the_lost_one_is_moved(params, gone_and_back):
    frames, first, _ = gone_and_back
    stays = np.float32([100, 20, 24, 24])
    x, y, side, _ = first.astype(int)
    frames = [frame.copy() for frame in frames]
    for frame in frames:
        frame[20 : 20 + side, 100 : 100 + side] = frames[0][y : y + side, x : x + side, ::-1]
    both = np.stack([stays, first])
    model = Model(params, NETWORK, CALIBRATED)
    plain = tracked(MultiTracker(model), frames[:9], both)
    searched = tracked(RedetectingTracker(model, SETTINGS), frames[:9], both)
    for one, other in zip(plain, searched, strict=True):
        assert not one.lost[0]
        np.testing.assert_array_equal(one.box[0], other.box[0])


def test_where_no_target_is_lost_the_boxes_are_the_same_bit_for_bit(params):
    frames, boxes = scene()
    model = Model(params, NETWORK, CALIBRATED)
    plain = tracked(MultiTracker(model), frames, boxes[:1])
    searched = tracked(RedetectingTracker(model, SETTINGS), frames, boxes[:1])
    assert not any(prediction.lost[0] for prediction in plain)
    for one, other in zip(plain, searched, strict=True):
        np.testing.assert_array_equal(one.box, other.box)


def test_a_search_looks_at_every_cell_and_finds_what_is_then_not_lost():
    assert _of_a_search(PRESETS["siamrpn-paper"]).center_cells == 0
    sure = dataclasses.replace(CALIBRATED, confidence=Confidence(lost_below=0.7))
    assert RedetectingTracker(Model(matching_params(), NETWORK, sure)).found_above == 0.7
    assert RedetectingTracker(Model(matching_params(), NETWORK, CALIBRATED)).found_above == 0.5


@pytest.mark.parametrize(
    ("width", "height", "reach"), [(200, 128, 50.5), (64, 64, 300), (7, 90, 8)]
)
def test_tiles_cover_the_frame_the_nearest_first(width, height, reach):
    near = np.float32([width / 3, height])
    centres = tile_centres(width, height, reach, near)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    points = np.stack([x, y], -1).reshape(-1, 1, 2)
    apart = np.abs(points - centres).max(-1).min(1)
    assert apart.max() <= reach / 2
    distance = np.hypot(*(centres - near).T)
    assert (np.diff(distance) >= 0).all()
    assert len(centres) == -(-width // reach) * -(-height // reach)


@pytest.fixture
def files(tmp_path, params):
    """Of a model that is not calibrated, and of one that is."""
    never = dataclasses.replace(CALIBRATED, confidence=UNCALIBRATED)
    for name, tracking in (("never", never), ("some", CALIBRATED)):
        config = model_config(NETWORK, tracking)
        save_weights(tmp_path / f"{name}.safetensors", params, config)
    return str(tmp_path / "never.safetensors"), str(tmp_path / "some.safetensors")


def test_it_is_off_unless_asked_for(files):
    assert type(siamfc_jax.load_multi(files[1])) is MultiTracker
    assert type(siamfc_jax.load_multi(files[1], redetect=True)) is RedetectingTracker


def test_a_model_that_never_loses_a_target_has_nothing_to_look_for(files):
    with pytest.raises(ValueError, match="never calls a target lost.*experiments.calibrate"):
        siamfc_jax.load(files[0], redetect=True)
    with pytest.raises(ValueError, match="never.safetensors: this model never calls a target lost"):
        contestants(Options(models=(files[0],), redetect=True))


def test_an_evaluation_says_so_in_the_name_and_its_record(files):
    (plain,) = contestants(Options(models=(files[1],)))
    (searching,) = contestants(Options(models=(files[1],), redetect=True))
    assert (plain.name, searching.name) == ("some", "some+redetect")
    assert searching.identity["redetection"] == dataclasses.asdict(Redetection())
    # What was run before there was a confidence is not run again.
    assert "redetection" not in plain.identity and "confidence" not in plain.identity["tracking"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"after": 0}, "after and tiles must be at least 1, not 0 and 12"),
        ({"found_above": float("nan")}, "found_above must lie in 0..1, not nan"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Redetection(**settings)
