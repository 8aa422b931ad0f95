"""Folders of frames with a text file of boxes.

Layout: `<video>/000001.jpg, ...` (or `<video>/img/000001.jpg, ...`) and `<video>/groundtruth.txt`
with one `x,y,w,h` row per frame, or a `groundtruth.<id>.txt` for each object. Corners are 0-based
and continuous, as this project has them; a row of nan says that the object is absent. Frames are
images of any kind, of one size or not. The videos may lie at any depth. `python -m
data_prep.synthetic` writes this layout.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from data_prep.checks.frame_sizes import sizes_to_judge
from data_prep.sources.box_rows import BoxRows, read_box_rows
from data_prep.sources.folders import Listing, images_in, name_below, walk
from data_prep.sources.listing import file_names
from data_prep.sources.usable_boxes import usable_track
from data_prep.tracks import Report, SourceError, Track

_BOXES = re.compile(r"groundtruth(\..+)?\.txt")


def read_box_folders(root: Path, report: Report) -> Iterator[Track]:
    """Yield every track below `root`, videos in the order of their folders.

    Where there are more rows than frames, and the frames are named by numbers from 0 or 1 on, a row
    belongs to the frame of its number, and missing frames are noted.

    Raises:
      SourceError: no such folder, or no groundtruth.txt below it.
    """
    found = False
    for listing in walk(root):
        files = [name for name in listing.files if _BOXES.fullmatch(name)]
        if files:
            found = True
            yield from _tracks_of_video(root, listing, files, report)
    if not found:
        raise SourceError(
            f"{root}: no <video>/groundtruth.txt below it; "
            "the layout is described in data_prep/sources/box_folders.py"
        )


def _tracks_of_video(
    root: Path, listing: Listing, files: Sequence[str], report: Report
) -> Iterator[Track]:
    folder = listing.folder
    frames = images_in(folder, listing.files) or images_in(
        folder / "img", file_names(folder / "img")
    )
    if not frames:
        report.problem("missing frames", folder, "no images in it or in its img/")
        return
    for file in files:
        track = _track(name_below(root, folder), folder / file, frames, report)
        if track is not None:
            yield track


def _track(video: str, file: Path, frames: list[Path], report: Report) -> Track | None:
    rows = read_box_rows(file, report)
    if rows is None:
        return None
    frame_of_row = _frames_by_row(file, frames, rows, report)
    present = [
        index
        for index, row in enumerate(rows.rows)
        if int(row) in frame_of_row and not np.isnan(rows.boxes[index]).all()
    ]
    numbers, boxes = rows.rows[present], rows.boxes[present]
    shown = [frame_of_row[int(number)] for number in numbers]
    track = usable_track(
        video=video,
        name=f"{video}/{file.stem}",
        frames=shown,
        numbers=numbers,
        boxes=boxes,
        category="",
        sizes=sizes_to_judge(shown, boxes),
        where=lambda index: f"{file}, row {numbers[index] + 1}",
        report=report,
    )
    return None if track is None else track._replace(sizes=None)


def _frames_by_row(
    file: Path, frames: list[Path], rows: BoxRows, report: Report
) -> dict[int, Path]:
    """The frame of each row; none, and a problem is noted, where that is unclear."""
    if len(frames) == rows.total:
        return dict(enumerate(frames))
    detail = f"{rows.total} rows for {len(frames)} frames beside it"
    if all(frame.stem.isdecimal() for frame in frames):
        start = min(int(frames[0].stem), 1)
        by_number = {int(frame.stem) - start: frame for frame in frames}
        if len(by_number) == len(frames) and max(by_number) < rows.total:
            missing = rows.total - len(frames)
            report.problem("missing frame", file, detail, count=missing)
            return by_number
    report.problem("rows do not fit the frames", file, detail)
    return {}
