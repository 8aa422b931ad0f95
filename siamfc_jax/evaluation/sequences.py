"""A benchmark sequence, whatever benchmark it comes from."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from siamfc_jax.boxes import Boxes


class SequenceError(ValueError):
    """A benchmark on disk is not as its layout says; one line names the file and the remedy."""


class Sequence(NamedTuple):
    """Frames and ground truth of one target.

    Attributes:
      name: as the benchmark spells it.
      frames: image files, first to last evaluated frame.
      boxes: [n, 4] float32 (x, y, w, h) in this package's convention, one per frame.
    """

    name: str
    frames: tuple[Path, ...]
    boxes: Boxes


def read_frame(path: Path) -> NDArray[np.uint8]:
    """Read a frame as uint8 [H, W, 3] RGB; raises SequenceError when it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise SequenceError(f"{path}: no such frame; is the benchmark complete?") from None
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise SequenceError(f"{path}: not a readable image ({error}); fetch it again") from None
