"""Frames kept as image files."""

import os
import re
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.source import FrameSource

IMAGE_SUFFIXES = frozenset(
    (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
_SIXTEEN_BIT_MODES = {"I", "I;16", "I;16B", "I;16L"}
# Datasets call the folder of frames so in every sequence: the name is one level up.
_NAMELESS_FOLDERS = {"color", "frames", "images", "img", "imgs"}
_WORKERS = min(4, os.cpu_count() or 1)


def read_image(path: Path) -> np.ndarray:
    """Reads an image as uint8 RGB [H, W, 3], upright, without transparency, 16 bits cut to 8.

    Raises MediaError for a missing, damaged or unsupported file.
    """
    try:
        with Image.open(path) as image:
            return _to_rgb(ImageOps.exif_transpose(image))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, FileNotFoundError):
            raise MediaError(f"{path}: no such file") from error
        reason = str(error).replace("\n", " ")
        raise MediaError(
            f"{path}: cannot be read as an image ({reason}); replace or remove it"
        ) from error


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode == "F":
        raise ValueError("floating-point pixels")
    if image.mode in _SIXTEEN_BIT_MODES:
        grey = np.asarray(image)
        if grey.min(initial=0) < 0 or grey.max(initial=0) > 0xFFFF:
            raise ValueError("more than 16 bits a pixel")
        return np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"))


def images_in_folder(folder: Path) -> list[Path]:
    """The folder's image files in natural order (2.jpg before 10.jpg), hidden files left out."""
    paths = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    ]
    if not paths:
        raise MediaError(f"{folder}: no images in this folder ({' '.join(sorted(IMAGE_SUFFIXES))})")
    return natural_order(paths)


def natural_order(paths: Sequence[Path]) -> list[Path]:
    return sorted(paths, key=_natural_key)


def _natural_key(path: Path) -> tuple[tuple[str | int, ...], str]:
    # Splitting at digits puts text at even and numbers at odd places: they never meet.
    parts = re.split(r"(\d+)", str(path))
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts)), str(path)


def open_image(path: Path) -> FrameSource:
    """A video of one frame."""
    return _open([path], str(path), path.stem)


def open_images(paths: Sequence[Path], location: str) -> FrameSource:
    """The images as frames in the given order, decoded ahead by a few threads."""
    folder = paths[0].parent.resolve()
    named_by = folder.parent if folder.name.lower() in _NAMELESS_FOLDERS else folder
    return _open(paths, location, named_by.name or "images")


def _open(paths: Sequence[Path], location: str, name: str) -> FrameSource:
    frames = _decoded_in_order(paths)
    return FrameSource(
        location=location,
        name=name,
        frames=frames,
        close=frames.close,
        n_frames=len(paths),
    )


def _decoded_in_order(paths: Sequence[Path]) -> Generator[np.ndarray, None, None]:
    waiting: deque[Future[np.ndarray]] = deque()
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="read-images")
    try:
        for path in paths:
            waiting.append(pool.submit(read_image, path))
            if len(waiting) > _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
