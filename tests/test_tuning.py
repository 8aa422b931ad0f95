"""Tracking settings chosen on held-out videos: what is tried, kept, and never done twice."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from data_prep.synthetic import EASY, ClipSet, write_clips
from data_prep.tracks import Track
from experiments import tuning
from experiments.tuning import TRIALS, WEIGHTS, tune
from siamfc_jax.loading import load_model, model_config
from siamfc_jax.tracking.confidence import UNCALIBRATED, Confidence
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.weights import load_weights, save_weights
from tests.tracking_worlds import NETWORK, matching_params

TRACKS = [
    Track("v", name, (), np.zeros(0, np.int32), np.zeros((0, 4), np.float32)) for name in "ab"
]


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "tiny.safetensors"
    config = model_config(NETWORK, SIAMFC_3S_PAPER)
    save_weights(path, matching_params(), {**config, "training": {"seed": 7}}, notes="card")
    return str(path)


@pytest.fixture
def tried(monkeypatch):
    """Videos are tracked best with a window of .3 and scales damped by .5; all settings tried."""
    settings = []

    def track_videos(model, tracks):
        tracking = model.tracking
        settings.append((tracking.window_influence, tracking.scale_lerp))
        miss = abs(tracking.window_influence - 0.3) + abs(tracking.scale_lerp - 0.5)
        return {track.name: 0.9 - miss for track in tracks}

    monkeypatch.setattr(tuning, "track_videos", track_videos)
    return settings


VALUES = {"window_influence": ["0.1", "0.3", "0.4"], "scale_lerp": ["0.5", "0.6"]}


def test_each_setting_is_tried_with_the_best_of_those_before(weights, tried, tmp_path):
    best = tune(weights, TRACKS, VALUES, tmp_path / "out")
    assert tried == [(0.176, 0.35), (0.1, 0.35), (0.3, 0.35), (0.4, 0.35), (0.3, 0.5), (0.3, 0.6)]
    assert best.changes == {"window_influence": 0.3, "scale_lerp": 0.5}
    assert best.mean == pytest.approx(0.9)


def test_the_model_is_written_with_the_best_settings_inside(weights, tried, tmp_path):
    tune(weights, TRACKS, VALUES, tmp_path / "out")
    model = load_model(str(tmp_path / "out" / WEIGHTS))
    assert (model.tracking.window_influence, model.tracking.scale_lerp) == (0.3, 0.5)
    before, after = load_weights(weights), load_weights(tmp_path / "out" / WEIGHTS)
    np.testing.assert_array_equal(before.params["conv1"]["kernel"], after.params["conv1"]["kernel"])
    assert after.notes == "card" and after.config["training"] == {"seed": 7}


def test_other_settings_give_other_scores_so_that_their_calibration_is_dropped(tried, tmp_path):
    tracking = replace(SIAMFC_3S_PAPER, confidence=Confidence(-1.0, 0.5, 0.3))
    path = str(tmp_path / "calibrated.safetensors")
    save_weights(path, matching_params(), model_config(NETWORK, tracking))
    for values, confidence in (({}, tracking.confidence), (VALUES, UNCALIBRATED)):
        tune(path, TRACKS, values, tmp_path / "out")
        model = load_model(str(tmp_path / "out" / WEIGHTS))
        assert model.tracking.confidence == confidence


def test_what_is_on_disk_is_not_tried_again(weights, tried, tmp_path):
    first = tune(weights, TRACKS, {"scale_lerp": ["0.5"]}, tmp_path / "out")
    again = tune(weights, TRACKS, {"scale_lerp": ["0.5", "0.6"]}, tmp_path / "out")
    assert tried == [(0.176, 0.35), (0.176, 0.5), (0.176, 0.6)]
    assert again == first


def test_a_line_that_broke_off_costs_only_its_own_trial(weights, tried, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / TRIALS).write_text('5\n{}\n{"key": "of a writer that was killed')
    for _ in range(2):
        tune(weights, TRACKS, {}, tmp_path / "out")
    assert len(tried) == 1


def test_trials_of_other_videos_do_not_count(weights, tried, tmp_path):
    for tracks in (TRACKS, TRACKS[:1]):
        tune(weights, tracks, {}, tmp_path / "out")
    assert len(tried) == 2
    lines = (tmp_path / "out" / TRIALS).read_text().splitlines()
    scores = [json.loads(line)["scores"] for line in lines if line]
    assert [list(names) for names in scores] == [["a", "b"], ["a"]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"window": ["1"]}, "window is no setting of SiamFCTracking; there are clip_to_frame, "),
        ({"scale_lerp": ["high"]}, "scale_lerp: 'high' is no float"),
        ({"scale_lerp": ["nan"]}, "scale_lerp=nan: scale_lerp must be a finite number"),
        ({"clip_to_frame": ["yes"]}, "clip_to_frame: 'yes' is no bool"),
        ({"pyramid": ["steep"]}, "pyramid=steep: pyramid must be direct or two_stage"),
        ({"n_scales": ["4"]}, "n_scales=4: n_scales must be odd and positive"),
        ({"stride": ["4"]}, "stride=4: stride 4 is not the network's, 8"),
        ({"search_size": ["100"]}, "search_size=100: search_size 100 is less than exemplar_size"),
        ({"exemplar_size": ["60"]}, "exemplar_size=60: an image of 60 pixels is too small"),
        ({"upsample": ["0"]}, "upsample=0: upsample must be at least 1"),
    ],
)
def test_settings_that_do_not_exist_are_refused_before_anything_is_tried(
    values, message, weights, tried, tmp_path
):
    with pytest.raises(ValueError, match=message):
        tune(weights, TRACKS, values, tmp_path / "out")
    assert not tried


def test_the_fast_way_is_where_it_begins_if_asked(weights, tried, tmp_path):
    tune(weights, TRACKS, VALUES, tmp_path / "out", fast=True)
    assert load_model(tmp_path / "out" / WEIGHTS).tracking.pyramid == "exemplars"


def test_the_model_is_never_overwritten(weights, tried, tmp_path):
    tune(weights, TRACKS, {}, tmp_path / "out")
    with pytest.raises(ValueError, match="out: the model lies there and would be overwritten"):
        tune(str(tmp_path / "out" / WEIGHTS), TRACKS, {}, tmp_path / "out")


def test_the_command_tracks_the_videos_and_prints_every_trial(weights, tmp_path):
    write_clips(tmp_path / "clips", ClipSet(EASY, 2, 0, every=20))
    command = [sys.executable, "-m", "experiments.tune", f"--model={weights}"]
    options = [f"--out={tmp_path / 'out'}", f"--validation_source=box_folders:{tmp_path / 'clips'}"]
    videos = "--validation_videos=box_folders/0001,box_folders/0002"

    def run(*more):
        return subprocess.run([*command, *options, *more], capture_output=True, text=True)

    done = run(videos, "--values=pyramid=two_stage")
    assert done.returncode == 0, done.stderr
    first, second, best = done.stdout.splitlines()[1:]
    assert first.endswith("+0 -0  as it is") and second.endswith("pyramid two_stage")
    assert best.endswith(f"wrote {tmp_path / 'out' / WEIGHTS}")
    wrong = run("--validation_videos=box_folders/0003")
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[-1] == (
        "error: --validation_source: no video box_folders/0003 in it"
    )
