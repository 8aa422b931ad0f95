"""LaSOT (Fan et al., CVPR 2019): 1 400 long videos of 70 classes, 1 120 of them for training.

    LaSOTBenchmark/                                        <- root
      training_set.txt, testing_set.txt                    names of videos, protocol II
      airplane/airplane-1/                                 or airplane-1/ directly in the root
        img/00000001.jpg, 00000002.jpg, ...
        groundtruth.txt                                    x,y,w,h per frame, pixels from 1
        full_occlusion.txt, out_of_view.txt                one row of 0 or 1 per frame, by commas
        nlp.txt

The 280 videos of testing_set.txt are never read; without that file only those of training_set.txt
are. With neither, all videos are read, and that is reported.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_prep.sources.box_rows import read_labels
from data_prep.sources.box_sequence import BoxSequence, read_box_sequence
from data_prep.sources.listing import subfolders
from data_prep.sources.name_list import read_names
from data_prep.tracks import Report, SourceError, Track


def read_lasot(root: Path, report: Report) -> Iterator[Track]:
    """Yield the track of every training video; `video` is its name, `category` its class.

    Raises:
      SourceError: `root` is not this layout, or a split file is there but unreadable.
    """
    folders = sorted(_video_folders(root), key=lambda folder: folder.name)
    if not folders:
        raise SourceError(
            f"{root}: not LaSOT; give the folder that holds airplane/airplane-1/groundtruth.txt, "
            "... or airplane-1/groundtruth.txt, ...; unzip the classes first"
        )
    for folder in _training(root, folders, report):
        track = _read_video(folder, report)
        if track is not None:
            yield track


def _video_folders(root: Path) -> Iterator[Path]:
    for name in subfolders(root):
        if _is_video(name):
            yield root / name
        else:
            yield from (
                root / name / inner for inner in subfolders(root / name) if _is_video(inner)
            )


def _is_video(name: str) -> bool:
    return re.fullmatch(r".+-\d+", name, re.ASCII) is not None


def _training(root: Path, folders: list[Path], report: Report) -> list[Path]:
    testing = read_names(root / "testing_set.txt")
    if testing is not None:
        return [folder for folder in folders if folder.name not in testing]
    training = read_names(root / "training_set.txt")
    if training is not None:
        return [folder for folder in folders if folder.name in training]
    report.problem(
        "no split file",
        root / "testing_set.txt",
        "all videos are read, also those of the test set; put the authors' file there",
    )
    return folders


def _read_video(folder: Path, report: Report) -> Track | None:
    hidden = _hidden(folder, report)
    if hidden is None:
        return None
    return read_box_sequence(
        BoxSequence(
            video=folder.name,
            name=folder.name,
            annotation=folder / "groundtruth.txt",
            frames=folder / "img",
            file_name=lambda number: f"{number + 1:08d}.jpg",
            origin=1,
            hidden=hidden,
            category=folder.name.rpartition("-")[0],
        ),
        report,
    )


def _hidden(folder: Path, report: Report) -> NDArray[np.bool_] | None:
    occluded = read_labels(folder / "full_occlusion.txt", report)
    out_of_view = read_labels(folder / "out_of_view.txt", report)
    if occluded is None or out_of_view is None:
        return None
    labelled = min(len(occluded), len(out_of_view))
    return (occluded[:labelled] != 0) | (out_of_view[:labelled] != 0)
