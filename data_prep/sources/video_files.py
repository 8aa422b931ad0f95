"""Video files with a text file of boxes beside each.

Layout: `<name>.mp4` (or another container that FFmpeg reads) and `<name>.txt` with one `x,y,w,h`
row per frame, at any depth below ROOT. Corners are 0-based and continuous, as this project has
them; a row of nan says that the object is absent. Corner pairs `x1,y1,x2,y2` are not understood:
convert them. Each file shows one target; for more, write its frames as images
(`data_prep/sources/box_folders.py`).
"""

from collections.abc import Iterator
from pathlib import Path, PurePath

import numpy as np

from data_prep.checks.frame_sizes import count_video_frames, video_size
from data_prep.sources.box_rows import read_box_rows
from data_prep.sources.folders import name_below, walk
from data_prep.sources.usable_boxes import usable_track
from data_prep.tracks import Report, SourceError, Track, VideoFrame

_VIDEO_SUFFIXES = frozenset(
    (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".ts", ".webm", ".wmv")
)


def read_videos(root: Path, report: Report) -> Iterator[Track]:
    """Yield the track of every video file below `root`, in sorted order.

    The frames of each video are counted, by reading through the file without decoding it.

    Raises:
      SourceError: no such folder, or no video file below it.
    """
    found = False
    for listing in walk(root):
        for name in listing.files:
            if PurePath(name).suffix.lower() in _VIDEO_SUFFIXES:
                found = True
                track = _read_video(root, listing.folder / name, report)
                if track is not None:
                    yield track
    if not found:
        endings = " ".join(sorted(_VIDEO_SUFFIXES))
        raise SourceError(f"{root}: no video below it ({endings}); expected <name>.mp4, <name>.txt")


def _read_video(root: Path, file: Path, report: Report) -> Track | None:
    rows = read_box_rows(file.with_suffix(".txt"), report)
    if rows is None:
        return None
    try:
        size, count = video_size(file), count_video_frames(file)
    except SourceError as error:
        report.problem("unreadable video", error)
        return None
    if rows.total != count:
        detail = f"{rows.total} rows for {count} frames"
        report.problem("rows do not fit the frames", file.with_suffix(".txt"), detail)
        return None
    present = ~np.isnan(rows.boxes).all(1)
    numbers = rows.rows[present]
    video = name_below(root, file)
    return usable_track(
        video=video,
        name=video,
        frames=[VideoFrame(file, int(number)) for number in numbers],
        numbers=numbers,
        boxes=rows.boxes[present],
        category="",
        sizes=[size] * len(numbers),
        where=lambda index: f"{file.with_suffix('.txt')}, row {numbers[index] + 1}",
        report=report,
    )
