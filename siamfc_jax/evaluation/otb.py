"""OTB-100 in its original layout: <Sequence>/img/%04d.jpg and groundtruth_rect*.txt."""

import re
from pathlib import Path

import numpy as np

from siamfc_jax.boxes import Boxes, from_one_based
from siamfc_jax.evaluation.sequences import Sequence, SequenceError

# First and last frame where they are not the folder's: the toolkit's configSeqs.
_SPANS = {
    "David": (300, 770),
    "BlurCar1": (247, 988),
    "BlurCar3": (3, 359),
    "BlurCar4": (18, 397),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
    "Diving": (1, 215),
}
_OMITTED_FIRST_FRAMES = {"Tiger1": 5}


def read_otb(root: Path) -> list[Sequence]:
    """Every sequence below `root`, by name; a folder with two targets gives `Name-1`, `Name-2`.

    Raises:
      SequenceError: no sequence there, a missing frame, or an unreadable ground truth.
    """
    if not root.is_dir():
        raise SequenceError(f"{root}: no such folder; give the folder that holds OTB's sequences")
    sequences = [
        _read(file)
        for file in sorted(root.glob("*/groundtruth_rect*.txt"))
        if file.stat().st_size > 0  # Human4's first target has an empty file: not evaluated.
    ]
    if not sequences:
        raise SequenceError(f"{root}: no */groundtruth_rect.txt in it; is this OTB's folder?")
    return sequences


def _read(file: Path) -> Sequence:
    folder = file.parent
    target = re.fullmatch(r"groundtruth_rect\.(\d)\.txt", file.name)
    name = f"{folder.name}-{target[1]}" if target else folder.name
    boxes = _rows(file)
    digits = 5 if folder.name == "Board" else 4
    first, last = _SPANS.get(folder.name, (1, len(boxes)))
    numbers = range(first, min(last, first + len(boxes) - 1) + 1)
    frames = [folder / "img" / f"{number:0{digits}d}.jpg" for number in numbers]
    skip = _OMITTED_FIRST_FRAMES.get(folder.name, 0)
    frames, boxes = frames[skip:], boxes[skip : len(numbers)]
    for frame in frames:
        if not frame.exists():
            raise SequenceError(f"{frame}: missing; {name} needs {len(frames)} frames")
    return Sequence(name, tuple(frames), from_one_based(boxes))


def _rows(file: Path) -> Boxes:
    # Commas, tabs and spaces are all in use, sometimes in one file.
    try:
        rows = [
            [float(value) for value in re.split(r"[,\s]+", line.strip())]
            for line in file.read_text().splitlines()
            if line.strip()
        ]
        boxes = np.asarray(rows, np.float32)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError("rows must be x y w h")
    except ValueError as error:
        raise SequenceError(f"{file}: unreadable ground truth ({error})") from None
    return boxes
