"""Many runs at once give what each gives alone."""

import time
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from running_worlds import Summing, SummingSlots, assert_same_runs, by_name, film, ope

from siamfc_jax.evaluation.protocols.supervised import supervised
from siamfc_jax.evaluation.running.batched import batched
from siamfc_jax.evaluation.running.decoding import decode_frame
from siamfc_jax.evaluation.running.jobs import job
from siamfc_jax.evaluation.running.one_by_one import one_by_one
from siamfc_jax.evaluation.sequences import VotSequence


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
