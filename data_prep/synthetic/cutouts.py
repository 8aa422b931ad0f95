"""Real objects, cut out of photographs and videos along their masks, over real backgrounds."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from data_prep.synthetic.sprites import Sprite, sprite_of
from data_prep.synthetic.textures import Floats
from data_prep.tracks import SourceError, read_image

_PICTURES = (".jpg", ".jpeg", ".png")
_SMALLEST_SIDE = 32
_LARGEST_SHARE = 0.6
_LOOKS_PER_FRAME = (0.1, 0.4)
_FINEST = 1.5
_NOISE = 63
_TRIES = 200


class Look(NamedTuple):
    """A picture and its mask, whose pixels that are not (nearly) black are the object in it."""

    picture: Path
    mask: Path


Cutout = tuple[Look, ...]
"""One object: a single look, or the frames of a video in order."""


class CutoutRole(NamedTuple):
    """What an object of the cast is: whose looks, and how they are changed.

    gain: factors of red, green and blue. flip: mirrored. start: the first frame's look. pace: looks
    per frame of the clip.
    """

    cutout: Cutout
    gain: tuple[float, float, float]
    flip: bool
    start: float
    pace: float


@dataclass(frozen=True)
class CutoutCast:
    """Cut-outs before photographs; a `Cast`."""

    cutouts: tuple[Cutout, ...]
    photographs: tuple[Path, ...]

    def target(self, rng: np.random.Generator) -> CutoutRole:
        for _ in range(_TRIES):
            cutout = self.cutouts[rng.integers(len(self.cutouts))]
            if all(_is_usable(look.mask) for look in cutout):
                return self._role(rng, cutout, 0.25)
        raise SourceError(
            f"{self.cutouts[0][0].mask}, ...: {_TRIES} masks in a row are too small or too large; "
            f"an object is at least {_SMALLEST_SIDE} pixels wide and high and covers at most "
            f"{_LARGEST_SHARE:.0%}"
        )

    def look_alike(self, rng: np.random.Generator, role: CutoutRole, likeness: float) -> CutoutRole:
        """The same object in other light and pose with a chance of `likeness`, or another one."""
        if rng.random() < likeness:
            return self._role(rng, role.cutout, 0.4)
        return self.target(rng)

    def occluder(self, rng: np.random.Generator) -> CutoutRole:
        return self.target(rng)

    def dress(
        self, rng: np.random.Generator, role: CutoutRole, largest: float, smallest: float
    ) -> CutoutLooks:
        return CutoutLooks(role, largest, smallest)

    def background(self, rng: np.random.Generator, width: int, height: int) -> Image.Image:
        """A photograph, perhaps mirrored, enlarged until it covers the size, and cut to it."""
        picture = Image.fromarray(read_image(self.photographs[rng.integers(len(self.photographs))]))
        if rng.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        factor = max(width / picture.width, height / picture.height)
        # Rounding must not make it larger than the picture.
        view = min(picture.width, width / factor), min(picture.height, height / factor)
        left, top = rng.random(2) * (picture.width - view[0], picture.height - view[1])
        box = (left, top, left + view[0], top + view[1])
        return picture.resize((width, height), Image.Resampling.BICUBIC, box=box)

    def _role(self, rng: np.random.Generator, cutout: Cutout, spread: float) -> CutoutRole:
        """`spread`: standard deviation of the logarithm of the brightness; colours a fifth."""
        gain = np.exp(spread * (rng.normal() + 0.2 * rng.normal(size=3)))
        red, green, blue = (float(value) for value in gain)
        return CutoutRole(
            cutout,
            (red, green, blue),
            bool(rng.random() < 0.5),
            float(rng.uniform(0, len(cutout))),
            float(rng.uniform(*_LOOKS_PER_FRAME)),
        )


@dataclass(frozen=True)
class CutoutLooks:
    """A cut-out's looks in turn, forwards and backwards."""

    role: CutoutRole
    largest: float
    smallest: float

    def at(self, t: float) -> Sprite:
        last = len(self.role.cutout) - 1
        place = self.role.start + self.role.pace * t
        index = round(last - abs(place % (2 * last) - last)) if last else 0
        role = self.role
        return _cut(role.cutout[index], role.gain, role.flip, self.largest, self.smallest)


def read_cast(
    cutouts: Sequence[Path], photographs: Sequence[Path], left_out: Sequence[str] = ()
) -> CutoutCast:
    """The cast of folders with masked pictures and folders of photographs.

    Args:
      cutouts: folders in which, at any depth, `F/mask/NAME.png` is the mask of `F/NAME.jpg`, all
        of them a video of one object, or `F/masks/NAME.png` that of the single picture
        `F/images/NAME.jpg` (or .jpeg, .png). An object that is less than 32 pixels wide or high,
        or covers more than .6 of the picture, in any of its masks, is never cast.
      photographs: folders of pictures, at any depth.
      left_out: names of folders F that must not be used, such as those of videos held out.

    Raises:
      SourceError: a folder has no masks or no pictures, a mask has no picture, or a name that is
        to be left out is not there.
    """
    folders = [masks for root in cutouts for masks in _folders_of_masks(root)]
    found = [
        cutout
        for masks in folders
        if masks.parent.name not in left_out
        for cutout in _cutouts_of(masks)
    ]
    pictures = [path for root in photographs for path in _pictures(root)]
    unknown = sorted(set(left_out) - {masks.parent.name for masks in folders})
    if unknown:
        roots = ", ".join(map(str, cutouts))
        raise SourceError(f"{unknown[0]}: no such folder in {roots}, to be left out")
    return CutoutCast(tuple(found), tuple(pictures))


def _folders_of_masks(root: Path) -> list[Path]:
    """In an order that does not depend on the disk, as the cast's must not; at least one."""
    named = [path for name in ("mask", "masks") for path in sorted(root.rglob(name))]
    folders = [folder for folder in named if any(folder.glob("*.png"))]
    if not folders:
        raise SourceError(
            f"{root}: no masks here; expected VIDEO/mask/*.png or masks/*.png with images/"
        )
    return folders


def _cutouts_of(masks: Path) -> list[Cutout]:
    if masks.name == "mask":
        return [_looks(masks, masks.parent)]
    return [(look,) for look in _looks(masks, masks.parent / "images")]


def _looks(masks: Path, pictures: Path) -> Cutout:
    by_stem = {
        path.stem: path for path in sorted(pictures.glob("*")) if path.suffix.lower() in _PICTURES
    }
    files = sorted(masks.glob("*.png"))
    for file in files:
        if file.stem not in by_stem:
            raise SourceError(f"{file}: no picture {pictures / file.stem}.jpg belongs to this mask")
    return tuple(Look(by_stem[file.stem], file) for file in files)


def _pictures(root: Path) -> list[Path]:
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in _PICTURES)
    if not paths:
        raise SourceError(f"{root}: no pictures here (.jpg, .jpeg or .png)")
    return paths


@functools.cache
def _is_usable(mask: Path) -> bool:
    """Whether the object is large enough to be seen, and small enough to be an object."""
    there = _read_mask(mask)
    box = Image.fromarray(there).getbbox()
    return (
        box is not None
        and min(box[2] - box[0], box[3] - box[1]) >= _SMALLEST_SIDE
        and float((there > 127).mean()) <= _LARGEST_SHARE
    )


def _read_mask(path: Path) -> NDArray[np.uint8]:
    """0 or 255 [H, W]."""
    mask = read_image(path).max(axis=-1)
    # Some count their objects from 1; of others the rim is noisy where it should be black.
    return np.where(mask > (_NOISE if mask.max() > _NOISE else 0), 255, 0).astype(np.uint8)


@functools.lru_cache(maxsize=16)
def _cut(
    look: Look, gain: tuple[float, float, float], flip: bool, largest: float, smallest: float
) -> Sprite:
    mask, picture = _read_mask(look.mask), read_image(look.picture)
    if mask.shape != picture.shape[:2]:
        raise SourceError(
            f"{look.mask}: {mask.shape[1]} x {mask.shape[0]} pixels, but {look.picture} has "
            f"{picture.shape[1]} x {picture.shape[0]}"
        )
    if flip:
        mask, picture = mask[:, ::-1], picture[:, ::-1]
    mask, picture = _reduced(mask, picture, _FINEST * largest)
    cut = _box(mask)
    silhouette = mask[cut] > 127
    alpha = _soft(mask)[cut][..., None]
    colour = np.clip(picture[cut] * np.asarray(gain, np.float32), 0, 255) * alpha
    texels = np.concatenate([colour, alpha, silhouette[..., None]], axis=-1).astype(np.float32)
    density = float(np.sqrt(silhouette.size))
    # Samples beyond the rim are clamped to it: it has to be empty in the coarsest level, too.
    rim = 2 + int(np.ceil(2 * density / smallest))
    padded = np.pad(texels, ((rim, rim), (rim, rim), (0, 0)))
    return sprite_of(_outline(silhouette) / density, padded, density, smallest)


def _reduced(
    mask: NDArray[np.uint8], picture: NDArray[np.uint8], density: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both, smaller by a whole factor where the object has more pixels than the density asks for:
    those of photographs would fill the memory."""
    size = np.sqrt(mask[_box(mask)].size)
    factor = max(1, int(size / density))
    small_mask, small_picture = (Image.fromarray(a).reduce(factor) for a in (mask, picture))
    return np.asarray(small_mask), np.asarray(small_picture)


def _box(mask: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle around the mask."""
    there = mask > 127
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _soft(mask: NDArray[np.uint8]) -> Floats:
    """Coverage in [0, 1] that fades inside the mask, whose rim shows the old background."""
    soft = (
        Image.fromarray(mask).filter(ImageFilter.MinFilter(3)).filter(ImageFilter.GaussianBlur(1))
    )
    return np.asarray(soft, np.float32) / np.float32(255)


def _outline(silhouette: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Corners of the first and last pixel of every row and column, from the middle, [M, 2]."""
    points = []
    for across, swap in ((silhouette, False), (silhouette.T, True)):
        lines = np.flatnonzero(across.any(axis=1))
        first = across[lines].argmax(axis=1)
        last = across.shape[1] - across[lines, ::-1].argmax(axis=1)
        for end in (first, last):
            for side in (lines, lines + 1):
                points.append(np.stack([side, end] if swap else [end, side], axis=-1))
    return np.concatenate(points) - np.array(silhouette.shape[::-1]) / 2
