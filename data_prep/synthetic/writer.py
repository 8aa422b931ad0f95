"""Clips as folders of JPEG frames with ground-truth text files."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from data_prep.synthetic.config import SceneConfig
from data_prep.synthetic.render import iter_frames
from data_prep.synthetic.textures import Floats

MIN_VISIBLE = 0.2
"""Ground-truth rows of targets less visible than this are `nan,nan,nan,nan`."""
_JPEG_QUALITY = 95


class ClipFolderError(OSError):
    """A clip folder cannot be written, or holds a clip made with other settings."""


def write_clips(out: Path, config: SceneConfig, n_clips: int, seed: int) -> list[Path]:
    """Writes clips 0001, 0002, ... under `out` and returns their folders.

    Each folder holds frames 000001.jpg, ..., one `x,y,w,h` row per frame in groundtruth.txt (or
    groundtruth.<target>.txt, counting from 0, for several targets), and recipe.json with the
    config and clip seed. A folder appears only when complete; present ones are kept, so an
    interrupted call can be repeated. Clip k does not depend on `n_clips`.

    Raises ClipFolderError when `out` cannot be written, the disk is full, or a clip with another
    recipe is in the way; ValueError for a negative seed or number of clips.
    """
    if n_clips < 0 or seed < 0:
        raise ValueError(f"clips and seed must not be negative, got {n_clips} and {seed}")
    folders = [out / f"{index + 1:04d}" for index in range(n_clips)]
    recipes = [_recipe(config, _clip_seed(seed, index)) for index in range(n_clips)]
    pending = [
        (folder, recipe)
        for folder, recipe in zip(folders, recipes, strict=True)
        if not _is_finished(folder, recipe)
    ]
    progress = tqdm(total=len(pending) * config.n_frames, unit="frame", desc="synthetic clips")
    with progress:
        for folder, recipe in pending:
            try:
                _write_clip(folder, config, recipe, progress)
            except OSError as error:
                raise ClipFolderError(
                    f"cannot write clip {folder}: {error.strerror or error}; check that the folder"
                    " is writable and the disk has room, then run again to continue"
                ) from error
    return folders


def _clip_seed(seed: int, index: int) -> int:
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def _recipe(config: SceneConfig, clip_seed: int) -> str:
    return json.dumps({"seed": clip_seed, "config": dataclasses.asdict(config)}, indent=1) + "\n"


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


def _write_clip(folder: Path, config: SceneConfig, recipe: str, progress: tqdm) -> None:
    partial = folder.with_name(folder.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    boxes, visible = [], []
    for number, frame in enumerate(iter_frames(config, json.loads(recipe)["seed"]), start=1):
        path = partial / f"{number:06d}.jpg"
        Image.fromarray(frame.image).save(path, quality=_JPEG_QUALITY)
        boxes.append(frame.boxes)
        visible.append(frame.visible)
        progress.update()
    _write_ground_truth(partial, np.stack(boxes), np.stack(visible))
    (partial / "recipe.json").write_text(recipe)
    partial.rename(folder)


def _write_ground_truth(folder: Path, boxes: Floats, visible: Floats) -> None:
    known = np.where(visible[..., None] >= MIN_VISIBLE, boxes, np.nan)
    n_targets = known.shape[1]
    for target in range(n_targets):
        name = "groundtruth.txt" if n_targets == 1 else f"groundtruth.{target}.txt"
        np.savetxt(folder / name, known[:, target], fmt="%.3f", delimiter=",")
