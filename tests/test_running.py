"""One tracker, carried through a protocol frame by frame."""

import time
from functools import partial

import numpy as np
import pytest
from running_worlds import Broken, Summing, explode, film, grey, ope

from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.protocols.supervised import supervised
from siamfc_jax.evaluation.running.decoding import decode_frame
from siamfc_jax.evaluation.running.drive import TrackerError, drive
from siamfc_jax.evaluation.running.one_by_one import one_by_one
from siamfc_jax.evaluation.sequences import VotSequence


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


def test_a_run_may_take_long_as_long_as_it_answers(tmp_path):
    (outcome,) = one_by_one([ope(film(tmp_path, "a", 9))], Slow, patience=0.12)
    assert outcome.failure is None
