"""Sequences in MOTChallenge's layout, of the benchmark or exported by a labelling tool.

Layout: `<sequence>/img1/000001.jpg, ...`, `<sequence>/gt/gt.txt` (or `<sequence>/gt.txt`) and,
where there is one, `<sequence>/seqinfo.ini` (imDir, imWidth, imHeight), at any depth below ROOT.
Rows are

    frame, id, x, y, w, h[, flag[, class[, visibility]]]      (MOT16 and later)
    frame, id, x, y, w, h, flag, X, Y, Z                      (2D MOT 2015: world coordinates)

Frames and pixels are numbered from 1. Left out without a word, as absent, are rows with flag 0 ("do
not consider") and those visible to less than a fifth; a visibility below 0 means unknown.
"""

import configparser
import math
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from data_prep.checks.frame_sizes import sizes_to_judge
from data_prep.sources.folders import is_image, name_below, walk
from data_prep.sources.listing import file_names
from data_prep.sources.usable_boxes import usable_track
from data_prep.tracks import Report, SourceError, Track

_MIN_VISIBLE = 0.2
_CLASSES = (
    *("pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non-motorised vehicle"),
    *("static person", "distractor", "occluder", "occluder on the ground", "full occluder"),
    *("reflection", "crowd"),
)


class _Row(NamedTuple):
    target: int
    frame: int
    line: int
    box: tuple[float, ...]
    category: str


class _Sequence(NamedTuple):
    """Where a sequence lies; its images by frame number; (width, height) where it tells."""

    video: str
    annotation: Path
    images: dict[int, Path]
    size: tuple[int, int] | None


def read_mot(root: Path, report: Report) -> Iterator[Track]:
    """Yield every track below `root`, sequences in sorted order, tracks in the order of their ids.

    Raises:
      SourceError: no such folder, or no gt.txt below it.
    """
    found = False
    for listing in walk(root):
        if "gt.txt" in listing.files:
            found = True
            is_inner = listing.folder.name == "gt"
            folder = (
                listing.folder.parent if is_inner and listing.folder != root else listing.folder
            )
            yield from _tracks_of(root, folder, listing.folder / "gt.txt", report)
    if not found:
        raise SourceError(
            f"{root}: no gt.txt below it; expected <sequence>/img1/000001.jpg, ... "
            "and <sequence>/gt/gt.txt as in MOTChallenge"
        )


def _tracks_of(root: Path, folder: Path, annotation: Path, report: Report) -> Iterator[Track]:
    image_folder, size = _read_seqinfo(folder / "seqinfo.ini", report)
    images = _numbered_images(folder / image_folder)
    if not images:
        report.problem("missing frames", folder / image_folder, "no numbered images in it")
        return
    sequence = _Sequence(name_below(root, folder), annotation, images, size)
    rows = sorted(_read_rows(annotation, report))
    for target, group in groupby(rows, key=lambda row: row.target):
        track = _track(sequence, target, _present(sequence, group, report), report)
        if track is not None:
            yield track


def _track(sequence: _Sequence, target: int, rows: list[_Row], report: Report) -> Track | None:
    if not rows:
        return None
    frames = [sequence.images[row.frame] for row in rows]
    boxes = np.asarray([row.box for row in rows], np.float64)
    boxes[:, :2] -= 1
    told = None if sequence.size is None else np.asarray([sequence.size] * len(rows), np.int32)
    track = usable_track(
        video=sequence.video,
        name=f"{sequence.video}#{target}",
        frames=frames,
        numbers=[row.frame - 1 for row in rows],
        boxes=boxes,
        category=rows[0].category,
        sizes=sizes_to_judge(frames, boxes) if told is None else told,
        where=lambda index: f"{sequence.annotation}, row {rows[index].line}",
        report=report,
    )
    return track._replace(sizes=None) if track is not None and told is None else track


def _present(sequence: _Sequence, rows: Iterator[_Row], report: Report) -> list[_Row]:
    """Those whose frame exists, one of each frame."""
    present: list[_Row] = []
    for row in rows:
        where = f"{sequence.annotation}, row {row.line}"
        if present and present[-1].frame == row.frame:
            report.problem("target twice in a frame", where, f"id {row.target}, frame {row.frame}")
        elif row.frame not in sequence.images:
            report.problem("missing frame", where, f"no image of frame {row.frame}")
        else:
            present.append(row)
    return present


def _read_seqinfo(file: Path, report: Report) -> tuple[str, tuple[int, int] | None]:
    """The folder of the images, and their (width, height) where the file tells."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
        section = parser["Sequence"] if parser.has_section("Sequence") else {}
        width, height = int(section.get("imWidth", 0)), int(section.get("imHeight", 0))
    except (configparser.Error, UnicodeDecodeError, ValueError) as error:
        report.problem("garbled annotation", file, " ".join(str(error).split()))
        return "img1", None
    return section.get("imDir", "img1"), (width, height) if min(width, height) > 0 else None


def _numbered_images(folder: Path) -> dict[int, Path]:
    return {
        int(PurePath(name).stem): folder / name
        for name in sorted(file_names(folder))
        if is_image(name) and PurePath(name).stem.isdecimal()
    }


def _read_rows(file: Path, report: Report) -> Iterator[_Row]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        report.problem("garbled annotation", file, f"is not readable ({error}); fetch it again")
        return
    if not any(lines):
        report.problem("empty annotation", file)
    for number, line in enumerate(lines, 1):
        fields = _numbers(line)
        if line.strip() and fields is None:
            detail = f"is not frame,id,x,y,w,h,...: {line[:40]!r}"
            report.problem("garbled row", f"{file}, row {number}", detail)
        elif fields is not None and _is_seen(fields):
            frame, target, *box = fields[:6]
            category = _category(fields)
            yield _Row(int(target), int(frame), number, tuple(box), category)


def _numbers(line: str) -> list[float] | None:
    try:
        fields = [float(field) for field in line.replace(",", " ").split()]
    except ValueError:
        return None
    if len(fields) < 6 or not 0 <= fields[0] < 2**31 or not math.isfinite(fields[1]):
        return None
    return fields


def _is_seen(fields: list[float]) -> bool:
    considered = len(fields) < 7 or fields[6] != 0
    return considered and not (len(fields) == 9 and 0 <= fields[8] < _MIN_VISIBLE)


def _category(fields: list[float]) -> str:
    if len(fields) not in (8, 9) or not 1 <= fields[7] <= len(_CLASSES):
        return ""
    return _CLASSES[int(fields[7]) - 1]
