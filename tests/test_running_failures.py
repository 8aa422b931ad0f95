"""Runs that go wrong cost themselves, not the others."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from running_worlds import (
    Broken,
    Summing,
    SummingSlots,
    explode,
    film,
    grey,
    ope,
)

from siamfc_jax.evaluation.running.batched import batched
from siamfc_jax.evaluation.running.jobs import Job
from siamfc_jax.evaluation.running.one_by_one import one_by_one

ROOT = Path(__file__).parents[1]


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
