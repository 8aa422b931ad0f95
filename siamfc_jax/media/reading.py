"""One door to every source of frames."""

import glob
from pathlib import Path

from siamfc_jax.media.camera import is_camera, open_camera
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.images import (
    IMAGE_SUFFIXES,
    images_in_folder,
    natural_order,
    open_image,
    open_images,
)
from siamfc_jax.media.source import FrameSource
from siamfc_jax.media.video import open_video


def open_frames(source: str | Path) -> FrameSource:
    """Opens a video file, a folder of images, a glob of images, an image, or a camera.

    A camera is `camera:0` (Linux, macOS), `camera:NAME` or `/dev/video0`. Close the source, or use
    it in a `with` block. Raises MediaError, in one line, when there is nothing to read.
    """
    location = str(source)
    if is_camera(location):
        return open_camera(location)
    path, images = Path(source).expanduser(), images_of(source)
    if images is None:
        return open_video(path)
    return open_image(path) if images == [path] else open_images(images, location)


def images_of(source: str | Path) -> list[Path] | None:
    """The images of a folder or a glob, in natural order, or the one that `source` is; None where
    it is something else, as a video. Raises MediaError when a folder or a glob has none."""
    path = Path(source).expanduser()
    if path.is_dir():
        return images_in_folder(path)
    if not path.exists() and glob.has_magic(str(source)):
        return _images_of_glob(str(path))
    if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        return [path]
    return None


def _images_of_glob(pattern: str) -> list[Path]:
    paths = [Path(match) for match in glob.iglob(pattern, recursive=True)]
    images = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        raise MediaError(f"{pattern}: matches no images; check the pattern")
    return natural_order(images)
