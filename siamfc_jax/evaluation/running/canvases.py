"""Which videos share a canvas, and so a compiled step."""

from collections.abc import Callable
from typing import Generic, NamedTuple

from siamfc_jax.evaluation.running.jobs import Job, R

Canvas = tuple[int, int]

# A canvas is shared while it has at most so many times the pixels that the frame's own would have.
_ROOMY = 4


class Group(NamedTuple, Generic[R]):
    """Jobs that look at the same frames together; `size` (width, height) of those."""

    jobs: list[Job[R]]
    size: tuple[int, int]


def share_frames(jobs: list[Job[R]]) -> list[list[Job[R]]]:
    """Neighbouring jobs over the same frames, together."""
    groups: list[list[Job[R]]] = []
    for job in jobs:
        if groups and groups[-1][0].frames == job.frames:
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups


def by_canvas(
    groups: list[Group[R]], canvas_of: Callable[[tuple[int, int]], Canvas], lanes: int
) -> dict[Canvas, list[Group[R]]]:
    """The groups of each canvas.

    With one lane, every group has the canvas of its size, in the given order. With more, small
    frames also go on larger canvases, so that lanes are seldom idle, and the longest videos come
    first, so that they do not end alone.
    """
    batches: dict[Canvas, list[Group[R]]] = {}
    if lanes == 1:
        for group in groups:
            batches.setdefault(canvas_of(group.size), []).append(group)
        return batches
    own = {group.size: canvas_of(group.size) for group in groups}
    shared = _shared(set(own.values()))
    for group in sorted(groups, key=lambda group: -len(group.jobs[0].frames)):
        batches.setdefault(shared[own[group.size]], []).append(group)
    return batches


def _shared(canvases: set[Canvas]) -> dict[Canvas, Canvas]:
    """Each canvas -> the one to use instead."""
    shared: dict[Canvas, Canvas] = {}
    left = sorted(canvases, key=_area, reverse=True)
    while left:
        union, members = left[0], [left[0]]
        for canvas in left[1:]:
            joined = (max(union[0], canvas[0]), max(union[1], canvas[1]))
            if _area(joined) <= _ROOMY * _area(canvas):
                union, members = joined, [*members, canvas]
        shared.update(dict.fromkeys(members, union))
        left = [canvas for canvas in left if canvas not in members]
    return shared


def _area(canvas: Canvas) -> int:
    return canvas[0] * canvas[1]
