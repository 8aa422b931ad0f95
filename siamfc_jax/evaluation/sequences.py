"""A benchmark sequence, whatever benchmark it comes from.

Annotation keeps the numbers of the benchmark's files (float64, its own origin), because published
scores hang on their last bit. `boxes`, `box_of` and `as_annotated` are the border to the package's
convention (`siamfc_jax.boxes`): what trackers see and say.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from siamfc_jax.boxes import Boxes

_NO_TAGS: Mapping[str, NDArray[np.bool_]] = MappingProxyType({})


class SequenceError(ValueError):
    """A benchmark on disk is not as its layout says; one line names the file and the remedy."""


class Sequence(NamedTuple):
    """Frames and rectangles of one target: OTB, GOT-10k, LaSOT.

    Attributes:
      name: as the benchmark spells it.
      frames: image files, first to last evaluated frame; empty where only annotation is at hand.
      truth: [n, 4] float64 (x, y, w, h) as the benchmark writes it, one row per frame.
      first_pixel: what the benchmark calls the upper-left pixel: 1 or 0.
      first_frame: number of the first evaluated frame in the benchmark's counting.
      attributes: the benchmark's codes, e.g. "OCC".
      size: (width, height) of the frames, where the annotation says it.
      visible: [n] whether the target is to be seen; None: in every frame.
      omitted: OTB's initOmit: intervals of frame numbers (first, last) where no segment begins.
      omitted_truth: [m, 4] of annotated frames ahead of the first evaluated one (Tiger1's five).
    """

    name: str
    frames: tuple[Path, ...]
    truth: NDArray[np.float64]
    first_pixel: int = 1
    first_frame: int = 1
    attributes: frozenset[str] = frozenset()
    size: tuple[int, int] | None = None
    visible: NDArray[np.bool_] | None = None
    omitted: tuple[tuple[int, int], ...] = ()
    omitted_truth: NDArray[np.float64] | None = None

    @property
    def boxes(self) -> Boxes:
        """`truth` in the package's convention, float32 [n, 4]."""
        return box_of(self.truth, self.first_pixel)


class VotSequence(NamedTuple):
    """Frames and regions of one target in a VOT challenge.

    Attributes:
      name: as list.txt spells it.
      frames: image files; empty where only annotation is at hand.
      truth: a region per frame, float64: [4] rectangle (x, y, w, h) or [2k] polygon (x1, y1, ...),
        k >= 3, as the benchmark writes it (the upper-left pixel is 0); NaN where unknown.
      size: (width, height) of the frames.
      tags: name -> [n] bool, e.g. "occlusion".
      frames_per_second: of the video, where its metadata say it.
    """

    name: str
    frames: tuple[Path, ...]
    truth: tuple[NDArray[np.float64], ...]
    size: tuple[int, int]
    tags: Mapping[str, NDArray[np.bool_]] = _NO_TAGS
    frames_per_second: float | None = None


NO_FILE_NAME = "no file can be called so; a name is not empty and has no / in it"


def names_a_file(name: str) -> bool:
    """Whether results can be kept in files of this name, which must not lead elsewhere."""
    return name.isprintable() and name.strip() not in ("", ".", "..") and not set(name) & set("/\\")


def box_of(annotated: ArrayLike, first_pixel: int) -> Boxes:
    """Rectangles [..., 4] in a benchmark's numbers -> boxes of this package, float32 [..., 4]."""
    offset = np.asarray([first_pixel, first_pixel, 0, 0], np.float64)
    return (np.asarray(annotated, np.float64) - offset).astype(np.float32)


def as_annotated(boxes: ArrayLike, first_pixel: int) -> NDArray[np.float64]:
    """Inverse of `box_of`: float64 [..., 4] in the benchmark's numbers."""
    offset = np.asarray([first_pixel, first_pixel, 0, 0], np.float64)
    return np.asarray(boxes, np.float64) + offset


def read_frame(path: Path) -> NDArray[np.uint8]:
    """Read a frame as uint8 [H, W, 3] RGB; raises SequenceError when it cannot be read."""
    with _opened(path) as image:
        # A copy, for trackers that draw on it; Pillow's own memory is read-only.
        return np.array(image.convert("RGB"))


def frame_size(path: Path) -> tuple[int, int]:
    """(width, height) as the file's header says; raises SequenceError when it cannot be read."""
    with _opened(path) as image:
        return image.size


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError:
        raise SequenceError(f"{path}: no such frame; is the benchmark complete?") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SequenceError(f"{path}: not a readable image ({error}); fetch it again") from None
