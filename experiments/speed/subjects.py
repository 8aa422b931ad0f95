"""What the rows of tracking run: a rendered clip, and the model in every type."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np

from data_prep.synthetic import DEMO, render_clip
from experiments.speed.precision import activations, in_each
from experiments.speed.settings import BenchmarkSettings
from siamfc_jax.models.backbone import Compute
from siamfc_jax.tracking.online import Model

_FRAMES = 16


def rendered_clip(
    settings: BenchmarkSettings,
) -> tuple[list[np.ndarray], tuple[float, float, float, float]]:
    """Frames, uint8 [H, W, 3] RGB, and the first box (x, y, w, h) in pixels."""
    config = replace(DEMO, width=settings.width, height=settings.height, n_frames=_FRAMES)
    clip = render_clip(config, seed=0)
    x, y, w, h = (float(value) for value in clip.boxes[0, 0])
    return list(clip.frames), (x, y, w, h)


def in_types(settings: BenchmarkSettings, model: Model) -> Iterator[tuple[str, Model]]:
    """The types' names, and the model that computes in each."""
    for kind in in_each(settings.compute):
        yield kind, model._replace(compute=cast(Compute, activations(kind)))
