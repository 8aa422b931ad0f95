"""Sequences and runs for the tests of result files."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from siamfc_jax.evaluation.formats.completeness import expected_starts
from siamfc_jax.evaluation.formats.writing import write_results
from siamfc_jax.evaluation.runs import Run, VotRun
from siamfc_jax.evaluation.sequences import Sequence, VotSequence


def video(name="Dog", frames=40, **changes):
    truth = np.tile([10.0, 20, 30, 40], (frames, 1))
    return Sequence(name, (), truth)._replace(**changes)


def vot_video(name="ants1", frames=5):
    return VotSequence(name, (), (np.asarray([1.0, 2, 3, 4]),) * frames, (64, 48))


def runs_of(sequence, protocol="OPE", seconds=True, seed=0):
    rng = np.random.default_rng(seed)
    lengths = [
        (start, len(sequence.truth) - start) for start in expected_starts(sequence, protocol)
    ]
    return tuple(
        Run(rng.normal(50, 20, (n, 4)), start, rng.uniform(0.01, 0.1, n) if seconds else None)
        for start, n in lengths
    )


def floats(width=64):
    return st.floats(allow_infinity=False, width=width)


def tables(columns):
    return st.integers(1, 6).flatmap(lambda n: arrays(np.float64, (n, columns), elements=floats()))


def regions():
    rectangle = arrays(np.float64, 4, elements=floats(32))
    polygon = st.integers(4, 8).flatmap(lambda k: arrays(np.float64, 2 * k, elements=floats(32)))
    return st.one_of(
        st.sampled_from([0.0, 1, 2]).map(lambda c: np.asarray([c])), rectangle, polygon
    )


@st.composite
def vot_runs(draw, repetitions=3):
    """A VOT sequence and repetitions on it; whether they were timed is the same for all."""
    frames, timed = draw(st.integers(1, 5)), draw(st.booleans())
    seconds = arrays(np.float64, frames, elements=st.floats(0.001, 10))
    trajectory = st.lists(regions(), min_size=frames, max_size=frames).map(tuple)
    return vot_video(frames=frames), tuple(
        VotRun(draw(trajectory), draw(seconds) if timed else None)
        for _ in range(draw(st.integers(1, repetitions)))
    )


def same(a, b):
    """Whether two runs say the same."""
    if (a.seconds is None) != (b.seconds is None):
        return False
    if a.seconds is not None and not np.array_equal(a.seconds, b.seconds, equal_nan=True):
        return False
    if isinstance(a, Run):
        return a.start == b.start and np.array_equal(a.boxes, b.boxes, equal_nan=True)
    return len(a.regions) == len(b.regions) and all(
        np.array_equal(x, y, equal_nan=True) for x, y in zip(a.regions, b.regions, strict=True)
    )


def all_same(a, b):
    return len(a) == len(b) and all(map(same, a, b))


def write(folder, runs, sequence, **options):
    write_results(folder, "T", [sequence], {sequence.name: runs}, **options)
