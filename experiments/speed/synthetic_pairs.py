"""Shards of synthetic pairs, made by the very stages that make real ones."""

from dataclasses import replace
from pathlib import Path

from data_prep.crops.settings import CropSettings
from data_prep.crops.stage import CropRequest, make_crops
from data_prep.shards.request import ShardRequest
from data_prep.shards.stage import make_shards
from data_prep.sources import SourceSpec
from data_prep.synthetic import DEMO, ClipSet, write_clips

_SHARDS = 4


def write_synthetic_pairs(
    folder: Path, rooms: tuple[int, int], *, videos: int = 8, frames: int = 16, pairs: int = 2048
) -> Path:
    """Fill `folder` with videos, their crops, and shards; the folder of the shards is returned.

    Args:
      rooms: sides of the stored exemplar and search image.
    """
    write_clips(folder / "videos", ClipSet(replace(DEMO, n_frames=frames), videos, 0))
    request = CropRequest(
        sources=[SourceSpec("synthetic", "box_folders", folder / "videos")],
        out=folder / "crops",
        settings=CropSettings(*rooms),
        workers=0,
    )
    make_crops(request, show=_silently)
    shards = ShardRequest(
        crops=request.out,
        out=folder / "shards",
        name="synthetic",
        pairs=pairs,
        shards=_SHARDS,
        workers=0,
    )
    make_shards(shards, show=_silently)
    return shards.out


def _silently(_: str) -> None:
    pass
