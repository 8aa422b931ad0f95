"""TrackingNet (Mueller et al., ECCV 2018): 30 132 training clips cut out of YouTube-BB.

    TrackingNet/                                           <- root
      TRAIN_0/ ... TRAIN_11/                               any of them
        anno/<youtube id>_<object>.txt                     x,y,w,h per frame, pixels from 0
        frames/<youtube id>_<object>/0.jpg, 1.jpg, ...     unpadded
        zips/<youtube id>_<object>.zip                     as downloaded; to be unpacked

Row i belongs to i.jpg, 30 a second. Boxes were annotated once a second and tracked in between. The
TEST folder is never read. Clips of one YouTube video are one `video`, wherever they lie, so that a
split cannot put one on each side. Classes are not told.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data_prep.sources.box_sequence import BoxSequence, read_box_sequence
from data_prep.sources.listing import file_names, subfolders
from data_prep.tracks import Report, SourceError, Track


class _Clip(NamedTuple):
    video: str
    name: str
    chunk: Path


def read_trackingnet(root: Path, report: Report) -> Iterator[Track]:
    """Yield the track of every clip; `video` is its YouTube id.

    Raises:
      SourceError: `root` is not this layout, or no archive was unpacked.
    """
    pattern = re.compile(r"TRAIN_\d+", re.ASCII)
    chunks = [root / name for name in subfolders(root) if pattern.fullmatch(name)]
    clips = sorted(clip for chunk in chunks for clip in _clips(chunk))
    if not clips:
        raise SourceError(
            f"{root}: not TrackingNet; give the folder that holds TRAIN_0, ... with "
            "anno/<clip>.txt and frames/<clip>/0.jpg in each"
        )
    unpacked = {chunk for chunk in chunks if (chunk / "frames").is_dir()}
    if not unpacked:
        raise SourceError(
            f"{chunks[0]}/frames: no such folder; unzip each zips/<clip>.zip into frames/<clip>"
        )
    for chunk in chunks:
        if chunk not in unpacked:
            detail = "unzip each zips/<clip>.zip into frames/<clip>"
            count = sum(clip.chunk == chunk for clip in clips)
            report.problem("frames not unzipped", chunk / "frames", detail, count=count)
    for clip in clips:
        track = _read_clip(clip, report) if clip.chunk in unpacked else None
        if track is not None:
            yield track


def _clips(chunk: Path) -> Iterator[_Clip]:
    for file in file_names(chunk / "anno"):
        name = file.removesuffix(".txt")
        if name != file:
            yield _Clip(re.sub(r"_\d+$", "", name), name, chunk)


def _read_clip(clip: _Clip, report: Report) -> Track | None:
    return read_box_sequence(
        BoxSequence(
            video=clip.video,
            name=clip.name,
            annotation=clip.chunk / "anno" / f"{clip.name}.txt",
            frames=clip.chunk / "frames" / clip.name,
            file_name=lambda number: f"{number}.jpg",
            origin=0,
            remedy=f"unzip zips/{clip.name}.zip there",
        ),
        report,
    )
