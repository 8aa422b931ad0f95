"""Colours for drawing: one per target, and a scale for response maps."""

import colorsys

import numpy as np

Colour = tuple[int, int, int]

_TARGET_COLOURS: tuple[Colour, ...] = (
    (255, 214, 10),
    (0, 200, 255),
    (255, 69, 120),
    (94, 228, 80),
    (255, 140, 26),
    (168, 120, 255),
    (40, 224, 190),
    (255, 120, 235),
)
_GOLDEN_RATIO = 0.618034

# Black through violet and orange to pale yellow: lightness rises steadily.
_HEAT_ANCHORS = np.array(
    [
        (0, 0, 8),
        (62, 14, 108),
        (140, 30, 110),
        (212, 64, 74),
        (248, 134, 26),
        (250, 204, 52),
        (252, 254, 190),
    ],
    np.float64,
)


def target_colour(target: int) -> Colour:
    """A bright RGB colour for the target with this number; the first eight are hand-picked."""
    if target < len(_TARGET_COLOURS):
        return _TARGET_COLOURS[target]
    red, green, blue = colorsys.hsv_to_rgb(target * _GOLDEN_RATIO % 1.0, 0.7, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def text_colour_on(background: Colour) -> Colour:
    """Black or white, whichever stands out from the background."""
    red, green, blue = background
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else (255, 255, 255)


def _heat_table() -> np.ndarray:
    places = np.linspace(0.0, 1.0, len(_HEAT_ANCHORS))
    levels = np.linspace(0.0, 1.0, 256)
    channels = [np.interp(levels, places, channel) for channel in _HEAT_ANCHORS.T]
    return np.stack(channels, axis=-1).astype(np.float32)


# float32 [256, 3], RGB 0..255.
HEAT_TABLE = _heat_table()
