"""Frames per second of several models, frame by frame on the same rendered clip."""

import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from data_prep.synthetic import DEMO, render_clip
from experiments.speed.timing import Work, take_turns, there_and_back
from siamfc_jax.tracking.online import Model, MultiTracker

_FRAMES = 16


def frames_per_second(models: Mapping[str, Model], seconds: float = 10.0) -> dict[str, float]:
    """Median rates from a uint8 frame on the host to a box on the host, in turn for `seconds`.

    The clip is the demo's, of `data_prep.synthetic`; reading and decoding do not count.
    """
    clip = render_clip(dataclasses.replace(DEMO, n_frames=_FRAMES), seed=0)
    works = {}
    for name, model in models.items():
        tracker = MultiTracker(model)
        tracker.init(clip.frames[0], [clip.boxes[0, 0]])
        works[name] = Work(partial(_step, tracker, there_and_back(list(clip.frames))))
    return {name: 1 / float(np.median(times)) for name, times in take_turns(works, seconds).items()}


def _step(tracker: MultiTracker, frames: Iterator[np.ndarray]) -> object:
    return tracker.update(next(frames))
