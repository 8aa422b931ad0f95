"""A folder of frames and a text file with one box per frame: one video with one target."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.sources.box_rows import BoxRows, read_box_rows
from data_prep.sources.listing import file_names
from data_prep.sources.usable_boxes import usable_track
from data_prep.tracks import Report, Track


class BoxSequence(NamedTuple):
    """Where one sequence lies and what its dataset tells of it.

    Attributes:
      video, name, category: as in `Track`.
      annotation: the file of boxes; its row i, from 0, belongs to frame number i.
      frames: the folder of the JPEG files.
      file_name: the name of the file of a frame number.
      origin: coordinates of the upper-left corner of the upper-left pixel: 1 where the dataset
        counts pixels from 1, else 0.
      hidden: [m] bool, frames in which the target cannot be seen; None where no label tells.
      size: (width, height) of every frame, or None where unknown.
      remedy: what to do when the folder of frames is missing.
    """

    video: str
    name: str
    annotation: Path
    frames: Path
    file_name: Callable[[int], str]
    origin: int
    hidden: NDArray[np.bool_] | None = None
    category: str = ""
    size: tuple[int, int] | None = None
    remedy: str = "is the dataset complete?"


def read_box_sequence(sequence: BoxSequence, report: Report) -> Track | None:
    """Read the track of a sequence; None, and a report why, where it has no usable box.

    Hidden frames are left out without a word; everything else that is left out is reported.
    """
    rows = read_box_rows(sequence.annotation, report)
    if rows is None:
        return None
    files = {name for name in file_names(sequence.frames) if name.endswith(".jpg")}
    if not files:
        report.problem("missing frames", sequence.frames, sequence.remedy)
        return None
    names = [sequence.file_name(number) for number in range(rows.total)]
    _report_frames_without_row(sequence, files.difference(names), report)
    seen = ~_hidden(sequence, rows.total, report)[rows.rows]
    present = _present(sequence, names, files, rows, seen, report)
    numbers = rows.rows[present]
    track = usable_track(
        video=sequence.video,
        name=sequence.name,
        frames=[sequence.frames / names[number] for number in numbers],
        numbers=numbers,
        boxes=rows.boxes[present] - [sequence.origin, sequence.origin, 0, 0],
        category=sequence.category,
        sizes=None if sequence.size is None else [sequence.size] * len(numbers),
        where=lambda index: f"{sequence.annotation}, row {numbers[index] + 1}",
        report=report,
    )
    if track is None:
        report.problem("video without usable boxes", sequence.annotation)
    return track


def _report_frames_without_row(sequence: BoxSequence, extra: set[str], report: Report) -> None:
    count = sum(name.endswith(".jpg") for name in extra)
    if count:
        report.problem(
            "frame without a box row", sequence.annotation, f"{count} frames", count=count
        )


def _hidden(sequence: BoxSequence, count: int, report: Report) -> NDArray[np.bool_]:
    """[count] bool; a frame beyond the end of the labels counts as hidden."""
    if sequence.hidden is None:
        return np.zeros(count, bool)
    hidden = np.ones(count, bool)
    labelled = min(count, len(sequence.hidden))
    hidden[:labelled] = sequence.hidden[:labelled]
    if labelled < count:
        detail = f"visibility labels of {labelled} frames for {count} rows"
        report.problem("frame without a label", sequence.annotation, detail, count=count - labelled)
    return hidden


def _present(
    sequence: BoxSequence,
    names: list[str],
    files: set[str],
    rows: BoxRows,
    seen: NDArray[np.bool_],
    report: Report,
) -> NDArray[np.int64]:
    """Indices into `rows` of the frames that are seen and whose file exists."""
    present = []
    for index in np.flatnonzero(seen):
        name = names[rows.rows[index]]
        if name in files:
            present.append(index)
        else:
            report.problem("missing frame", sequence.frames / name)
    return np.asarray(present, np.int64)
