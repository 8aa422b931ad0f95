"""Folders of frames with a text file of boxes.

Layout: `<video>/000001.jpg, ...` and `<video>/groundtruth.txt` with one `x,y,w,h` row per frame
(0-based, continuous; nan where the object is absent), or `groundtruth.<id>.txt` per object. The
frames may also lie in `<video>/img/`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_prep.tracks import SourceError, Track


def read_box_folders(root: Path) -> Iterator[Track]:
    """Yield every track below `root`, videos in the order of their names.

    Raises:
      SourceError: no such folder, no video in it, or a box file that does not fit its frames.
    """
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder; give the folder that holds the videos")
    files = sorted(root.rglob("groundtruth*.txt"))
    if not files:
        raise SourceError(f"{root}: no groundtruth.txt below it; see data_prep/box_folders.py")
    for file in files:
        frames = sorted(file.parent.glob("*.jpg")) or sorted(file.parent.glob("img/*.jpg"))
        boxes = read_rows(file)
        if len(boxes) != len(frames):
            raise SourceError(f"{file}: {len(boxes)} rows for {len(frames)} frames beside it")
        valid = np.isfinite(boxes).all(1) & (boxes[:, 2:] > 0).all(1)
        numbers = np.flatnonzero(valid).astype(np.int32)
        if len(numbers):
            yield Track(
                video=str(file.parent.relative_to(root)),
                name=f"{file.parent.relative_to(root)}/{file.stem}",
                frames=tuple(frames[index] for index in numbers),
                numbers=numbers,
                boxes=boxes[numbers],
            )


def read_rows(file: Path) -> NDArray[np.float32]:
    """Rows `x,y,w,h` as float32 [n, 4]; raises SourceError with the number of a bad line."""
    rows = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        try:
            row = [float(value) for value in line.replace(",", " ").split()]
        except ValueError:
            row = []
        if len(row) != 4:
            raise SourceError(f"{file}: line {number} is not x,y,w,h: {line[:40]!r}")
        rows.append(row)
    if not rows:
        raise SourceError(f"{file}: has no rows; fetch it again")
    return np.asarray(rows, np.float32)
