"""Rows of evaluation: running a benchmark, beside tracking its videos one by one."""

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np

from experiments.speed.otb_like import write_otb_like
from experiments.speed.results import Result
from experiments.speed.settings import BenchmarkSettings
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.running.batched import batched
from siamfc_jax.evaluation.running.jobs import job
from siamfc_jax.evaluation.sequences import Sequence
from siamfc_jax.media.session import track_video
from siamfc_jax.tracking.online import Model, MultiTracker
from siamfc_jax.tracking.slots import ModelSlots


def evaluation_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """OTB's sequences as experiments.eval_otb runs them, in turn with experiments.track's loop."""
    with tempfile.TemporaryDirectory() as scratch:
        otb = settings.otb or write_otb_like(Path(scratch) / "otb", settings.frames)
        sequences = read_otb(otb)
        shortest = [_shortened(sequence, 3) for sequence in sequences]
        _evaluate(shortest, model)
        ours, theirs, frames = 0.0, 0.0, 0
        for sequence in sequences:
            ours += _seconds(partial(_evaluate, [sequence], model))
            theirs += _seconds(partial(_track, sequence, model, Path(scratch)))
            frames += len(sequence.frames)
    print(f"{len(sequences)} sequences, {frames} frames from JPEG files, a video at a time")
    for who, seconds in (("eval_otb", ours), ("track", theirs)):
        print(f"  {who:<14} {seconds:9.2f} s {frames / seconds:10.1f} frames/s")
    print(f"  eval_otb / track: {ours / theirs:.2f} of its time")
    return [Result("eval_otb", "frames/s", frames / ours)]


def otb_like_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """A whole one-pass evaluation from files on disk, compilation included."""
    with tempfile.TemporaryDirectory() as scratch:
        otb = settings.otb or write_otb_like(Path(scratch) / "otb", settings.frames)
        began = time.perf_counter()
        sequences = read_otb(otb)
        _evaluate(sequences, model)
        seconds = time.perf_counter() - began
    frames = sum(len(sequence.frames) for sequence in sequences)
    print(f"OPE of {len(sequences)} sequences, {frames} frames from JPEG files, all in all")
    print(
        f"  {os.cpu_count()} cores, {ModelSlots(model).lanes} videos at a time: "
        f"{seconds:.1f} s, {frames / seconds:.1f} frames/s"
    )
    return [Result("a whole evaluation", "frames/s", frames / seconds)]


def _evaluate(sequences: Iterable[Sequence], model: Model) -> None:
    jobs = [job(sequence, partial(one_pass, sequence), 0) for sequence in sequences]
    for outcome in batched(jobs, ModelSlots(model)):
        if outcome.run is None or not np.isfinite(outcome.run.boxes).all():
            raise ValueError(f"{outcome.job.sequence}: {outcome.failure}")


def _track(sequence: Sequence, model: Model, scratch: Path) -> None:
    frames = scratch / f"{sequence.name}_frames"
    frames.mkdir()
    for number, path in enumerate(sequence.frames):
        (frames / f"{number:06d}.jpg").symlink_to(path.resolve())
    track_video(frames, sequence.boxes[:1], MultiTracker(model), scratch / "tracked")


def _shortened(sequence: Sequence, count: int) -> Sequence:
    return sequence._replace(frames=sequence.frames[:count], truth=sequence.truth[:count])


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
