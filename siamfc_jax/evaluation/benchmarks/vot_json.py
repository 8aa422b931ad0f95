"""VOT's annotation as pysot's toolkit keeps it: VOT2016.json, VOT2018.json, VOT2019.json.

{video: {video_dir, init_rect, img_names, gt_rect, camera_motion, illum_change, motion_change,
size_change, occlusion}}: regions as in groundtruth.txt, tags as lists of 0 and 1.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.benchmarks.annotation import read_text
from siamfc_jax.evaluation.benchmarks.vot import kept_frames
from siamfc_jax.evaluation.regions import Region, RegionError, check_region
from siamfc_jax.evaluation.sequences import (
    NO_FILE_NAME,
    SequenceError,
    VotSequence,
    frame_size,
    names_a_file,
)

_TAGS = ("camera_motion", "illum_change", "motion_change", "occlusion", "size_change")


def read_vot_json(
    file: Path,
    images: Path | None = None,
    sizes: Mapping[str, tuple[int, int]] | None = None,
    *,
    with_frames: bool | None = True,
    damaged: dict[str, str] | None = None,
) -> list[VotSequence]:
    """The sequences of one of pysot's files, in its order.

    Args:
      images: folder that holds the videos' folders; without it, `frames` stay empty.
      sizes: (width, height) of the frames of each video, which the file does not say: needed
        without images.
      with_frames, damaged: as for `read_vot`.

    Raises:
      SequenceError: unreadable or not of this format; or, without `damaged`, a missing frame, or a
        size that nothing tells.
    """
    sequences = []
    try:
        for name, video in json.loads(read_text(file)).items():
            try:
                sequences.append(_sequence(file, name, video, images, sizes or {}, with_frames))
            except SequenceError as error:
                if damaged is None:
                    raise
                damaged[name] = str(error)
        return sequences
    except (json.JSONDecodeError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise SequenceError(f"{file}: not VOT's annotation as pysot has it ({error!r})") from None


def _sequence(
    file: Path,
    name: str,
    video: Mapping[str, Any],
    images: Path | None,
    sizes: Mapping[str, tuple[int, int]],
    with_frames: bool | None,
) -> VotSequence:
    if not names_a_file(name):
        raise SequenceError(f"{file}: {name!r}: {NO_FILE_NAME}")
    truth = tuple(_region(file, name, row) for row in video["gt_rect"])
    frames = () if images is None else _frames(images, video, len(truth))
    kept = kept_frames(name, frames, with_frames)
    there = frames[:1] if frames and frames[0].is_file() else ()
    if not there and name not in sizes:
        raise SequenceError(f"{file}: does not tell the size of {name}'s frames; give the images")
    size = frame_size(there[0]) if there else sizes[name]
    tags = {tag: _tag(video[tag], len(truth)) for tag in _TAGS if video.get(tag)}
    return VotSequence(name, kept, truth, size, tags)


def _region(file: Path, name: str, row: list[float]) -> Region:
    try:
        region = check_region(row)
    except RegionError as error:
        raise SequenceError(f"{file}: {name}: {error}") from None
    return region if len(region) > 1 else np.full(4, np.nan)


def _frames(images: Path, video: Mapping[str, Any], count: int) -> tuple[Path, ...]:
    # In some versions of the files the names begin with the video's folder.
    names = video["img_names"][:count]
    beside = tuple(images / frame for frame in names)
    below = tuple(images / video["video_dir"] / frame for frame in names)
    return beside if beside and beside[0].is_file() else below


def _tag(flags: list[int], count: int) -> NDArray[np.bool_]:
    marked = np.asarray(flags) > 0
    return np.concatenate([marked, np.zeros(count, np.bool_)])[:count]
