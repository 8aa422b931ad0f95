"""What every data source yields: tracks of boxes over frames."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError


class SourceError(ValueError):
    """A dataset on disk is not as its layout says; one line names the file and the remedy."""


class VideoFrame(NamedTuple):
    """Frame `number` (from 0, in the order of display) of a video file."""

    file: Path
    number: int


Frame = Path | VideoFrame


class Track(NamedTuple):
    """One object through one video (or one still).

    Attributes:
      video: name of the video it belongs to; tracks of one video stay on one side of a split.
      name: name of the track, unique within its source.
      frames: the frames in which the object has a box: image files, or frames of a video file.
      numbers: [n] int32, increasing, frame numbers of `frames` within the video.
      boxes: [n, 4] float32 (x, y, w, h), finite, w > 0 and h > 0; see `siamfc_jax.boxes`.
      category: class of the object as the source names it (a WordNet id, a word), or "".
      sizes: [n, 2] int32 (width, height) of the frames where the annotation tells, or None.
    """

    video: str
    name: str
    frames: tuple[Frame, ...]
    numbers: NDArray[np.int32]
    boxes: NDArray[np.float32]
    category: str = ""
    sizes: NDArray[np.int32] | None = None


class Report:
    """Problems that a source left out while it was read: counts by kind, and the first few.

    Attributes:
      counts: how often each kind of problem was met.
      examples: for each kind, up to `keep` lines that name the file.
    """

    def __init__(self, keep: int = 5) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._keep = keep

    def problem(self, kind: str, where: object, detail: str = "", *, count: int = 1) -> None:
        """Note `count` problems of one kind ("missing frame", "box without area", ...)."""
        self.counts[kind] += count
        lines = self.examples.setdefault(kind, [])
        if len(lines) < self._keep:
            lines.append(f"{where}: {detail}" if detail else str(where))


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read an image as uint8 [H, W, 3] RGB; raises SourceError when it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise SourceError(f"{path}: no such image; is the dataset complete?") from None
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise SourceError(f"{path}: not a readable image ({error}); fetch it again") from None
    except Image.DecompressionBombError as error:
        raise SourceError(f"{path}: {error}") from None
