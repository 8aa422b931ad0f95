"""Drawing training pairs: pair i of a split is a pure function of (crops, plan, seed, split, i)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class PairSettings:
    """How pairs are drawn.

    Attributes:
      max_gap: both crops of a positive pair are at most so many frames apart (papers: T = 100).
      negatives: share of pairs whose search image shows a track of another video (v1 paper: .25;
        v2: none).
      seed: within 0 and 2 ** 64 - 1.
      gaps: `max_gap` of the sources, by label, that have one of their own.

    Raises:
      ValueError: a value is out of its range.
    """

    max_gap: int = 100
    negatives: float = 0.0
    seed: int = 0
    gaps: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        least = min([self.max_gap, *self.gaps.values()])
        if least < 1 or not 0 <= self.negatives <= 1:
            raise ValueError(
                f"max_gap {least} must be at least 1, negatives {self.negatives:g} within 0 and 1"
            )
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed {self.seed} must be within 0 and 2 ** 64 - 1")


class DrawTable(NamedTuple):
    """The tracks of one split and how often each is drawn; the arrays may be memory-mapped.

    Attributes:
      start, length: [K] int64; the crops of track k are start[k]..start[k] + length[k].
      video: [K] int64, not decreasing: equal where tracks are of one video.
      cumulative: [K] float64, increasing to 1: track k is drawn for numbers from cumulative[k - 1]
        up to cumulative[k].
      source: [K] str, label of each track's source.
      frame: frame numbers of all crops, increasing within a track.
    """

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    video: NDArray[np.int64]
    cumulative: NDArray[np.float64]
    source: NDArray[np.str_]
    frame: NDArray[Any]


class DrawnPair(NamedTuple):
    """Rows of the crops of a pair; `negative` when they are of different videos."""

    exemplar: int
    search: int
    negative: bool


def draw_pairs(
    table: DrawTable, settings: PairSettings, split: str, first: int, end: int
) -> Iterator[DrawnPair]:
    """The pairs first..end of a split; each is a function of its own number.

    The exemplar's track is drawn by weight and its frame uniformly; the search image's frame
    uniformly among the track's others at most `max_gap` away, before or after, or is the same where
    there is no other. A negative pair's search image is any frame of a track drawn by weight from
    the other videos, of which there must be one.
    """
    for numbers in _uniform(settings.seed, split, first, end).tolist():
        yield _pair(table, settings, *numbers[:5])


def _uniform(seed: int, split: str, first: int, end: int) -> NDArray[np.float64]:
    """[end - first, 8] numbers in [0, 1). Row i takes the two blocks of four from 2 (first + i) on
    of a counter-based generator, so it does not depend on where the rows begin."""
    key = np.asarray([seed, SPLITS.index(split)], np.uint64)
    bits = np.random.Philox(key=key, counter=2 * first)
    return np.random.Generator(bits).random((end - first, 8))


def _pair(
    table: DrawTable,
    settings: PairSettings,
    by_track: float,
    by_frame: float,
    by_kind: float,
    by_search: float,
    by_search_frame: float,
) -> DrawnPair:
    track = _track_at(table, by_track)
    start, length = int(table.start[track]), int(table.length[track])
    exemplar = int(by_frame * length)
    if by_kind < settings.negatives:
        other = _track_elsewhere(table, track, by_search)
        search = int(table.start[other]) + int(by_search_frame * int(table.length[other]))
        return DrawnPair(start + exemplar, search, True)
    frames = table.frame[start : start + length]
    max_gap = settings.gaps.get(str(table.source[track]), settings.max_gap)
    search = _neighbour(frames, exemplar, max_gap, by_search)
    return DrawnPair(start + exemplar, start + search, False)


def _track_at(table: DrawTable, number: float) -> int:
    track = int(np.searchsorted(table.cumulative, number, side="right"))
    return min(track, len(table.cumulative) - 1)


def _track_elsewhere(table: DrawTable, track: int, number: float) -> int:
    """A track by weight among those of other videos than `track`'s, which lie around its own."""
    first, end = np.searchsorted(table.video, table.video[track] + np.asarray([0, 1])).tolist()
    before = float(table.cumulative[first - 1]) if first else 0.0
    own = float(table.cumulative[end - 1]) - before
    at = number * (1 - own)
    other = _track_at(table, at if at < before else at + own)
    if first <= other < end:  # by rounding
        other = end if end < len(table.video) else first - 1
    return other


def _neighbour(frames: NDArray[Any], index: int, max_gap: int, number: float) -> int:
    own = int(frames[index])
    first, end = np.searchsorted(frames, [own - max_gap, own + max_gap + 1]).tolist()
    if end - first == 1:
        return index
    chosen = first + int(number * (end - first - 1))
    return int(chosen + (chosen >= index))
