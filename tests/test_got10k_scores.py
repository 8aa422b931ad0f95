import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rectangle_oracles import clipped, continuous_overlap, drawn_boxes, drawn_truth

from siamfc_jax.evaluation.metrics.got10k import score_got10k
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.sequences import Sequence


def sequence(name, frames, size=(320, 240), **fields):
    truth = np.tile(np.asarray([20.0, 30, 20, 10]), (frames, 1))
    return Sequence(name, (), truth, size=size, **fields)


def score(sequences, runs):
    return score_got10k("T", sequences, Results(runs))


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 3))
def test_overlaps_are_of_clipped_boxes_in_frames_with_the_target(seed, frames, repetitions):
    rng = np.random.default_rng(seed)
    truth = drawn_truth(rng, frames, damage=0)
    visible = rng.random(frames) < 0.7
    visible[-1] = True
    video = Sequence("a", (), truth, size=(25, 20), visible=visible)
    runs = [Run(drawn_boxes(rng, truth)) for _ in range(repetitions)]
    slow = [
        0 if np.isnan(box).any() else continuous_overlap(*(clipped(b, (25, 20)) for b in pair))
        for run in runs
        for pair in zip(run.boxes[1:][visible[1:]], truth[1:][visible[1:]], strict=True)
        for box in pair[:1]
    ]
    scores = score([video], {"a": tuple(runs)})
    assert scores.average_overlap == pytest.approx(np.mean(slow), abs=1e-12)
    rate = np.mean([overlap > 0.5 for overlap in slow])
    assert scores.success_rate(0.5) == pytest.approx(rate, abs=1e-12)


def test_all_frames_of_all_sequences_weigh_the_same():
    short, long = sequence("a", 2), sequence("b", 4)
    scores = score([short, long], {"a": (Run(short.truth),), "b": (Run(long.truth + 500),)})
    assert scores.frames.tolist() == [1, 3]
    assert scores.average_overlap == pytest.approx(1 / 4)
    assert scores.success_rate(0.75) == pytest.approx(1 / 4)
    assert scores.precision is None


def test_the_first_frame_does_not_count():
    video = sequence("a", 3)
    boxes = video.truth.copy()
    boxes[0] = 0
    assert score([video], {"a": (Run(boxes),)}).average_overlap == pytest.approx(1)


def test_a_nan_box_misses_and_is_counted():
    video = sequence("a", 5)
    boxes = video.truth.copy()
    boxes[2] = np.nan
    scores = score([video], {"a": (Run(boxes),)})
    assert scores.average_overlap == pytest.approx(3 / 4) and scores.carried.tolist() == [1]


def test_speed_is_the_mean_of_each_frames_rate():
    video = sequence("a", 3)
    run = Run(video.truth, seconds=np.asarray([0, 0.1, 0.5]))
    assert score([video], {"a": (run,)}).frames_per_second == pytest.approx((10 + 2) / 2)
    assert score([video], {"a": (Run(video.truth),)}).frames_per_second is None


def test_what_cannot_be_scored_is_named():
    nowhere = sequence("hidden", 3, visible=np.zeros(3, bool))
    sizeless, test, short = (
        sequence("sizeless", 3, size=None),
        sequence("test", 1),
        sequence("s", 5),
    )
    videos = [nowhere, sizeless, test, short]
    whole, part = Run(short.truth), Run(short.truth[:4])
    runs = {video.name: (Run(video.truth),) for video in videos} | {"s": (whole, part)}
    scores = score(videos, runs)
    assert scores.names == ()
    assert "meta_info.ini" in scores.problems["sizeless"]
    assert "4 boxes for 5 frames" in scores.problems["s"]
    for name in ("hidden", "test"):
        assert "score the val subset" in scores.problems[name]
