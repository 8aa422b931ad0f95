"""One door to every source of frames that can be read in any order."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from siamfc_jax.media.camera import is_camera
from siamfc_jax.media.footage import Footage
from siamfc_jax.media.images import read_image
from siamfc_jax.media.live_footage import open_live
from siamfc_jax.media.reading import images_of
from siamfc_jax.media.video_footage import VideoFootage


class ImageFootage(Footage):
    """Image files as frames."""

    def __init__(self, paths: Sequence[Path], location: str):
        self._paths = paths
        super().__init__(location, paths[0].resolve().parent.name or "images", None, len(paths))

    def again(self) -> "ImageFootage":
        return ImageFootage(self._paths, self.location)

    def _read(self, index: int) -> np.ndarray:
        return read_image(self._paths[index])


def open_footage(source: str | Path) -> Footage:
    """Opens what `siamfc_jax.media.reading.open_frames` opens.

    Raises MediaError, in one line, when there is nothing to read. A video's index is read to its
    end: `problem` tells where a damaged one breaks off.
    """
    location = str(source)
    if is_camera(location):
        return open_live(location)
    images = images_of(source)
    if images is None:
        return VideoFootage(Path(source).expanduser())
    return ImageFootage(images, location)
