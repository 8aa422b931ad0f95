"""Benchmarks that were interrupted or failed in part go on where they were."""

from functools import partial

import pytest
from running_worlds import Broken, Summing, SummingSlots, explode, film, ope

from siamfc_jax.evaluation.running.batched import batched
from siamfc_jax.evaluation.running.one_by_one import one_by_one
from siamfc_jax.evaluation.running.run_benchmark import run_benchmark


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
