"""The confidence of a step, and the settings that it travels in."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest

import siamfc_jax
from siamfc_jax.loading import model_config
from siamfc_jax.tracking.confidence import UNCALIBRATED, Confidence
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.online import Model, MultiTracker, OnlineTracker
from siamfc_jax.weights import WeightsError, save_weights
from tests.tracking_worlds import NETWORK, matching_params, scene

CALIBRATED = Confidence(bias=-1.5, gain=0.7, lost_below=0.3)


def oracle(score, bias, gain):
    """One at a time, in double precision."""
    return [1 / (1 + math.exp(-bias - gain * math.log(s / (1 - s)))) for s in map(float, score)]


@pytest.fixture(scope="module")
def params():
    return matching_params()


def model(params, confidence):
    return Model(params, NETWORK, dataclasses.replace(SIAMFC_3S_PAPER, confidence=confidence))


def test_the_confidence_is_the_logistic_function_of_the_scores_logit():
    score = np.float32([1e-4, 0.1, 0.5, 0.9, 0.9999])
    confidence, _ = CALIBRATED.of(jnp.asarray(score))
    np.testing.assert_allclose(confidence, oracle(score, -1.5, 0.7), rtol=1e-4)
    assert confidence.dtype == jnp.float32


def test_scores_of_0_and_1_have_a_confidence_too():
    confidence, _ = CALIBRATED.of(jnp.asarray([0.0, 1.0], jnp.float32))
    assert 0 <= confidence[0] < 1e-4 and 0.9999 < confidence[1] <= 1


def test_without_a_calibration_the_confidence_is_the_score_and_nothing_is_lost():
    score = jnp.asarray([0.0, 0.25, 1.0], jnp.float32)
    confidence, lost = UNCALIBRATED.of(score)
    np.testing.assert_array_equal(confidence, score)
    assert not lost.any()


def test_a_target_is_lost_below_the_threshold_and_not_on_it():
    quarter = np.float32(0.25)
    score = jnp.asarray([np.nextafter(quarter, np.float32(0)), quarter, 0.3], jnp.float32)
    _, lost = Confidence(lost_below=0.25).of(score)
    assert lost.tolist() == [True, False, False]


def test_a_step_tells_it_and_gives_the_same_boxes_as_without(params):
    frames, boxes = scene(4)
    plain, calibrated = (MultiTracker(model(params, c)) for c in (UNCALIBRATED, CALIBRATED))
    for tracker in (plain, calibrated):
        tracker.init(frames[0], boxes[:1])
        assert tracker.initial_prediction.confidence == 1 and not tracker.initial_prediction.lost
    for frame in frames[1:]:
        first, second = plain.dispatch(frame), calibrated.dispatch(frame)
        np.testing.assert_array_equal(first.box, second.box)
        np.testing.assert_array_equal(first.confidence, first.score)
        expected = oracle(second.score, -1.5, 0.7)
        np.testing.assert_allclose(second.confidence, expected, rtol=1e-3)


def test_a_tracker_object_tells_that_its_target_is_gone(params):
    frames, boxes = scene(2, velocity=(0, 0))
    empty = np.full_like(frames[0], frames[0, 0, 0])
    tracker = OnlineTracker(model(params, Confidence(lost_below=0.51)))
    tracker.init(frames[0], boxes[0])
    assert (tracker.confidence, tracker.lost) == (1.0, False)
    tracker.update(frames[1])
    assert tracker.confidence == tracker.score > 0.51 and not tracker.lost
    tracker.update(empty)
    assert tracker.confidence < 0.51 and tracker.lost


def saved(tmp_path, params, tracking):
    config = {**model_config(NETWORK, SIAMFC_3S_PAPER), "tracking": tracking}
    save_weights(tmp_path / "net.safetensors", params, config)
    return tmp_path / "net.safetensors"


def test_a_weight_file_brings_the_calibration(tmp_path, params):
    settings = dataclasses.asdict(model(params, CALIBRATED).tracking)
    loaded = siamfc_jax.load_model(saved(tmp_path, params, settings))
    assert loaded.tracking == model(params, CALIBRATED).tracking


def test_a_weight_file_from_before_is_not_calibrated(tmp_path, params):
    settings = dataclasses.asdict(SIAMFC_3S_PAPER)
    del settings["confidence"]
    assert siamfc_jax.load_model(saved(tmp_path, params, settings)).tracking == SIAMFC_3S_PAPER


@pytest.mark.parametrize(
    ("confidence", "message"),
    [
        ({"gain": -1.0}, "gain must be above 0, not -1"),
        ({"lost_below": 1.5}, "lost_below must lie in 0..1, not 1.5"),
        ({"slope": 1.0}, "unexpected keyword argument 'slope'"),
        ({"bias": "much"}, "must be real number, not str"),
        (0.5, "after \\*\\* must be a mapping"),
    ],
)
def test_a_weight_file_with_a_wrong_calibration_is_named(tmp_path, params, confidence, message):
    settings = {**dataclasses.asdict(SIAMFC_3S_PAPER), "confidence": confidence}
    with pytest.raises(WeightsError, match=f"net.safetensors: its tracking settings.*{message}"):
        siamfc_jax.load_model(saved(tmp_path, params, settings))


@pytest.mark.parametrize("name", ["bias", "gain", "lost_below"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_calibration_must_be_finite(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a finite number, not {value}"):
        Confidence(**{name: value})
