"""From a stream of tracks to what filters leave of it, with counts of what each dropped.

The presets are those of the two versions of the SiamFC paper; others are composed of the same
filters (`data_prep.checks.filters`).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from data_prep.checks.filters import (
    Filter,
    area_within,
    aspect_within,
    at_least,
    clear_of_border,
    drop_categories,
    inside_frame,
)
from data_prep.checks.frame_sizes import frame_size
from data_prep.tracks import Frame, Report, SourceError, Track

CURATIONS: dict[str, tuple[Filter, ...]] = {
    # v2 paper §2.4.1: all 4 417 videos, without heuristics.
    "v2": (),
    # v1 paper §2.4; strict limits, and the border measured by the object's mean side, as in the
    # released code (there commented out since v2).
    "v1": (
        drop_categories(("n01726692", "n04468005", "n02062744", "n01674464")),
        area_within(0.1**2, 0.75**2),
        clear_of_border(0.05),
    ),
    # Not of the papers: for boxes made by hand or by other trackers.
    "clean": (inside_frame(), at_least(8), aspect_within(10)),
}

UNREADABLE = "unreadable frame"


@dataclass
class Dropped:
    """What curation took away, by the name of the filter.

    Attributes:
      boxes: boxes dropped.
      tracks: tracks that lost their last box.
    """

    boxes: Counter[str] = field(default_factory=Counter)
    tracks: Counter[str] = field(default_factory=Counter)

    def note(self, name: str, before: Track, after: Track) -> None:
        self.boxes[name] += len(before.frames) - len(after.frames)
        self.tracks[name] += bool(before.frames) and not after.frames


def curate(
    tracks: Iterable[Track],
    filters: Sequence[Filter],
    dropped: Dropped,
    report: Report | None = None,
) -> Iterator[Track]:
    """Yield what the filters leave of each track; a track without a box left is not yielded.

    Args:
      dropped: counts what went, while the result is iterated.
      report: is told of frames whose size a filter asked for and that cannot be read; they are
        dropped as `UNREADABLE`.
    """
    for track in tracks:
        for rule in filters:
            if rule.needs_sizes and track.sizes is None:
                track = _with_sizes(track, dropped, report or Report())
            before, track = track, select(track, rule.keeps(track))
            dropped.note(rule.name, before, track)
            if not track.frames:
                break
        if track.frames:
            yield track


def select(track: Track, kept: NDArray[np.bool_]) -> Track:
    """The track with those boxes only for which `kept`, [n] bool, is True."""
    if kept.all():
        return track
    return track._replace(
        frames=tuple(compress(track.frames, kept)),
        numbers=track.numbers[kept],
        boxes=track.boxes[kept],
        sizes=None if track.sizes is None else track.sizes[kept],
    )


def _with_sizes(track: Track, dropped: Dropped, report: Report) -> Track:
    sizes = np.asarray([_size_or_zero(frame, report) for frame in track.frames], np.int32)
    sized = track._replace(sizes=sizes)
    readable = select(sized, np.asarray((sizes > 0).all(1)))
    if readable is not sized:
        dropped.note(UNREADABLE, sized, readable)
    return readable


def _size_or_zero(frame: Frame, report: Report) -> tuple[int, int]:
    try:
        return frame_size(frame)
    except SourceError as error:
        report.problem(UNREADABLE, error)
        return 0, 0


def subset_of_videos(names: Iterable[str], percent: float, seed: int = 0) -> list[str]:
    """Names of `percent` per cent of the videos, sorted: a function of the set of names and seed.

    A smaller percentage gives a part of a larger one's. The count is rounded to the nearest (and at
    least 1), which gives the papers' numbers: 88, 177, 353, 707 and 1413 of 4417 videos for 2, 4,
    8, 16 and 32 %; 141, 282 and 1410 of 2820 for 5, 10 and 50 %.

    Raises:
      ValueError: `percent` is not above 0 and at most 100.
    """
    if not 0 < percent <= 100:
        raise ValueError(f"a percentage of videos lies above 0 and at most at 100, not {percent}")
    ranked = sorted(set(names), key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    count = max(1, int(percent * len(ranked) / 100 + 0.5))
    return sorted(ranked[:count])
