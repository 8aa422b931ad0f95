"""Boxes as annotated, and those among them that can train anything."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_prep.tracks import Frame, Report, Track


def usable_track(
    *,
    video: str,
    name: str,
    frames: Sequence[Frame],
    numbers: Sequence[int] | NDArray[np.integer],
    boxes: ArrayLike,
    category: str,
    sizes: ArrayLike | None,
    where: Callable[[int], object],
    report: Report,
) -> Track | None:
    """The `Track` of the boxes that can be used, or None where none is left.

    Left out and reported are boxes that are not finite, have no area, or lie wholly outside the
    frame. A box that only reaches outside is kept as it is.

    Args:
      video, name, category: as in `Track`.
      frames, numbers, boxes [n, 4], sizes [n, 2] or None: as in `Track`, but boxes as annotated.
      where: tells for an index into `boxes` where that box is written.
      report: told of what was left out.
    """
    # What float32 cannot hold becomes infinite, and is reported below.
    with np.errstate(over="ignore", invalid="ignore"):
        checked = np.asarray(boxes, np.float64).reshape(-1, 4).astype(np.float32)
        size_rows = None if sizes is None else np.asarray(sizes, np.int32).reshape(-1, 2)
        problems = _problems(checked, size_rows)
    for index, problem in problems.items():
        text = ",".join(f"{value:g}" for value in checked[index])
        report.problem(problem, where(index), f"x,y,w,h = {text}")
    kept = [index for index in range(len(checked)) if index not in problems]
    if not kept:
        return None
    return Track(
        video=video,
        name=name,
        frames=tuple(frames[index] for index in kept),
        numbers=np.asarray(numbers, np.int32)[kept],
        boxes=checked[kept],
        category=category,
        sizes=None if size_rows is None else size_rows[kept],
    )


def _problems(boxes: NDArray[np.float32], sizes: NDArray[np.int32] | None) -> dict[int, str]:
    finite = np.isfinite(boxes).all(1)
    area = (boxes[:, 2:] > 0).all(1)
    inside: NDArray[np.bool_] = np.ones(len(boxes), bool)
    if sizes is not None:
        low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
        inside = np.all((low < sizes) & (high > 0), axis=1)
    kinds = np.select(
        [~finite, ~area, ~inside],
        ["box not finite", "box without area", "box outside the frame"],
        "",
    )
    return {int(index): str(kinds[index]) for index in np.flatnonzero(kinds != "")}
