"""The confidence learned from tracked videos: what is fitted, how it is judged, what is written."""

import numpy as np
import pytest

from data_prep.tracks import Track
from experiments import calibrating
from experiments.calibrating import DIAGRAM, WEIGHTS, calibrate
from experiments.calibration import (
    Frames,
    by_features,
    calibration_error,
    error_interval,
    fit_confidence,
    fitted,
    left_out,
    log_losses,
    logistic,
    reliability,
    threshold,
)
from experiments.calibration_runs import Seen, calibration_frames, features, orders
from siamfc_jax.loading import load_model, model_config
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.online import Model, OnlineTracker
from siamfc_jax.weights import save_weights
from tests.tracking_worlds import NETWORK, matching_params, scene


def frames_of(count=4000, videos=5, bias=-1.0, gain=0.5, seed=0):
    """Frames that are good with the probability logistic(bias + gain logit); and of no use."""
    random = np.random.default_rng(seed)
    logit = random.normal(2, 3, count)
    good = random.random(count) < logistic(bias + gain * logit)
    columns = {"score": logit, "noise": random.normal(0, 1, count)}
    return Frames(np.arange(count) % videos, columns, good)


def test_known_coefficients_are_recovered():
    frames = frames_of(40000)
    confidence = fit_confidence(frames)
    np.testing.assert_allclose([confidence.bias, confidence.gain], [-1.0, 0.5], atol=0.05)
    both = np.stack([frames.features["score"], frames.features["noise"]], 1)
    np.testing.assert_allclose(fitted(both, frames.good, frames.weight)[2], 0, atol=0.05)


def test_frames_that_can_be_told_apart_have_a_finite_fit():
    logit = np.linspace(-3, 3, 100)
    confidence = fit_confidence(Frames(np.arange(100) % 2, {"score": logit}, logit > 0))
    assert 1 < confidence.gain < 100


def test_every_video_weighs_the_same():
    video = np.repeat([0, 2], [10, 90])
    weight = Frames(video, {"score": np.zeros(100)}, np.zeros(100, bool)).weight
    np.testing.assert_allclose(weight[[0, 99]], [0.05, 0.5 / 90])
    assert weight.sum() == pytest.approx(1)


def test_a_video_is_predicted_by_the_others_alone():
    frames = frames_of(300, videos=3)
    odd = frames._replace(good=np.where(frames.video == 1, True, frames.good))
    predict = by_features(["score"])
    same = left_out(frames, predict)[frames.video == 1]
    np.testing.assert_array_equal(left_out(odd, predict)[frames.video == 1], same)
    np.testing.assert_allclose(
        left_out(frames, by_features([]))[frames.video == 1],
        frames.good[frames.video != 1].mean(),
        rtol=1e-6,
    )


def test_the_log_loss_of_a_coin_is_ln_2():
    frames = frames_of(90, videos=3)
    np.testing.assert_allclose(log_losses(np.full(90, 0.5), frames), [np.log(2)] * 3)


def slow_error(probability, good, weight):
    total = 0.0
    for number in range(10):
        low, high = number / 10, (number + 1) / 10
        inside = [
            i for i, p in enumerate(probability) if low <= p < high or (number == 9 and p == 1)
        ]
        share = sum(weight[i] for i in inside)
        if share:
            confidence = sum(weight[i] * probability[i] for i in inside) / share
            accuracy = sum(weight[i] * good[i] for i in inside) / share
            total += share / sum(weight) * abs(confidence - accuracy)
    return total


def test_the_calibration_error_is_that_of_a_slow_sum():
    random = np.random.default_rng(1)
    probability = np.concatenate([random.random(200), [0, 1, 1]])
    good, weight = random.random(203) < 0.6, random.random(203)
    weight[:20] = 0
    expected = slow_error(probability, good, weight)
    assert calibration_error(probability, good, weight) == pytest.approx(expected, rel=1e-12)


def test_a_calibrated_confidence_has_a_small_error_and_its_interval_holds_it():
    frames = frames_of()
    told = left_out(frames, by_features(["score"]))
    error = calibration_error(told, frames.good, frames.weight)
    low, high = error_interval(told, frames)
    assert error < 0.04 < calibration_error(logistic(frames.logit), frames.good, frames.weight)
    assert 0 < low <= error <= high < 0.1
    assert sum(one.share for one in reliability(told, frames.good, frames.weight)) == (
        pytest.approx(1)
    )


def test_the_threshold_gives_away_a_twentieth_of_the_good_frames():
    confidence = np.linspace(0.005, 0.995, 200)
    good = np.arange(200) % 2 == 1
    frames = Frames(np.zeros(200, int), {"score": confidence}, good)
    limit = threshold(confidence, frames)
    assert (confidence[good] < limit).sum() == 5
    assert limit in confidence[good]


@pytest.mark.parametrize(
    ("good", "message"),
    [
        (np.ones(10, bool), "every frame is good"),
        (np.zeros(10, bool), "no frame is good"),
        (np.arange(10) < 5, "the score is no higher where the target is followed"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(good, message):
    with pytest.raises(ValueError, match=message):
        fit_confidence(Frames(np.arange(10) % 2, {"score": np.arange(10.0)}, good))


def test_features_of_a_known_response():
    response = np.zeros((1, 7, 7), np.float32)
    response[0, 2, 3], response[0, 6, 6], response[0, 2, 4] = 4, 1, 3
    nothing = np.zeros((1, 4), np.float32)
    seen = Seen(np.float32(0.99), np.float32([0.9]), response, nothing, nothing)
    found = features(seen)
    assert next(iter(found)) == "score"
    beside = [
        response[0, i, j] for i in range(7) for j in range(7) if max(abs(i - 2), abs(j - 3)) > 2
    ]
    expected = {
        "score": np.log(9),
        "score / exemplar's own": np.log(9) / np.log(99),
        "peak to sidelobe": (4 - np.mean(beside)) / np.std(beside),
        "margin over second": 3,
        "sharpness": 4 - 3 / 8,
        "distance of peak": 1,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], [value], rtol=1e-5)


def test_runs_go_there_and_back_from_either_end_and_the_middle():
    assert list(orders(3)) == [[0, 1, 2, 1, 0], [2, 1, 0, 1, 2], [1, 2, 1, 0], [1, 0, 1, 2]]


@pytest.fixture
def videos(tmp_path, monkeypatch):
    """Two videos in memory, whose frames are called by their number."""
    shown = {name: scene(5, velocity=v) for name, v in (("a", (2, 1)), ("b", (1, 2)))}
    monkeypatch.setattr(
        "experiments.calibration_runs.decoded",
        lambda frames: ((name, shown[name[0]][0][int(name[1])]) for name in frames),
    )
    return [
        Track(name, name, tuple(f"{name}{i}" for i in range(5)), np.arange(5), boxes)
        for name, (_, boxes) in shown.items()
    ]


def test_runs_are_those_of_the_tracker_and_not_repeated(videos, tmp_path, monkeypatch):
    model = Model(matching_params(), NETWORK, SIAMFC_3S_PAPER)
    frames = calibration_frames(model, "key", videos, tmp_path)
    assert np.bincount(frames.video).tolist() == [2 * 8 + 6 + 6] * 2
    images, boxes = scene(5, velocity=(2, 1))
    tracker = OnlineTracker(model)
    tracker.init(images[0], boxes[0])
    for number in range(1, 5):
        tracker.update(images[number])
        logit = np.log(tracker.score) - np.log1p(-tracker.score)
        np.testing.assert_allclose(frames.logit[number - 1], logit, rtol=1e-3)
    monkeypatch.setattr("experiments.calibration_runs._tracked", None)
    again = calibration_frames(model, "key", videos, tmp_path)
    np.testing.assert_array_equal(again.logit, frames.logit)


def test_a_file_of_runs_that_broke_off_is_made_anew(videos, tmp_path):
    model = Model(matching_params(), NETWORK, SIAMFC_3S_PAPER)
    frames = calibration_frames(model, "key", videos, tmp_path)
    for file in tmp_path.glob("*.npz"):
        file.write_bytes(file.read_bytes()[:-99])
    again = calibration_frames(model, "key", videos, tmp_path)
    np.testing.assert_array_equal(again.logit, frames.logit)


def test_a_track_of_one_frame_is_named(videos, tmp_path):
    still = videos[1]._replace(frames=("b0",), boxes=videos[1].boxes[:1])
    with pytest.raises(ValueError, match="b: has a box in one frame only"):
        calibration_frames(None, "key", [videos[0], still], tmp_path)


@pytest.fixture
def weights(tmp_path):
    config = {**model_config(NETWORK, SIAMFC_3S_PAPER), "training": {"seed": 7}}
    save_weights(tmp_path / "tiny.safetensors", matching_params(), config, notes="card")
    return str(tmp_path / "tiny.safetensors")


def test_the_report_and_the_model_with_its_calibration(videos, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(calibrating, "calibration_frames", lambda *_: frames_of(600))
    report = calibrate(weights, videos, tmp_path / "out")
    model = load_model(tmp_path / "out" / WEIGHTS)
    assert model.tracking.confidence == fit_confidence(frames_of(600))
    for text in ("score + noise", "0.9-1.0", "score as it is", "at most 5% of the good frames"):
        assert text in report
    assert (tmp_path / "out" / DIAGRAM).read_bytes().startswith(b"\x89PNG")


def test_what_a_calibrated_model_says_of_itself_is_judged_in_the_fast_way(
    videos, weights, tmp_path, monkeypatch
):
    pyramids = []

    def frames(model, *_):
        pyramids.append(model.tracking.pyramid)
        return frames_of(600)

    monkeypatch.setattr(calibrating, "calibration_frames", frames)
    first = calibrate(weights, videos, tmp_path / "out")
    assert "the model's own" not in first
    calibrated = str(tmp_path / "out" / WEIGHTS)
    report = calibrate(calibrated, videos, tmp_path / "fast", fast=True)
    assert "the model's own, as it is" in report
    assert pyramids == ["direct", "exemplars"]
    assert load_model(tmp_path / "fast" / WEIGHTS).tracking.pyramid == "exemplars"


def test_one_video_may_have_all_the_failures(videos, weights, tmp_path, monkeypatch):
    frames = frames_of(600, videos=2)
    frames = frames._replace(good=frames.good | (frames.video == 0))
    monkeypatch.setattr(calibrating, "calibration_frames", lambda *_: frames)
    report = calibrate(weights, videos, tmp_path / "out")
    assert "0.0% of the others" in report


def test_the_model_is_never_overwritten_and_one_video_is_too_few(videos, weights, tmp_path):
    with pytest.raises(ValueError, match="give two at least"):
        calibrate(weights, videos[:1], tmp_path / "out")
    (tmp_path / "tiny.safetensors").rename(tmp_path / WEIGHTS)
    with pytest.raises(ValueError, match="the model lies there"):
        calibrate(str(tmp_path / WEIGHTS), videos, tmp_path)
