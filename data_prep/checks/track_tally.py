"""Counts and distributions of a stream of tracks, without keeping them."""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from data_prep.tracks import Report, Track

PERCENTS = (1, 25, 50, 75, 99)
_BINS_PER_OCTAVE = 35  # a bin is 2 per cent wide


class TrackTally:
    """Counts of the tracks that came by.

    Attributes:
      videos, tracks, boxes: how many there were.
      frames: how many frames; one that shows several tracks of its video counts once.
    """

    def __init__(self) -> None:
        self.tracks = 0
        self.frames = 0
        self.boxes = 0
        self._videos: set[int] = set()
        self._lengths: Counter[int] = Counter()
        self._size_bins: Counter[int] = Counter()
        self._video: str | None = None
        self._numbers: set[int] = set()

    def counting(self, tracks: Iterable[Track], report: Report) -> Iterator[Track]:
        """Yield the tracks as they are; a video whose tracks lie apart is noted."""
        for track in tracks:
            if track.video != self._video:
                self._enter(track.video, report)
            self._count(track)
            yield track

    @property
    def videos(self) -> int:
        return len(self._videos)

    def lengths(self) -> tuple[int, int, int]:
        """Smallest, median and largest number of boxes of a track; 0 where there is none."""
        if not self._lengths:
            return 0, 0, 0
        return min(self._lengths), _percentile(self._lengths, 50), max(self._lengths)

    def box_sizes(self) -> tuple[float, ...]:
        """Percentiles `PERCENTS` of sqrt(w h) in pixels, to 1 per cent; none without boxes."""
        if not self._size_bins:
            return ()
        bins = (_percentile(self._size_bins, percent) for percent in PERCENTS)
        return tuple(2 ** (number / _BINS_PER_OCTAVE) for number in bins)

    def _enter(self, video: str, report: Report) -> None:
        if hash(video) in self._videos:
            report.problem("video in several places", video, "its tracks do not follow each other")
        self._videos.add(hash(video))
        self._video, self._numbers = video, set()

    def _count(self, track: Track) -> None:
        known = len(self._numbers)
        self._numbers.update(track.numbers.tolist())
        self.frames += len(self._numbers) - known
        self.tracks += 1
        self.boxes += len(track.frames)
        self._lengths[len(track.frames)] += 1
        sizes = np.sqrt(track.boxes[:, 2:].prod(1, np.float64))
        self._size_bins.update(np.round(np.log2(sizes) * _BINS_PER_OCTAVE).astype(int).tolist())


def _percentile(counts: Counter[int], percent: int) -> int:
    """The smallest value that at least `percent` per cent of the counted values do not exceed."""
    wanted = counts.total() * percent / 100
    reached = 0
    for value in sorted(counts):
        reached += counts[value]
        if reached >= wanted:
            return value
    raise ValueError("nothing was counted")
