"""What every data source yields: tracks of boxes over frames."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError


class SourceError(ValueError):
    """A dataset on disk is not as its layout says; one line names the file and the remedy."""


class Track(NamedTuple):
    """One object through one video (or one still).

    Attributes:
      video: name of the video it belongs to; tracks of one video stay on one side of a split.
      name: name of the track.
      frames: image files of the frames in which the object has a box.
      numbers: [n] int32, frame numbers of `frames` within the video.
      boxes: [n, 4] float32 (x, y, w, h); see `siamfc_jax.boxes`.
    """

    video: str
    name: str
    frames: tuple[Path, ...]
    numbers: NDArray[np.int32]
    boxes: NDArray[np.float32]


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read an image as uint8 [H, W, 3] RGB; raises SourceError when it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise SourceError(f"{path}: no such image; is the dataset complete?") from None
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise SourceError(f"{path}: not a readable image ({error}); fetch it again") from None
