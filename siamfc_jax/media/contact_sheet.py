"""One picture that shows a whole video: evenly spaced frames in rows and columns."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from siamfc_jax.media.lettering import paste, text_chip
from siamfc_jax.media.partial_file import write_whole

_BACKGROUND = (18, 18, 20)
_GAP = 6


class FrameSampler:
    """Evenly spaced small copies from a stream of frames whose length nobody knows.

    Keeps every 2^k-th frame, `tile_width` pixels wide; whenever 4 * n_tiles are kept, every other
    one is dropped. Memory stays bounded for a stream of any length.
    """

    def __init__(self, n_tiles: int, tile_width: int = 480):
        self._n_tiles = n_tiles
        self._tile_width = tile_width
        self._stride = 1
        self._seen = 0
        self._kept: list[tuple[int, np.ndarray]] = []

    def add(self, frame: np.ndarray) -> None:
        """Takes the next frame, uint8 [H, W, 3]."""
        if self._seen % self._stride == 0:
            if len(self._kept) == 4 * self._n_tiles:
                del self._kept[1::2]
                self._stride *= 2
            if self._seen % self._stride == 0:
                self._kept.append((self._seen, shrunk_to(frame, self._tile_width)))
        self._seen += 1

    def tiles(self) -> list[tuple[int, np.ndarray]]:
        """At most n_tiles of (frame index, picture), evenly spaced, the first frame among them."""
        count = min(self._n_tiles, len(self._kept))
        places = np.linspace(0, len(self._kept) - 1, count).round().astype(int)
        return [self._kept[place] for place in places]


def shrunk_to(frame: np.ndarray, width: int) -> np.ndarray:
    """The frame at this width, its proportions kept; never enlarged."""
    if frame.shape[1] <= width:
        return frame.copy()
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BOX))


def contact_sheet(
    frames: Sequence[np.ndarray], columns: int, width: int, captions: Sequence[str]
) -> np.ndarray:
    """The frames (uint8 [H, W, 3], one size) row by row in one picture `width` pixels wide.

    Each caption stands in its frame's lower left corner. Raises ValueError without frames.
    """
    if not frames:
        raise ValueError("a contact sheet needs at least one frame")
    columns = min(columns, len(frames))
    tile_width = (width - (columns + 1) * _GAP) // columns
    tile_height = max(1, round(frames[0].shape[0] * tile_width / frames[0].shape[1]))
    rows = -(-len(frames) // columns)
    sheet = np.full((rows * (tile_height + _GAP) + _GAP, width, 3), _BACKGROUND, np.uint8)
    for place, (frame, caption) in enumerate(zip(frames, captions, strict=True)):
        row, column = divmod(place, columns)
        x, y = _GAP + column * (tile_width + _GAP), _GAP + row * (tile_height + _GAP)
        tile = Image.fromarray(frame).resize((tile_width, tile_height), Image.Resampling.LANCZOS)
        paste(sheet, np.asarray(tile), x, y)
        chip = text_chip(caption, max(11, round(0.04 * tile_width)), _BACKGROUND)
        paste(sheet, chip, x, y + tile_height - chip.shape[0])
    return sheet


def write_image(path: Path, image: np.ndarray) -> None:
    """Writes uint8 [H, W, 3] as PNG or JPEG, by the suffix; MediaError if that cannot be."""
    buffer = io.BytesIO()
    kind = "JPEG" if path.suffix.lower() in (".jpg", ".jpeg") else "PNG"
    Image.fromarray(image).save(buffer, kind, quality=92)
    write_whole(path, buffer.getvalue())
