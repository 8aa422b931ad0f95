"""The rendered clips on which re-detection is measured: when the target is there, and where."""

from itertools import islice

import numpy as np
import pytest

from experiments import absences
from experiments.absences import KINDS


def test_the_target_leaves_on_one_side_and_comes_back_on_the_other(monkeypatch):
    # Of a frame that is shown at once: only where the view is matters.
    monkeypatch.setattr(absences, "_GONE", (4, 7))
    monkeypatch.setattr(absences, "_TURN", 3)
    frames = list(islice(KINDS["out of view"](6), 9))
    boxes = np.stack([frame.box for frame in frames])
    assert frames[0].image.shape == (360, 480, 3)
    there = np.isfinite(boxes).all(1)
    assert there[:2].all() and not there[4:7].any() and there[7:].all()
    before, after = boxes[0, 0] + boxes[0, 2] / 2, boxes[8, 0] + boxes[8, 2] / 2
    assert abs(before - after) > 150


@pytest.mark.parametrize("kind", ["always there", "occluded"])
def test_the_box_is_where_the_target_is_seen(kind):
    first, second = islice(KINDS[kind](5), 2)
    x, y, w, h = np.rint(first.box).astype(int)
    assert np.isfinite(first.box).all() and min(x, y) >= 0
    patch = first.image[y : y + h, x : x + w].astype(int)
    x, y = np.rint(second.box[:2]).astype(int)
    moved = second.image[y : y + h, x : x + w].astype(int)
    assert patch.shape == moved.shape
    still = second.image[0:h, 0:w].astype(int)
    assert np.abs(patch - moved).mean() < np.abs(patch - still).mean() / 2
