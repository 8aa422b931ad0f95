"""Clips as folders of JPEG frames with ground-truth text files."""

from __future__ import annotations

import dataclasses
import json
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from data_prep.storage.processes import in_processes
from data_prep.synthetic.casting import PAINTED, Cast
from data_prep.synthetic.config import SceneConfig
from data_prep.synthetic.render import iter_frames
from data_prep.synthetic.textures import Floats

MIN_VISIBLE = 0.2
"""Ground-truth rows of targets less visible than this are `nan,nan,nan,nan`."""
_JPEG_QUALITY = 95


class ClipFolderError(OSError):
    """A clip folder cannot be written, or holds a clip made with other settings."""


@dataclass(frozen=True)
class ClipSet:
    """Clips to write.

    Attributes:
      config, cast: what a clip contains.
      clips: how many. seed: of the whole set.
      every: only frame 0 and every so many after it are written.
      source: says what the cast was read from, for the recipe.
    """

    config: SceneConfig
    clips: int
    seed: int
    cast: Cast = PAINTED
    every: int = 1
    source: str = ""

    def __post_init__(self) -> None:
        if self.clips < 0 or self.seed < 0 or self.every < 1:
            raise ValueError(
                "clips and seed must not be negative, and every at least 1; got "
                f"{self.clips}, {self.seed} and {self.every}"
            )


class _Job(NamedTuple):
    folder: Path
    recipe: str
    clips: ClipSet


def write_clips(out: Path, clips: ClipSet, *, workers: int = 0) -> list[Path]:
    """Writes clips 0001, 0002, ... under `out` and returns their folders.

    Each folder holds frames 000001.jpg, ..., one `x,y,w,h` row per frame in groundtruth.txt (or
    groundtruth.<target>.txt, counting from 0, for several targets), and recipe.json with the
    config and clip seed. A folder appears only when complete; present ones are kept, so an
    interrupted call can be repeated. Clip k does not depend on the number of clips or workers.

    Args:
      workers: processes; 0 renders in this one.

    Raises:
      ClipFolderError: `out` cannot be written, the disk is full, or a clip with another recipe is
        in the way.
      SourceError: a picture of the cast cannot be read.
      WorkerError: a worker process was killed.
    """
    folders = [out / f"{index + 1:04d}" for index in range(clips.clips)]
    jobs = [_Job(folder, _recipe(clips, index), clips) for index, folder in enumerate(folders)]
    pending = [job for job in jobs if not _is_finished(job.folder, job.recipe)]
    frames = len(range(0, clips.config.n_frames, clips.every))
    with (
        tqdm(total=len(pending) * frames, unit="frame", desc="synthetic clips") as progress,
        closing(in_processes(_write_clip, pending, workers=workers)) as written,
    ):
        for count in written:
            progress.update(count)
    return folders


def _clip_seed(seed: int, index: int) -> int:
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def _recipe(clips: ClipSet, index: int) -> str:
    recipe = {
        "seed": _clip_seed(clips.seed, index),
        "config": dataclasses.asdict(clips.config),
        "every": clips.every,
        "cast": clips.source,
    }
    return json.dumps(recipe, indent=1) + "\n"


def _is_finished(folder: Path, recipe: str) -> bool:
    try:
        if not folder.exists():
            return False
        same = (folder / "recipe.json").read_text() == recipe
    except OSError as error:
        raise ClipFolderError(
            f"cannot read {folder / 'recipe.json'}: {error.strerror}; delete {folder} or choose"
            " another output folder"
        ) from error
    if not same:
        raise ClipFolderError(
            f"{folder} holds a clip made with other settings; delete it or choose another output"
            " folder"
        )
    return True


def _write_clip(job: _Job) -> int:
    """The number of frames that were written."""
    try:
        return _render_clip(job)
    except OSError as error:
        raise ClipFolderError(
            f"cannot write clip {job.folder}: {error.strerror or error}; check that the folder"
            " is writable and the disk has room, then run again to continue"
        ) from error


def _render_clip(job: _Job) -> int:
    folder, clips = job.folder, job.clips
    partial = folder.with_name(folder.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    boxes, visible = [], []
    seed = json.loads(job.recipe)["seed"]
    frames = iter_frames(clips.config, seed, clips.cast, every=clips.every)
    for number, frame in enumerate(frames, start=1):
        path = partial / f"{number:06d}.jpg"
        Image.fromarray(frame.image).save(path, quality=_JPEG_QUALITY)
        boxes.append(frame.boxes)
        visible.append(frame.visible)
    _write_ground_truth(partial, np.stack(boxes), np.stack(visible))
    (partial / "recipe.json").write_text(job.recipe)
    partial.rename(folder)
    return len(boxes)


def _write_ground_truth(folder: Path, boxes: Floats, visible: Floats) -> None:
    known = np.where(visible[..., None] >= MIN_VISIBLE, boxes, np.nan)
    n_targets = known.shape[1]
    for target in range(n_targets):
        name = "groundtruth.txt" if n_targets == 1 else f"groundtruth.{target}.txt"
        np.savetxt(folder / name, known[:, target], fmt="%.3f", delimiter=",")
