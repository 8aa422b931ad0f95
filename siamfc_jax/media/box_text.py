"""Boxes that a user writes by hand: on the command line or in a small file."""

from pathlib import Path

import numpy as np

from siamfc_jax.media.errors import MediaError


def parse_box(text: str) -> np.ndarray:
    """`"x,y,w,h"` (commas or blanks) as float32 [4]: corner and size in pixels.

    Raises MediaError unless these are four finite numbers with an area.
    """
    fields = text.replace(",", " ").split()
    try:
        box = np.array([float(field) for field in fields], np.float32)
    except ValueError:
        raise MediaError(f"'{text}' is not a box; write four numbers x,y,w,h") from None
    if box.shape != (4,):
        raise MediaError(f"'{text}' has {len(box)} numbers; a box has four: x,y,w,h")
    if not np.isfinite(box).all():
        raise MediaError(f"'{text}' is not a box: its numbers must be finite")
    if box[2] <= 0 or box[3] <= 0:
        raise MediaError(f"'{text}' is a box without area; its width and height must be positive")
    return box


def read_boxes_file(path: Path) -> np.ndarray:
    """Reads one box a line, one line a target, as float32 [N, 4]; `#` starts a comment.

    Raises MediaError that names the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise MediaError(f"{path}: is no text file; write one box x,y,w,h a line") from error
    boxes = []
    for number, line in enumerate(lines, start=1):
        text = line.split("#", 1)[0].strip()
        if text:
            boxes.append(_box_on_line(text, path, number))
    if not boxes:
        raise MediaError(f"{path}: holds no boxes; write one box x,y,w,h a line")
    return np.stack(boxes)


def _box_on_line(text: str, path: Path, number: int) -> np.ndarray:
    try:
        return parse_box(text)
    except MediaError as error:
        raise MediaError(f"{path}, line {number}: {error}") from None
