"""VOT challenges in their original layout, from VOT2013 on (no masks, no depth, no long-term).

  list.txt                  names, one a line; their order is the benchmark's
  <name>/groundtruth.txt    x,y,w,h or x1,y1,x2,y2,...; nan: unknown; the upper-left pixel is 0
  <name>/%08d.jpg           frames from 1 on; since VOT2017 in <name>/color/
  <name>/*.tag, *.label     0 or 1 per frame, possibly fewer than there are frames
  <name>/sequence           key=value: fps, name, width, height, channels.color=color/%08d.jpg

Source: sequence_create.m of the VOT toolkit 7; vot/dataset/common.py of vot-toolkit.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.benchmarks.annotation import (
    listing,
    numbered_frames,
    read_names,
    read_text,
    require_folder,
)
from siamfc_jax.evaluation.regions import Region, RegionError, check_region
from siamfc_jax.evaluation.sequences import (
    NO_FILE_NAME,
    SequenceError,
    VotSequence,
    frame_size,
    names_a_file,
)

_ANNOTATION = "groundtruth.txt"


def read_vot(
    root: Path, *, with_frames: bool | None = True, damaged: dict[str, str] | None = None
) -> list[VotSequence]:
    """Every sequence of a challenge, in the order of list.txt; without one, by name.

    Args:
      root: folder of list.txt, a workspace of vot-toolkit, or the folder of one sequence.
      with_frames: False leaves `frames` empty; then images may be missing, if a sequence's metadata
        say the size. None does so where not all of them are there.
      damaged: takes what cannot be read, name -> why, in a line; else it raises.

    Raises:
      SequenceError: no sequence at all; or, without `damaged`, something is missing or unreadable:
        the first such thing, and how many sequences more have one.
    """
    sequences, problems = [], {}
    for folder in _folders(root):
        try:
            sequences.append(_read(folder, with_frames))
        except SequenceError as error:
            problems[_name(folder)] = str(error)
    if damaged is not None:
        damaged.update(problems)
    elif problems:
        first, *others = problems.values()
        more = f"; {len(others)} more sequences have problems" if others else ""
        raise SequenceError(first + more)
    return sequences


def _folders(root: Path) -> list[Path]:
    require_folder(root, "VOT's sequences and their list.txt")
    if (root / _ANNOTATION).is_file():
        return [root]
    if (root / "list.txt").is_file():
        return [root / name for name in read_names(root / "list.txt")]
    found = [root / name for name in listing(root)[1] if (root / name / _ANNOTATION).is_file()]
    if found:
        return found
    if (root / "sequences").is_dir():
        return _folders(root / "sequences")
    raise SequenceError(
        f"{root}: neither list.txt nor */{_ANNOTATION} in it; is this VOT's folder?"
    )


def _name(folder: Path) -> str:
    try:
        return _metadata(folder / "sequence").values.get("name", folder.resolve().name)
    except SequenceError:
        return folder.resolve().name


def _read(folder: Path, with_frames: bool | None) -> VotSequence:
    if not folder.is_dir():
        raise SequenceError(f"{folder}: missing, but list.txt names it; fetch it or take it off")
    metadata = _metadata(folder / "sequence")
    name = metadata.values.get("name", folder.resolve().name)
    if not names_a_file(name):
        raise SequenceError(f"{metadata.file}: name={name}: {NO_FILE_NAME}")
    truth = read_regions(folder / _ANNOTATION)
    frames = _frames(folder, metadata, len(truth))
    return VotSequence(
        name=name,
        frames=kept_frames(folder.name, frames, with_frames),
        truth=truth,
        size=_size(frames[0], metadata),
        tags=_tags(folder, len(truth)),
        frames_per_second=metadata.number("fps"),
    )


class _Metadata(NamedTuple):
    file: Path
    values: Mapping[str, str]

    def number(self, key: str) -> float | None:
        if not self.values.get(key):
            return None
        try:
            return float(self.values[key])
        except ValueError:
            text = self.values[key]
            raise SequenceError(f"{self.file}: {key}={text} is no number; correct it") from None


def _metadata(file: Path) -> _Metadata:
    if not file.is_file():
        return _Metadata(file, {})
    pairs = (line.partition("=") for line in read_text(file).splitlines())
    return _Metadata(file, {key.strip(): value.strip() for key, equals, value in pairs if equals})


def read_regions(file: Path) -> tuple[Region, ...]:
    """A region per line: a rectangle, a polygon, NaN where the line has one or is a code.

    Raises:
      SequenceError: unreadable, or a line is no region.
    """
    regions = []
    for number, line in enumerate(read_text(file).rstrip().splitlines(), 1):
        try:
            region = check_region([float(value) for value in re.split(r"[,\s]+", line.strip())])
        except RegionError as error:
            raise SequenceError(f"{file}, line {number}: {error}") from None
        except ValueError:
            raise SequenceError(
                f"{file}, line {number}: not numbers (masks are not supported); fetch it again"
            ) from None
        regions.append(region if len(region) > 1 else np.full(4, np.nan))
    return tuple(regions)


def _frames(folder: Path, metadata: _Metadata, count: int) -> tuple[Path, ...]:
    pattern = metadata.values.get("channels.color", "").replace("\\", "/")
    if not pattern:
        images = folder / "color" if (folder / "color").is_dir() else folder
        return numbered_frames(images, 1, count, 8)
    if not Path(pattern).suffix:
        return numbered_frames(folder / pattern, 1, count, 8)
    if len(re.findall(r"%0?\d*d", pattern)) != 1 or pattern.count("%") != 1:
        raise SequenceError(
            f"{metadata.file}: channels.color={pattern} has no frame number; write color/%08d.jpg"
        )
    return tuple(folder / (pattern % number) for number in range(1, count + 1))


def kept_frames(name: str, frames: tuple[Path, ...], with_frames: bool | None) -> tuple[Path, ...]:
    """`frames`, or none; see `read_vot`.

    Raises:
      SequenceError: a file is missing: the first, and how many.
    """
    if with_frames is False:
        return ()
    there = {folder: set(listing(folder)[0]) for folder in {frame.parent for frame in frames}}
    missing = [frame for frame in frames if frame.name not in there[frame.parent]]
    if missing and with_frames:
        raise SequenceError(
            f"{missing[0]}: missing; {len(missing)} of {name}'s {len(frames)} frames are; "
            "fetch the sequence again"
        )
    return () if missing else frames


def _size(first_frame: Path, metadata: _Metadata) -> tuple[int, int]:
    if first_frame.is_file():
        return frame_size(first_frame)
    width, height = metadata.number("width"), metadata.number("height")
    if not width or not height:
        raise SequenceError(
            f"{first_frame}: missing, and nothing else tells the size of the frames; fetch it, or "
            f"write width=... and height=... into {metadata.file}"
        )
    return int(width), int(height)


def _tags(folder: Path, count: int) -> dict[str, NDArray[np.bool_]]:
    files = [folder / name for name in listing(folder)[0] if name.endswith((".tag", ".label"))]
    return {file.stem: _tag(file, count) for file in files}


def _tag(file: Path, count: int) -> NDArray[np.bool_]:
    """Frames beyond the end of the file do not carry the tag; a blank file is one."""
    lines = read_text(file, blank=True).splitlines()
    try:
        marked = np.asarray([float(line or 0) > 0 for line in map(str.strip, lines)], np.bool_)
    except ValueError:
        raise SequenceError(f"{file}: holds more than 0 and 1; fetch it again") from None
    return np.concatenate([marked, np.zeros(count, np.bool_)])[:count]
