"""What is known of one target: its boxes, frame by frame."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

_MAPS_KEPT = 600
_ROOM = 256
COLUMNS = 7
"""x, y, w, h, score, confidence, lost"""


class Answer(NamedTuple):
    """What a tracker says of a frame: box float32 [4], and how sure it is of it."""

    box: np.ndarray
    score: float
    confidence: float = 1.0
    lost: bool = False


class ResponseMap(NamedTuple):
    """cells float32 [h, w] over `place`, a box x, y, w, h of the frame."""

    cells: np.ndarray
    place: np.ndarray


class Track:
    """Answers about a target from frame `first` to frame `last`.

    Frames in between may have none: there the target was not followed. Boxes of all frames are
    kept, response maps of the last few hundred.
    """

    def __init__(self) -> None:
        self.first = 0
        self.last = -1
        self._rows = np.empty((_ROOM, COLUMNS), np.float32)
        self._maps: OrderedDict[int, ResponseMap] = OrderedDict()

    def begin(self, frame: int, answer: Answer) -> None:
        """Starts at `frame`, anew: boxes of earlier frames stay, those of later ones go."""
        if self.last < 0 or frame < self.first:
            self.first, self.last = frame, frame - 1
        for gone in [number for number in self._maps if number >= frame]:
            del self._maps[gone]
        self._make_room(frame)
        self._rows[self.last + 1 - self.first : frame - self.first] = np.nan
        self.last = frame - 1
        self.add(answer)

    def add(self, answer: Answer, response: ResponseMap | None = None) -> None:
        """The answer about frame `last` + 1."""
        self.last += 1
        self._make_room(self.last)
        self._rows[self.last - self.first] = [*answer.box, *answer[1:]]
        if response is not None:
            self._maps[self.last] = response
            if len(self._maps) > _MAPS_KEPT:
                self._maps.popitem(last=False)

    def box(self, frame: int) -> np.ndarray | None:
        """float32 [4], or None where there is no box."""
        row = self._row(frame)
        return None if row is None else row[:4].copy()

    def score(self, frame: int) -> float | None:
        row = self._row(frame)
        return None if row is None else float(row[4])

    def is_lost(self, frame: int) -> bool:
        """Whether the tracker takes its box for wrong."""
        row = self._row(frame)
        return row is not None and bool(row[6])

    def response(self, frame: int) -> ResponseMap | None:
        return self._maps.get(frame)

    def history(self, frame: int, length: int) -> np.ndarray:
        """Scores float32 [length] of the frames up to `frame`; nan where there is none."""
        scores = np.full(length, np.nan, np.float32)
        low, high = max(self.first, frame + 1 - length), min(self.last, frame) + 1
        if low < high:
            start = low - (frame + 1 - length)
            scores[start : start + high - low] = self._rows[low - self.first : high - self.first, 4]
        return scores

    def table(self, n_frames: int) -> np.ndarray:
        """float32 [n_frames, COLUMNS] of frames 0 on; nan where there is no box, lost nowhere."""
        table = np.full((n_frames, COLUMNS), np.nan, np.float32)
        stop = min(self.last + 1, n_frames)
        if self.first < stop:
            table[self.first : stop] = self._rows[: stop - self.first]
        return table

    def _row(self, frame: int) -> np.ndarray | None:
        if not self.first <= frame <= self.last:
            return None
        row = self._rows[frame - self.first]
        return row if np.isfinite(row[:4]).all() else None

    def _make_room(self, frame: int) -> None:
        needed = frame + 1 - self.first
        if needed > len(self._rows):
            rows = np.empty((max(needed, 2 * len(self._rows)), COLUMNS), np.float32)
            rows[: len(self._rows)] = self._rows
            self._rows = rows
