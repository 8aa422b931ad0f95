"""Tracked boxes drawn into frames."""

import math
from collections.abc import Iterator

import numpy as np

from siamfc_jax.media.lettering import paste, text_chip
from siamfc_jax.media.palette import Colour, target_colour

_SHADOW: Colour = (0, 0, 0)
_SHADOW_OPACITY = 0.45
_DASH = 4.0


def draw_boxes(
    image: np.ndarray, boxes: np.ndarray, scores: np.ndarray, lost: np.ndarray | None = None
) -> np.ndarray:
    """A copy of the frame (uint8 [H, W, 3]) with each target's box, number and score.

    boxes float [N, 4] as x, y, w, h with continuous corners; scores float [N]. Lines are centred
    on the box's edge at sub-pixel precision. A box that is not finite is left out. Those that are
    `lost`, bool [N], are dashed and say so.
    """
    if lost is None:
        lost = np.zeros(len(boxes), bool)
    canvas = image.copy()
    thickness, font_size = _line_and_font_size(image)
    shown = [i for i in range(len(boxes)) if np.isfinite(boxes[i]).all()]
    for i in shown:
        dash = _DASH * thickness if lost[i] else None
        draw_rectangle(canvas, boxes[i], thickness + 1.5, _SHADOW, _SHADOW_OPACITY, dash)
        draw_rectangle(canvas, boxes[i], thickness, target_colour(i), dash=dash)
    for i in shown:
        label = f"#{i}  lost" if lost[i] else f"#{i}  {scores[i]:.2f}"
        chip = text_chip(label, font_size, target_colour(i))
        paste(canvas, chip, *_label_place(boxes[i], chip, canvas, thickness))
    return canvas


def _line_and_font_size(image: np.ndarray) -> tuple[float, int]:
    extent = min(image.shape[:2])
    return max(1.5, 0.004 * extent), max(11, round(0.026 * extent))


def _label_place(
    box: np.ndarray, chip: np.ndarray, canvas: np.ndarray, thickness: float
) -> tuple[int, int]:
    """Above the box; below it where there is no room above; inside the frame in any case."""
    x, y, _, h = (float(value) for value in box)
    chip_height, chip_width = chip.shape[:2]
    top = y - thickness / 2 - chip_height
    if top < 0:
        top = y + h + thickness / 2
    left = min(max(x - thickness / 2, 0), canvas.shape[1] - chip_width)
    return round(left), round(min(max(top, 0), canvas.shape[0] - chip_height))


def draw_rectangle(
    canvas: np.ndarray,
    box: np.ndarray,
    thickness: float,
    colour: Colour,
    opacity: float = 1.0,
    dash: float | None = None,
) -> None:
    """Blends the outline of a box into the canvas, each pixel by the share that the line covers;
    in dashes of about `dash` pixels, if given."""
    x, y, w, h = (float(value) for value in box)
    half = thickness / 2
    outer = (y - half, y + h + half, x - half, x + w + half)
    inner = (y + half, y + h - half, x + half, x + w - half)
    for rows, columns in _border_strips(outer, inner, canvas.shape[:2]):
        share = _coverage(outer, rows, columns) - _coverage(inner, rows, columns)
        if dash is not None:
            share *= _dashes(outer, rows, columns, dash)
        patch = canvas[rows.start : rows.stop, columns.start : columns.stop]
        blended = patch + opacity * share[..., None] * (np.array(colour, np.float32) - patch)
        patch[...] = np.rint(blended)


Edges = tuple[float, float, float, float]


def _border_strips(
    outer: Edges, inner: Edges, shape: tuple[int, int]
) -> Iterator[tuple[range, range]]:
    """Up to four disjoint blocks of pixels that hold the outline, so that the inside costs nothing.

    Where the box is thinner than its line, the blocks meet in its middle.
    """
    top, bottom = _pixels_touched(outer[0], outer[1], shape[0])
    left, right = _pixels_touched(outer[2], outer[3], shape[1])
    inner_top, inner_bottom = _pixels_within(inner[0], inner[1], shape[0])
    inner_left, inner_right = _pixels_within(inner[2], inner[3], shape[1])
    if inner_top >= inner_bottom or inner_left >= inner_right:
        yield range(top, bottom), range(left, right)
        return
    yield range(top, inner_top), range(left, right)
    yield range(inner_bottom, bottom), range(left, right)
    yield range(inner_top, inner_bottom), range(left, inner_left)
    yield range(inner_top, inner_bottom), range(inner_right, right)


def _pixels_touched(low: float, high: float, extent: int) -> tuple[int, int]:
    return _clipped(math.floor(low), math.ceil(high), extent)


def _pixels_within(low: float, high: float, extent: int) -> tuple[int, int]:
    return _clipped(math.ceil(low), math.floor(high), extent)


def _clipped(first: int, stop: int, extent: int) -> tuple[int, int]:
    first = min(max(first, 0), extent)
    return first, max(first, min(stop, extent))


def _coverage(edges: Edges, rows: range, columns: range) -> np.ndarray:
    """The share of each pixel's area inside the rectangle, float32 [rows, columns]."""
    top, bottom, left, right = edges
    return np.outer(_overlap(top, bottom, rows), _overlap(left, right, columns))


def _dashes(edges: Edges, rows: range, columns: range, length: float) -> np.ndarray:
    """Where dashes are: bool [rows, columns], the dark squares of a board over the rectangle.

    Its sides have an odd number of squares, so that all corners, and opposite edges, are alike.
    """
    top, bottom, left, right = edges
    row = _square(top, bottom, rows, length)
    column = _square(left, right, columns, length)
    return (row[:, None] + column[None]) % 2 == 0


def _square(low: float, high: float, pixels: range, length: float) -> np.ndarray:
    """The number of the square that each pixel's centre lies in."""
    count = 2 * round((high - low) / length / 2 - 0.5) + 1
    place = (np.arange(pixels.start, pixels.stop) + 0.5 - low) / (high - low)
    return np.clip(np.floor(place * count), 0, count - 1)


def _overlap(low: float, high: float, pixels: range) -> np.ndarray:
    starts = np.arange(pixels.start, pixels.stop, dtype=np.float32)
    return np.clip(np.minimum(starts + 1, high) - np.maximum(starts, low), 0, 1)
