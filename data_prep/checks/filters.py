"""Rules that say which boxes of a track are worth training on."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.tracks import Track

VID_CLASSES = {
    "n02691156": "airplane",
    "n02419796": "antelope",
    "n02131653": "bear",
    "n02834778": "bicycle",
    "n01503061": "bird",
    "n02924116": "bus",
    "n02958343": "car",
    "n02402425": "cattle",
    "n02084071": "dog",
    "n02121808": "domestic cat",
    "n02503517": "elephant",
    "n02118333": "fox",
    "n02510455": "giant panda",
    "n02342885": "hamster",
    "n02374451": "horse",
    "n02129165": "lion",
    "n01674464": "lizard",
    "n02484322": "monkey",
    "n03790512": "motorcycle",
    "n02324045": "rabbit",
    "n02509815": "red panda",
    "n02411705": "sheep",
    "n01726692": "snake",
    "n02355227": "squirrel",
    "n02129604": "tiger",
    "n04468005": "train",
    "n01662784": "turtle",
    "n04530566": "watercraft",
    "n02062744": "whale",
    "n02391049": "zebra",
}
"""The 30 classes of ImageNet VID: WordNet id -> name."""


@dataclass(frozen=True)
class Filter:
    """A rule that says which boxes of a track stay.

    Attributes:
      name: what it demands, in words; names its counts.
      keeps: from a track of n boxes to [n] bool.
      needs_sizes: `keeps` reads `Track.sizes`; `curate` fills them in where they are None.
    """

    name: str
    keeps: Callable[[Track], NDArray[np.bool_]]
    needs_sizes: bool = False


def drop_categories(ids: Collection[str]) -> Filter:
    """Drops tracks of these categories (`Track.category`)."""
    names = ", ".join(VID_CLASSES.get(identity, identity) for identity in ids)

    def keeps(track: Track) -> NDArray[np.bool_]:
        return np.full(len(track.boxes), track.category not in ids)

    return Filter(f"class is none of {names}", keeps)


def area_within(low: float, high: float) -> Filter:
    """Keeps boxes whose area, as a share of the image's, is above `low` and below `high`."""

    def keeps(track: Track) -> NDArray[np.bool_]:
        share = track.boxes[:, 2:].prod(1, np.float64) / _sizes(track).prod(1)
        return (share > low) & (share < high)

    return Filter(f"area within {low:g} and {high:g} of the image's", keeps, needs_sizes=True)


def clear_of_border(share: float) -> Filter:
    """Keeps boxes further from every edge of the image than `share` of their mean side."""

    def keeps(track: Track) -> NDArray[np.bool_]:
        low, sides = np.split(track.boxes.astype(np.float64), 2, axis=1)
        distance = np.minimum(low, _sizes(track) - low - sides).min(1)
        return np.asarray(distance > share * sides.sum(1) / 2)

    return Filter(
        f"further than {share:g} of its mean side from the border", keeps, needs_sizes=True
    )


def inside_frame() -> Filter:
    """Keeps boxes whose centre lies in the image."""

    def keeps(track: Track) -> NDArray[np.bool_]:
        centres = track.boxes[:, :2] + track.boxes[:, 2:] / 2
        return np.asarray(((centres >= 0) & (centres <= _sizes(track))).all(1))

    return Filter("centre in the image", keeps, needs_sizes=True)


def at_least(pixels: float) -> Filter:
    """Keeps boxes of which both sides have at least so many pixels."""

    def keeps(track: Track) -> NDArray[np.bool_]:
        return np.asarray(track.boxes[:, 2:].min(1) >= pixels)

    return Filter(f"both sides at least {pixels:g} pixels", keeps)


def aspect_within(ratio: float) -> Filter:
    """Keeps boxes of which the longer side is at most `ratio` times the shorter one."""

    def keeps(track: Track) -> NDArray[np.bool_]:
        sides = track.boxes[:, 2:]
        return np.asarray(sides.max(1) <= ratio * sides.min(1))

    return Filter(f"longer side at most {ratio:g} times the shorter", keeps)


def _sizes(track: Track) -> NDArray[np.int64]:
    assert track.sizes is not None, "curate fills in the sizes that a filter needs"
    return track.sizes.astype(np.int64)
