import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from running_worlds import Summing, SummingSlots, film, grey

from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.protocols.supervised import supervised
from siamfc_jax.evaluation.running.batched import batched
from siamfc_jax.evaluation.running.canvases import Group, by_canvas
from siamfc_jax.evaluation.running.decoding import decode_frame
from siamfc_jax.evaluation.running.drive import TrackerError, drive
from siamfc_jax.evaluation.running.jobs import Job, job
from siamfc_jax.evaluation.running.one_by_one import one_by_one
from siamfc_jax.evaluation.running.run_benchmark import run_benchmark
from siamfc_jax.evaluation.sequences import SequenceError, VotSequence, read_frame

ROOT = Path(__file__).parents[1]


def ope(sequence, part=0, **start):
    return job(sequence, partial(one_pass, sequence, **start), part)


def by_name(outcomes):
    return {(outcome.job.sequence, outcome.job.part): outcome for outcome in outcomes}


def assert_same_runs(ours, expected):
    assert ours.keys() == expected.keys()
    for key in expected:
        assert ours[key].failure == expected[key].failure
        np.testing.assert_array_equal(ours[key].run.boxes, expected[key].run.boxes)


# One tracker, frame by frame.


def test_every_frame_is_shown_once_in_order_and_answers_are_copied(tmp_path):
    sequence, tracker, answered = film(tmp_path, "a", 9), Summing(), []
    run = drive(tracker, sequence.frames, one_pass(sequence), on_frame=lambda: answered.append(1))
    assert tracker.seen == list(range(9)) and len(answered) == 9
    assert run.boxes[:, 0].tolist() == [4 + sum(range(i + 1)) for i in range(9)]


class Slow(Summing):
    def update(self, image):
        time.sleep(0.02)
        return super().update(image)


def test_seconds_exclude_or_include_decoding(tmp_path):
    sequence = film(tmp_path, "a", 4)

    def read_slowly(path):
        time.sleep(0.1)
        return decode_frame(path)

    run = partial(drive, Slow(), sequence.frames, read=read_slowly)
    without = run(one_pass(sequence)).seconds
    assert (without[1:] >= 0.02).all() and np.median(without) < 0.1
    assert (run(one_pass(sequence), include_decoding=True).seconds[1:] >= 0.12).all()


def test_only_the_frames_that_a_protocol_asks_for_are_shown(tmp_path):
    sequence, tracker = film(tmp_path, "a", 9), Summing()
    truth = tuple(np.asarray([4.0, 5, 10, 8]) for _ in sequence.frames)
    vot = VotSequence("a", sequence.frames, truth, (40, 30))
    seen = []
    tracker.update = lambda image: seen.append(grey(image)) or [0, 0, 1, 1]
    drive(tracker, vot.frames, supervised(vot, lambda region, truth: 0.0))
    assert seen == [1, 7] and tracker.seen == [6]


class Broken(Summing):
    """Does `deed` when it sees a frame of this grey value."""

    def __init__(self, at, deed):
        super().__init__()
        self._at, self._deed = at, deed

    def update(self, image):
        box = super().update(image)
        return self._deed() if grey(image) == self._at else box


def explode():
    raise RuntimeError("out of luck\nand more")


def test_a_tracker_that_raises_is_told_with_its_frame(tmp_path):
    sequence = film(tmp_path, "a", 5)
    message = r"tracking into frame 4 of 5 \(0003.png\): RuntimeError: out of luck$"
    with pytest.raises(TrackerError, match=message):
        drive(Broken(3, explode), sequence.frames, one_pass(sequence))


@pytest.mark.parametrize("answer", [None, (True, (1, 2, 3, 4)), [[1, 2, 3, 4]], "box", [1, 2, 3]])
def test_an_answer_that_is_no_box_is_refused(tmp_path, answer):
    sequence = film(tmp_path, "a", 3)
    with pytest.raises(TrackerError, match=r"frame 2 of 3 \(0001.png\): \w+Error: .+"):
        drive(Broken(1, lambda: answer), sequence.frames, one_pass(sequence))


# Runs that go wrong cost themselves, not the others.


@pytest.mark.parametrize("error", [SystemExit(0), GeneratorExit(), StopIteration()])
def test_a_tracker_that_would_end_the_process_costs_that_run(tmp_path, error):
    def leave():
        raise error

    jobs = [ope(film(tmp_path, name, 4)) for name in "ab"]
    outcomes = list(one_by_one(jobs, lambda: Broken(2, leave)))
    assert [outcome.failure.kind for outcome in outcomes] == ["raised", "raised"]
    assert type(error).__name__ in outcomes[1].failure.reason


def test_a_tracker_that_cannot_be_made_again_costs_the_runs_that_need_it(tmp_path):
    made = []

    def make():
        made.append(1)
        if len(made) == 2:
            raise SystemExit(0)
        return Broken(2, explode)

    jobs = [ope(film(tmp_path, name, 4, first=k)) for name, k in [("a", 0), ("b", 0), ("c", 50)]]
    broken, unmade, fine = one_by_one(jobs, make)
    assert "out of luck" in broken.failure.reason
    assert unmade.failure.kind == "raised"
    assert unmade.failure.reason == "making a new tracker: SystemExit: 0"
    assert fine.failure is None and len(made) == 3


def test_a_tracker_whose_making_hangs_is_given_up(tmp_path):
    made, release = [], threading.Event()

    def make():
        made.append(1)
        if len(made) == 2:
            release.wait()
        return Broken(2, explode)

    jobs = [ope(film(tmp_path, name, 4, first=k)) for name, k in [("a", 0), ("b", 0), ("c", 50)]]
    _, unmade, fine = one_by_one(jobs, make, patience=0.3)
    release.set()
    assert unmade.failure.kind == "hung"
    assert unmade.failure.reason == "hung for 0.3 s making a new tracker"
    assert fine.failure is None


@pytest.mark.parametrize("patience", [1e10, float("inf")])
def test_patience_may_be_endless(tmp_path, patience):
    jobs = [ope(film(tmp_path, "a", 3))]
    (alone,) = one_by_one(jobs, Summing, patience=patience)
    (batch,) = batched(jobs, SummingSlots(), patience=patience)
    assert alone.failure is None and batch.failure is None


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("stuck", [0, 2])
def test_a_frame_that_hangs_costs_its_run_and_not_the_end_of_the_process(tmp_path, stuck, at_once):
    sequences = [film(tmp_path, name, 4) for name in "ab"]
    sequences[0].frames[stuck].unlink()
    os.mkfifo(sequences[0].frames[stuck])  # Nobody ever writes into it.
    code = f"""
import numpy as np
from functools import partial
from pathlib import Path
from tests.running_worlds import Summing, SummingSlots
from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.running.batched import batched
from siamfc_jax.evaluation.running.jobs import job
from siamfc_jax.evaluation.running.one_by_one import one_by_one
from siamfc_jax.evaluation.sequences import Sequence

folders = [Path({str(tmp_path)!r}) / name for name in "ab"]
sequences = [
    Sequence(one.name, tuple(sorted(one.iterdir())), np.tile([4.0, 5, 10, 8], (4, 1)))
    for one in folders
]
jobs = [job(one, partial(one_pass, one), 0) for one in sequences]
if {at_once}:
    outcomes = batched(jobs, SummingSlots(), threads=2, lanes=2, patience=1)
else:
    outcomes = one_by_one(jobs, Summing, patience=1)
for one in sorted(outcomes):
    print(one.failure and one.failure.reason)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    reason = f"hung for 1 s reading frame {stuck + 1} of 4 (000{stuck}.png)"
    assert (ended.stdout.splitlines(), ended.returncode) == ([reason, "None"], 0), ended.stderr


def test_a_tracker_that_raises_costs_that_run_and_is_replaced(tmp_path):
    sequences = [film(tmp_path, name, 4, first=first) for name, first in [("a", 0), ("b", 50)]]
    made = []

    def make():
        made.append(Broken(2, explode))
        return made[-1]

    lost, fine = one_by_one([ope(sequence) for sequence in sequences], make)
    assert lost.run is None and lost.failure.kind == "raised"
    assert lost.failure.sequence == "a" and "RuntimeError: out of luck" in lost.failure.reason
    assert fine.failure is None and len(fine.run.boxes) == 4
    assert len(made) == 2


def test_boxes_that_are_not_finite_are_kept_and_counted(tmp_path):
    sequence = film(tmp_path, "a", 6)

    class Lost(Summing):
        def update(self, image):
            return [np.nan] * 4 if grey(image) >= 4 else super().update(image)

    (outcome,) = one_by_one([ope(sequence)], Lost)
    assert np.isnan(outcome.run.boxes).all(1).tolist() == [False] * 4 + [True] * 2
    assert outcome.failure.kind == "unusable"
    assert "2 boxes with NaN or infinity, the first at frame 5 of 6" in outcome.failure.reason


def test_a_tracker_that_hangs_is_given_up_and_its_later_answers_are_ignored(tmp_path):
    sequences = [film(tmp_path, name, 4, first=first) for name, first in [("a", 0), ("b", 50)]]
    release, answered = threading.Event(), []
    outcomes = one_by_one(
        [ope(sequence) for sequence in sequences],
        lambda: Broken(2, release.wait),
        patience=0.3,
        on_frame=lambda: answered.append(1),
    )
    hung, fine = outcomes
    assert hung.failure.kind == "hung"
    assert hung.failure.reason == "hung for 0.3 s tracking into frame 3 of 4 (0002.png)"
    assert len(fine.run.boxes) == 4
    assert len(answered) == 2 + 4
    release.set()
    (thread,) = (t for t in threading.enumerate() if t.name == "run a")
    thread.join(5)
    assert not thread.is_alive() and len(answered) == 2 + 4


def test_a_run_may_take_long_as_long_as_it_answers(tmp_path):
    (outcome,) = one_by_one([ope(film(tmp_path, "a", 9))], Slow, patience=0.12)
    assert outcome.failure is None


def test_a_frame_that_cannot_be_read_costs_that_run(tmp_path):
    sequences = [film(tmp_path, name, 3) for name in "ab"]
    sequences[0].frames[1].write_bytes(b"\x89PNG broken")
    outcomes = list(one_by_one([ope(sequence) for sequence in sequences], Summing))
    assert outcomes[0].failure.kind == "unreadable" and "0001.png" in outcomes[0].failure.reason
    assert outcomes[1].failure is None


def test_a_tracker_that_cannot_be_made_and_a_bug_in_a_protocol_are_the_callers(tmp_path):
    def cannot():
        raise OSError("no weights")

    def wrong():
        yield from ()
        raise AssertionError("a bug")

    with pytest.raises(OSError, match="no weights"):
        list(one_by_one([ope(film(tmp_path, "a", 2))], cannot))
    with pytest.raises(AssertionError, match="a bug"):
        list(one_by_one([Job("a", (), wrong)], Summing))


class Shelf(dict):
    """A store in memory."""

    def done(self, job):
        return (job.sequence, job.part) in self

    def save(self, job, run):
        self[job.sequence, job.part] = run


@pytest.mark.parametrize("at_once", [False, True])
def test_an_interrupted_benchmark_goes_on_where_it_was(tmp_path, at_once):
    jobs = [ope(film(tmp_path, name, 3)) for name in "abc"]
    shelf, answers = Shelf(), []

    def interrupt_in_the_second():
        answers.append(1)
        if len(answers) == 5:
            raise KeyboardInterrupt

    def runner(on_frame):
        if at_once:
            return lambda jobs: batched(jobs, SummingSlots(), threads=1, on_frame=on_frame)
        return lambda jobs: one_by_one(jobs, Summing, on_frame=on_frame)

    with pytest.raises(KeyboardInterrupt):
        run_benchmark(jobs, runner(interrupt_in_the_second), shelf)
    assert list(shelf) == [("a", 0)]
    answers.clear()
    assert run_benchmark(jobs, runner(lambda: answers.append(1)), shelf) == ()
    assert list(shelf) == [("a", 0), ("b", 0), ("c", 0)] and len(answers) == 6


def test_failures_are_summed_up_and_tried_again(tmp_path):
    sequences = [film(tmp_path, name, 3, first=first) for name, first in [("a", 0), ("b", 50)]]
    jobs, shelf = [ope(sequence) for sequence in sequences], Shelf()
    runner = partial(one_by_one, make_tracker=lambda: Broken(2, explode))
    (failure,) = run_benchmark(jobs, runner, shelf)
    assert (failure.sequence, failure.part, failure.kind) == ("a", 0, "raised")
    assert list(shelf) == [("b", 0)]
    assert run_benchmark(jobs, partial(one_by_one, make_tracker=Summing), shelf) == ()
    assert list(shelf) == [("b", 0), ("a", 0)]


# Many runs at once.


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 12),
            st.sampled_from([(40, 30), (20, 44)]),
            st.lists(st.integers(0, 11), min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 4),
)
def test_a_batch_gives_the_runs_of_one_after_the_other(tmp_path_factory, films, lanes):
    folder = tmp_path_factory.mktemp("films")
    jobs = []
    for number, (n_frames, size, rows) in enumerate(films):
        sequence = film(folder, f"{number}", n_frames, size, first=10 * number)
        rows = sorted(row for row in rows if row < n_frames) or [0]
        jobs += [ope(sequence, part, row=row) for part, row in enumerate(rows)]
    expected = by_name(one_by_one(jobs, Summing))
    assert_same_runs(by_name(batched(jobs, SummingSlots(), lanes=lanes, threads=2)), expected)


@pytest.mark.parametrize("lanes", [1, 3])
def test_runs_that_wait_for_every_box_can_be_batched(tmp_path, lanes):
    def overlap(region, truth):
        return float(region[0] % 3 != 0)

    jobs = []
    for name, n_frames in [("a", 20), ("b", 13), ("c", 17)]:
        sequence = film(tmp_path, name, n_frames)
        truth = tuple(np.asarray([i % 5, 5.0, 10, 8]) for i in range(n_frames))
        vot = VotSequence(name, sequence.frames, truth, (40, 30))
        for part, skip in enumerate([5, 2, 3]):
            jobs.append(job(vot, partial(supervised, vot, overlap, skip=skip), part))
    expected = by_name(one_by_one(jobs, Summing))
    ours = by_name(batched(jobs, SummingSlots(), lanes=lanes))
    for key, outcome in expected.items():
        assert len({len(region) for region in outcome.run.regions}) == 2
        for a, b in zip(ours[key].run.regions, outcome.run.regions, strict=True):
            np.testing.assert_array_equal(a, b)


def test_runs_over_the_same_frames_decode_them_once_and_share_a_lane(tmp_path):
    sequence, decoded, slots = film(tmp_path, "a", 8), [], SummingSlots()

    def read(path):
        decoded.append(path)
        return decode_frame(path)

    list(batched([ope(sequence, part, row=part) for part in range(5)], slots, read=read))
    assert slots.made == [((32, 48), 1, 5)]
    assert sorted(decoded) == list(sequence.frames)


def test_in_a_batch_too_what_goes_wrong_costs_itself_alone(tmp_path):
    good, outside, resized, broken, gone = (film(tmp_path, name, 4) for name in "abcde")
    Image.new("RGB", (50, 30)).save(resized.frames[2])
    broken.frames[3].write_bytes(b"no image")
    gone.frames[0].unlink()
    sequences = [good, outside, resized, broken, gone]
    jobs = [ope(sequence) for sequence in sequences]
    jobs[1] = ope(outside, box=(400, 5, 10, 8))
    outcomes = by_name(batched(jobs, SummingSlots(), lanes=3))
    failures = {name: outcome.failure for (name, _), outcome in outcomes.items()}
    assert failures["a"] is None and len(outcomes["a", 0].run.boxes) == 4
    assert "has its centre outside the frame" in failures["b"].reason
    assert "0002.png: 50x30, but the first frame is 40x30" in failures["c"].reason
    assert "0003.png: not a readable image" in failures["d"].reason
    assert "0000.png: no such frame" in failures["e"].reason
    assert {failure.kind for failure in failures.values() if failure} == {"raised", "unreadable"}


def test_a_bad_start_leaves_the_runs_beside_it_alone(tmp_path):
    sequence = film(tmp_path, "a", 4)
    jobs = [ope(sequence, 0), ope(sequence, 1, box=(np.nan,) * 4), ope(sequence, 2, row=2)]
    outcomes = by_name(batched(jobs, SummingSlots()))
    assert "is not finite" in outcomes["a", 1].failure.reason
    expected = by_name(one_by_one([jobs[0], jobs[2]], Summing))
    assert_same_runs({k: v for k, v in outcomes.items() if k[1] != 1}, expected)


def test_a_batchs_seconds_are_those_of_a_step_over_its_targets(tmp_path):
    class Sleeping(SummingSlots):
        def __call__(self, *shape):
            slots = super().__call__(*shape)
            advance = slots.advance

            def slowly(*arguments):
                wait = advance(*arguments)
                return lambda: time.sleep(0.04) or wait()

            slots.advance = slowly
            return slots

    sequence = film(tmp_path, "a", 4)
    outcomes = list(batched([ope(sequence, part) for part in range(4)], Sleeping()))
    seconds = np.asarray([outcome.run.seconds for outcome in outcomes])
    assert (seconds >= 0.01).all() and np.median(seconds) < 0.02


def group(name, n_frames, size):
    return Group([Job(name, tuple(range(n_frames)), None)], size)


def whole(size):
    return size[::-1]


def test_one_lane_keeps_the_order_and_every_size_has_its_canvas():
    groups = [group("a", 5, (30, 20)), group("b", 9, (40, 20)), group("c", 7, (30, 20))]
    canvases = by_canvas(groups, whole, 1)
    assert {size: [g.jobs[0].sequence for g in members] for size, members in canvases.items()} == {
        (20, 30): ["a", "c"],
        (20, 40): ["b"],
    }


def test_more_lanes_share_canvases_of_similar_size_longest_first():
    groups = [
        group("small", 5, (32, 24)),
        group("wide", 9, (64, 48)),
        group("high", 7, (48, 64)),
        group("huge", 3, (640, 480)),
    ]
    canvases = by_canvas(groups, whole, 4)
    assert {size: [g.jobs[0].sequence for g in members] for size, members in canvases.items()} == {
        (480, 640): ["huge"],
        (64, 64): ["wide", "high"],
        (24, 32): ["small"],
    }


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_frames_decode_to_pillows_pixels(tmp_path, mode, subsampling):
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    file = tmp_path / "frame.jpg"
    Image.fromarray(noise).convert(mode).save(file, subsampling=subsampling)
    np.testing.assert_array_equal(decode_frame(file), read_frame(file))


def test_half_a_frame_is_no_frame(tmp_path):
    file = tmp_path / "frame.jpg"
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(SequenceError, match=r"frame.jpg: not a readable image"):
        decode_frame(file)
