"""Can the frames of tracks be read, have they the annotated size, and do the boxes lie in them?"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.checks.curation import UNREADABLE
from data_prep.checks.frame_sizes import count_video_frames, frame_size
from data_prep.frame_images import decoded
from data_prep.tracks import Frame, Report, SourceError, Track, VideoFrame

_Size = tuple[int, int]
_WORKERS = os.cpu_count() or 1


class _Box(NamedTuple):
    """What a frame must hold: a box (x, y, w, h), and its (width, height) where that is told."""

    track: str
    box: NDArray[np.float32]
    size: _Size | None


class _Problem(NamedTuple):
    kind: str
    where: str


_Content = dict[Frame, list[_Box]]


def check_frames(tracks: Iterable[Track], every: bool, report: Report) -> Iterator[Track]:
    """Yield the tracks as they are, and note what is wrong with their frames.

    Tracks of one video that follow each other share what is read. Threads read ahead of what was
    yielded and noted; the order of the notes does not depend on them.

    Args:
      every: decode every frame; otherwise read the headers of each track's first, middle and last.
    """
    waiting: deque[Future[list[_Problem]]] = deque()
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="check-frames")
    try:
        for _, group in groupby(tracks, key=lambda track: track.video):
            video = list(group)
            for content in _by_file(_content(video, every)):
                waiting.append(pool.submit(_problems, content, every))
                if len(waiting) > 8 * _WORKERS:
                    _note(waiting.popleft().result(), report)
            yield from video
        while waiting:
            _note(waiting.popleft().result(), report)
    finally:
        pool.shutdown(cancel_futures=True)


def _note(problems: Iterable[_Problem], report: Report) -> None:
    for problem in problems:
        report.problem(*problem)


def _content(tracks: Iterable[Track], every: bool) -> _Content:
    content: _Content = {}
    for track in tracks:
        last = len(track.frames) - 1
        for index in range(last + 1) if every else sorted({0, last // 2, last}):
            size = None if track.sizes is None else _size_at(track.sizes, index)
            box = _Box(track.name, track.boxes[index], size)
            content.setdefault(track.frames[index], []).append(box)
    return content


def _size_at(sizes: NDArray[np.int32], index: int) -> _Size:
    return int(sizes[index, 0]), int(sizes[index, 1])


def _by_file(content: _Content) -> Iterator[_Content]:
    """The content of each file: an image, or all frames of a video in order."""
    frames = sorted(content, key=_place)
    for _, group in groupby(frames, key=lambda frame: _place(frame)[0]):
        yield {frame: content[frame] for frame in group}


def _place(frame: Frame) -> tuple[str, int]:
    return (str(frame.file), frame.number) if isinstance(frame, VideoFrame) else (str(frame), 0)


def _problems(content: _Content, every: bool) -> list[_Problem]:
    problems = []
    for frame, size in _look(list(content), every):
        if isinstance(size, SourceError):
            problems.append(_Problem(UNREADABLE, str(size)))
        else:
            problems += [
                problem for box in content[frame] for problem in _problems_of(box, frame, size)
            ]
    return problems


def _problems_of(box: _Box, frame: Frame, size: _Size) -> Iterator[_Problem]:
    where = f"{frame.file} frame {frame.number}" if isinstance(frame, VideoFrame) else f"{frame}"
    seen = f"{size[0]} x {size[1]}"
    if box.size not in (None, size):
        told = "{} x {}".format(*box.size)
        yield _Problem("other size than annotated", f"{where}: is {seen}, annotated as {told}")
    x, y, w, h = (float(value) for value in box.box)
    if x + w <= 0 or y + h <= 0 or x >= size[0] or y >= size[1]:
        detail = f"({x:g}, {y:g}, {w:g}, {h:g}) of {box.track} is not in {seen}"
        yield _Problem("box outside the frame", f"{where}: {detail}")


def _look(frames: Sequence[Frame], every: bool) -> Iterator[tuple[Frame, _Size | SourceError]]:
    """(width, height) of each frame, or why it cannot be read."""
    if every:
        for frame, pixels in decoded(frames):
            if isinstance(pixels, SourceError):
                yield frame, pixels
            else:
                yield frame, (pixels.shape[1], pixels.shape[0])
    else:
        yield from ((frame, _size_by_header(frame)) for frame in frames)


def _size_by_header(frame: Frame) -> _Size | SourceError:
    try:
        if isinstance(frame, VideoFrame) and frame.number >= count_video_frames(frame.file):
            return SourceError(f"{frame.file}: has no frame {frame.number}; fetch it again")
        return frame_size(frame)
    except SourceError as error:
        return error
