"""GOT-10k (Huang et al., TPAMI 2019): 9 335 training videos of 10 annotated frames per second.

    train/                                                 <- root, or the folder that holds it
      list.txt                                             names of the sequences
      GOT-10k_Train_000001/
        00000001.jpg, 00000002.jpg, ...
        groundtruth.txt                                    x,y,w,h per frame, pixels from 1
        absence.label                                      1 where the target is out of view
        cover.label                                        visible share in eighths; 0 is hidden
        cut_by_image.label
        meta_info.ini                                      object_class, resolution, ...

A root of the validation sequences (GOT-10k_Val_*) is read alike; test sequences never, as training
on them would spoil the benchmark. Coordinates count pixels from 1 (the authors, in toolkit issue 6,
whose own tracker subtracts 1), and absent targets have rows of -1. Frame numbers count the frames
on disk, not those of 30 per second.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.sources.box_rows import read_labels
from data_prep.sources.box_sequence import BoxSequence, read_box_sequence
from data_prep.sources.listing import subfolders
from data_prep.sources.name_list import read_names
from data_prep.tracks import Report, SourceError, Track

# Training sequences whose labels belong to other frames (toolkit issue 10), and one in which the
# size of the frames changes.
WRONG_LABELS = (*range(8623, 8638), 9058, 9059)
CHANGING_SIZE = (7947,)
KNOWN_BAD = {
    **{f"GOT-10k_Train_{number:06d}": "labels do not fit the frames" for number in WRONG_LABELS},
    **{f"GOT-10k_Train_{number:06d}": "frame size changes" for number in CHANGING_SIZE},
}


def read_got10k(root: Path, report: Report) -> Iterator[Track]:
    """Yield the track of every sequence but the known bad ones; `video` is the sequence's name.

    Raises:
      SourceError: `root` is not this layout, or list.txt is there but unreadable.
    """
    split = root / "train" if (root / "train").is_dir() else root
    pattern = re.compile(r"GOT-10k_(Train|Val)_\d{6}", re.ASCII)
    found = [name for name in subfolders(split) if pattern.fullmatch(name)]
    if not found:
        raise SourceError(
            f"{split}: not GOT-10k; give the folder that holds GOT-10k_Train_000001, ... "
            "(or its parent); unzip the downloads first; the test set is not for training"
        )
    for name in _listed(split, found, report):
        if name in KNOWN_BAD:
            report.problem("known bad sequence", split / name, KNOWN_BAD[name])
            continue
        track = _read_sequence(split / name, report)
        if track is not None:
            yield track


def _listed(split: Path, found: list[str], report: Report) -> list[str]:
    names = read_names(split / "list.txt")
    if names is None:
        report.problem("missing list", split / "list.txt", "all sequences found are read")
        return found
    for name in sorted(names.difference(found)):
        report.problem("missing video", split / name)
    return [name for name in found if name in names]


def _read_sequence(folder: Path, report: Report) -> Track | None:
    hidden = _hidden(folder, report)
    if hidden is None:
        return None
    meta = _meta_info(folder / "meta_info.ini", report)
    return read_box_sequence(
        BoxSequence(
            video=folder.name,
            name=folder.name,
            annotation=folder / "groundtruth.txt",
            frames=folder,
            file_name=lambda number: f"{number + 1:08d}.jpg",
            origin=1,
            hidden=hidden,
            category=meta.category,
            size=meta.size,
        ),
        report,
    )


def _hidden(folder: Path, report: Report) -> NDArray[np.bool_] | None:
    absence = read_labels(folder / "absence.label", report)
    cover = read_labels(folder / "cover.label", report)
    if absence is None or cover is None:
        return None
    labelled = min(len(absence), len(cover))
    return (absence[:labelled] != 0) | (cover[:labelled] == 0)


class _Meta(NamedTuple):
    category: str
    size: tuple[int, int] | None


def _meta_info(file: Path, report: Report) -> _Meta:
    try:
        pairs = (line.partition(":") for line in file.read_text(encoding="utf-8").splitlines())
        values = {key.strip(): value.strip() for key, _, value in pairs}
    except (OSError, UnicodeDecodeError):
        report.problem("missing meta_info.ini", file, "category and frame size stay unknown")
        return _Meta("", None)
    size = re.fullmatch(r"\((\d{1,5}), *(\d{1,5})\)", values.get("resolution", ""), re.ASCII)
    return _Meta(
        category=values.get("object_class", ""),
        size=(int(size[1]), int(size[2])) if size else None,
    )
