"""Rendered clips in which the target is hidden, or leaves the view and comes back elsewhere."""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.synthetic import SceneConfig, iter_frames

N_FRAMES = 60
_GONE = (20, 34)
_TURN = 5
_VIEW = np.array([480, 360])
_LEAST_VISIBLE = 0.2

_WORLD = SceneConfig(
    width=1280, height=480, n_frames=N_FRAMES, n_distractors=3, likeness=0.5,
    size_range=(30.0, 50.0), speed=1.0, wander=30.0, scale=0.15, rotation=10.0, deformation=0.04,
    blur=0.3, global_light=0.1, local_light=0.2,
)  # fmt: skip
_CROSSED = dataclasses.replace(
    _WORLD, width=480, height=360, speed=2.5, n_occluders=3, occlusion=2.0
)


class AbsenceFrame(NamedTuple):
    """image: uint8 [H, W, 3]. box: float32 [4], NaN where the target is absent."""

    image: NDArray[np.uint8]
    box: NDArray[np.float32]


def always_there(seed: int) -> Iterator[AbsenceFrame]:
    """A camera that keeps the target in view."""
    return _through_a_view(seed, looks_away=False)


def out_of_view(seed: int) -> Iterator[AbsenceFrame]:
    """The camera turns away, and the picture cuts back to a view that has the target on the other
    side."""
    return _through_a_view(seed, looks_away=True)


def occluded(seed: int) -> Iterator[AbsenceFrame]:
    """Obstacles larger than the target cross it three times, while it goes on."""
    for frame in iter_frames(_CROSSED, seed):
        box = frame.boxes[0]
        is_there = frame.visible[0] >= _LEAST_VISIBLE
        yield AbsenceFrame(frame.image, box if is_there else np.full(4, np.nan, np.float32))


KINDS = {"always there": always_there, "out of view": out_of_view, "occluded": occluded}


def _through_a_view(seed: int, looks_away: bool) -> Iterator[AbsenceFrame]:
    world = np.array([_WORLD.width, _WORLD.height])
    away = 0.0
    for number, frame in enumerate(iter_frames(_WORLD, seed)):
        box, centre = frame.boxes[0], frame.boxes[0, :2] + frame.boxes[0, 2:] / 2
        if not number:
            # To the side on which there is more room.
            away = -0.7 if centre[0] < world[0] / 2 else 1.7
        place = _place(number, away) if looks_away else 0.5
        corner = np.rint(centre - np.array([place, 0.5]) * _VIEW).astype(int)
        corner = np.clip(corner, 0, world - _VIEW)
        rows, columns = (slice(corner[i], corner[i] + _VIEW[i]) for i in (1, 0))
        shown = box - np.array([*corner, 0, 0], np.float32)
        low, high = np.maximum(shown[:2], 0), np.minimum(shown[:2] + shown[2:], _VIEW)
        inside = np.prod(np.maximum(high - low, 0)) / np.prod(box[2:])
        is_there = inside * frame.visible[0] >= _LEAST_VISIBLE
        image = np.ascontiguousarray(frame.image[rows, columns])
        yield AbsenceFrame(image, shown if is_there else np.full(4, np.nan, np.float32))


def _place(number: int, away: float) -> float:
    """Where in the view the target is, 0 being the left border and 1 the right one."""
    before, after = (0.7, 0.25) if away > 1 else (0.3, 0.75)
    first, last = _GONE
    if number >= last:
        return after
    return float(np.interp(number, [first - _TURN, first], [before, away]))
