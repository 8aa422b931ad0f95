"""Protocols, talked to by hand: no frames, no tracker, and a clock that is made up."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.protocols.realtime import VideoClock, realtime
from siamfc_jax.evaluation.protocols.requests import Reply, Start
from siamfc_jax.evaluation.protocols.supervised import another_repetition, supervised
from siamfc_jax.evaluation.protocols.unsupervised import unsupervised
from siamfc_jax.evaluation.runs import VotRun
from siamfc_jax.evaluation.sequences import Sequence, SequenceError, VotSequence

NOTHING = (np.nan,) * 4


def carry_out(protocol, answer=lambda request: (0, 0, 5, 5), seconds=lambda request: 0.01):
    """What the protocol returns, and its requests."""
    requests = []
    try:
        request = next(protocol)
        while True:
            requests.append(request)
            box = request.box if isinstance(request, Start) else answer(request)
            reply = Reply(
                lambda box=box: np.asarray(box, np.float32),
                lambda request=request: seconds(request),
            )
            request = protocol.send(reply)
    except StopIteration as end:
        return end.value, requests


def rectangles(n, truth=None, first_pixel=1):
    truth = np.tile([11.0, 21.0, 30.0, 40.0], (n, 1)) if truth is None else truth
    return Sequence("Walk", tuple(range(n)), truth, first_pixel)


def test_one_pass_starts_on_the_truth_and_asks_for_every_frame():
    run, requests = carry_out(one_pass(rectangles(4)))
    assert requests[0].box.tolist() == [10, 20, 30, 40]
    assert [request.frame for request in requests] == [0, 1, 2, 3]
    assert [isinstance(request, Start) for request in requests] == [True, False, False, False]
    assert run.seconds.tolist() == [0.01] * 4 and run.start == 0


def test_runs_are_in_the_benchmarks_numbers():
    answer = lambda request: (7.5, 8, 3, 4)  # noqa: E731
    one_based, _ = carry_out(one_pass(rectangles(2)), answer)
    assert one_based.boxes.tolist() == [[11, 21, 30, 40], [8.5, 9, 3, 4]]
    zero_based, _ = carry_out(one_pass(rectangles(2, first_pixel=0)), answer)
    assert zero_based.boxes.tolist() == [[11, 21, 30, 40], [7.5, 8, 3, 4]]


def test_one_pass_waits_for_no_box_before_its_end():
    protocol = one_pass(rectangles(3))
    asked = []
    reply = Reply(lambda: asked.append(1) or np.zeros(4, np.float32), lambda: 0.0)
    next(protocol)
    protocol.send(reply)
    protocol.send(reply)
    assert not asked
    with pytest.raises(StopIteration):
        protocol.send(reply)
    assert len(asked) == 2


def test_a_segment_starts_later_and_a_perturbed_box_replaces_the_truth():
    run, requests = carry_out(one_pass(rectangles(5), row=3))
    assert [request.frame for request in requests] == [3, 4]
    assert run.start == 3 and len(run.boxes) == 2
    run, requests = carry_out(one_pass(rectangles(2), box=(1, 2, 3, 4)))
    assert requests[0].box.tolist() == [0, 1, 3, 4]
    assert run.boxes[0].tolist() == [1, 2, 3, 4]


def test_a_sequence_whose_first_row_alone_is_annotated_is_tracked_to_its_last_frame():
    run, _ = carry_out(one_pass(rectangles(5)._replace(truth=np.asarray([[1.0, 1, 9, 9]]))))
    assert run.boxes.shape == (5, 4)


@pytest.mark.parametrize("box", [NOTHING, (1, np.inf, 2, 3), (1, 2, np.nan, 3)])
def test_a_box_that_is_not_finite_becomes_a_row_of_nan(box):
    run, _ = carry_out(one_pass(rectangles(3)), lambda request: box)
    assert np.isnan(run.boxes[1:]).all() and np.isfinite(run.boxes[0]).all()


def regions(n, unknown=()):
    """A VOT sequence whose truth in frame i has x = i."""
    truth = [np.asarray([i, 0.0, 5, 5]) for i in range(n)]
    for i in unknown:
        truth[i] = np.full(4, np.nan)
    return VotSequence("ball", tuple(range(n)), tuple(truth), (100, 100))


def hit(region, truth):
    return math.nan if np.isnan(truth[0]) else float(region[0] == truth[0])


def follows(request):
    return (request.frame, 0, 5, 5)


def misses(*frames):
    return lambda request: (-1, 0, 5, 5) if request.frame in frames else follows(request)


def letters(run):
    """The run, a letter per frame: I(nitialised), F(ailed), . (unknown), t(racked)."""
    return "".join("t" if len(r) > 1 else ".IF"[int(r[0])] for r in run.regions)


def test_a_failure_is_followed_by_a_new_start_five_frames_later():
    run, requests = carry_out(supervised(regions(12), hit), misses(3))
    assert letters(run) == "IttF....Ittt"
    starts = [request for request in requests if isinstance(request, Start)]
    assert [start.frame for start in starts] == [0, 8]
    assert starts[1].box.tolist() == [8, 0, 5, 5]
    assert [request.frame for request in requests] == [0, 1, 2, 3, 8, 9, 10, 11]


def test_seconds_are_kept_of_the_frames_that_were_shown():
    run, _ = carry_out(supervised(regions(9), hit), misses(1))
    assert np.isfinite(run.seconds).tolist() == [True, True] + [False] * 4 + [True] * 3


@given(st.integers(1, 40), st.sets(st.integers(0, 40)), st.integers(1, 7))
def test_supervised_writes_what_the_text_says(n, lost, skip):
    expected, frame = ["."] * n, 0
    while frame < n:
        expected[frame] = "I"
        frame += 1
        while frame < n and frame not in lost:
            expected[frame] = "t"
            frame += 1
        if frame < n:
            expected[frame] = "F"
            frame += skip
    run, _ = carry_out(supervised(regions(n), hit, skip=skip), misses(*lost))
    assert letters(run) == "".join(expected)


def test_an_unknown_truth_is_no_failure_and_no_place_to_start():
    run, _ = carry_out(supervised(regions(12, unknown=[3, 7, 8]), hit), misses(2, 3))
    assert letters(run) == "ItF......Itt"
    run, _ = carry_out(supervised(regions(5, unknown=[3]), hit), misses(3))
    assert letters(run) == "Itttt"


def test_a_box_that_is_not_finite_is_a_failure_even_where_the_truth_is_unknown():
    run, _ = carry_out(
        supervised(regions(5, unknown=[2]), hit),
        lambda request: NOTHING if request.frame == 2 else follows(request),
    )
    assert letters(run) == "ItF.."


@pytest.mark.parametrize("protocol", [supervised, realtime])
def test_a_sequence_whose_first_region_is_unknown_is_named(protocol):
    with pytest.raises(SequenceError, match=r"ball: the region of its first frame is unknown"):
        next(protocol(regions(3, unknown=[0]), hit))


def test_polygons_become_rectangles_to_start_with_and_noise_can_move_them():
    polygon = np.asarray([2.0, 1, 8, 1, 8, 5, 2, 5])
    sequence = VotSequence("leaf", (0,), (polygon,), (20, 20))
    assert next(supervised(sequence, hit)).box.tolist() == [2, 1, 6, 4]
    noisy = supervised(sequence, hit, initial_region=lambda region: np.asarray([0.0, 0, 1, 1]))
    assert next(noisy).box.tolist() == [0, 0, 1, 1]


def said(*rows):
    return VotRun(tuple(np.asarray(row, np.float64) for row in rows))


def nearly(a, b):
    return 1 - abs(a[0] - b[0]) / 100


def test_repetitions_stop_after_three_identical_runs():
    run = said([1], [5, 5, 9, 9], [2])
    assert another_repetition([], nearly)
    assert another_repetition([run, run], nearly)
    assert not another_repetition([run, run, run], nearly)
    assert not another_repetition([run, run, said([1], [5.05, 5, 9, 9], [2])], nearly)


def test_a_tracker_that_differs_is_repeated_fifteen_times():
    run = said([1], [5, 5, 9, 9], [2])
    for other in [said([1], [6, 5, 9, 9], [2]), said([1], [5, 5, 9, 9], [0]), said([1], [2], [2])]:
        runs = [run, run, other]
        assert another_repetition(runs, nearly)
        assert another_repetition([*runs, *[run] * 11], nearly)
        assert not another_repetition([*runs, *[run] * 12], nearly)


def test_unsupervised_never_starts_again():
    def answer(request):
        return NOTHING if request.frame == 2 else (-1, 0, 5, 5)

    run, requests = carry_out(unsupervised(regions(5)), answer)
    assert letters(run) == "It.tt"
    assert sum(isinstance(request, Start) for request in requests) == 1
    assert run.seconds.tolist() == [0.01] * 5


@given(st.integers(1, 40), st.sets(st.integers(0, 40)))
def test_an_infinitely_fast_tracker_gets_the_supervised_result_in_real_time(n, lost):
    expected, _ = carry_out(supervised(regions(n), hit), misses(*lost))
    run, _ = carry_out(realtime(regions(n), hit), misses(*lost), seconds=lambda request: 0.0)
    assert letters(run) == letters(expected)
    for ours, theirs in zip(run.regions, expected.regions, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_a_tracker_that_takes_k_frames_sees_every_kth_one_after_its_grace(k):
    def always(region, truth):
        return 1.0

    run, requests = carry_out(
        realtime(regions(30), always), follows, seconds=lambda request: k / 20
    )
    # The start and two replies are on time; every later one comes k - 1 frames late.
    seen = [request.frame for request in requests]
    assert seen == [0, 1, 2, *range(3, 30, k)]
    shown = [int(region[0]) for region in run.regions[1:]]
    late = [max(frame for frame in seen if frame + (k - 1) * (frame > 2) <= t) for t in range(30)]
    assert shown == late[1:]


def test_the_video_clock_is_never_behind_the_video():
    clock = VideoClock(20, 0)
    assert [clock.after(0.001) for _ in range(4)] == [1, 2, 3, 4]
    third = VideoClock(30, 0)  # 1000 / 30 ms, three times in a thousand, is a little short
    assert [third.after(0.0) for _ in range(300)] == list(range(1, 301))


def realtime_as_described(n, seconds, lost, fps, grace_frames, skip):
    """The reference's text, step by step: frames count from 1; result[i] is a letter, or the frame
    whose reply is held in frame i."""
    result, index = ["."] * (n + 1), 1
    while index <= n:
        elapsed, offset, grace, held = 0.0, index - 1, grace_frames, index
        result[index], prev, failed = "I", index, None
        while True:
            if grace > 0:
                elapsed, grace = elapsed + 1000 / fps, grace - 1
            else:
                elapsed += max(1000 / fps, 1000 * seconds[prev])
            cur = math.floor(math.floor(elapsed * fps) / 1000 + 0.5) + offset
            if prev != index:
                for i in range(prev, min(n, cur - 1) + 1):
                    if (held, i) in lost:
                        failed = i
                        break
                    result[i] = held
                if failed is None and cur <= n:
                    if (prev, cur) in lost:
                        failed = cur
                    else:
                        result[cur] = prev
                held = prev
            if failed is not None or cur + 1 > n:
                break
            prev = cur + 1
        if failed is None:
            break
        result[failed] = "F"
        index = cur + skip
    return result[1:]


@given(
    st.integers(1, 25),
    st.lists(st.floats(0, 0.4), min_size=26, max_size=26),
    st.sets(st.tuples(st.integers(1, 25), st.integers(1, 25)), max_size=60),
    st.sampled_from([20.0, 25.0, 30.0]),
    st.integers(0, 4),
)
def test_real_time_does_what_the_text_says(n, seconds, lost, fps, grace):
    def overlap(region, truth):
        return 0.0 if (int(region[0]) + 1, int(truth[0]) + 1) in lost else 1.0

    run, _ = carry_out(
        realtime(regions(n), overlap, grace=grace, frames_per_second=fps),
        follows,
        seconds=lambda request: seconds[request.frame + 1],
    )
    ours = [int(r[0]) + 1 if len(r) > 1 else ".IF"[int(r[0])] for r in run.regions]
    assert ours == realtime_as_described(n, seconds, lost, fps, grace, 5)
