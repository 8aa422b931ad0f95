"""Which videos are trained on, which are held out, and how often each track is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_prep.checks.curation import subset_of_videos
from data_prep.crops.index import CropIndex
from data_prep.shards.sampling import DrawTable
from siamfc_jax.durable import whole_file

TrackWeight = Literal["sqrt", "uniform", "length"]

_VALIDATION_SEED = 1
_COLUMNS = ("start", "length", "video", "cumulative", "source")


class PlanError(ValueError):
    """The pairs that are asked for cannot be drawn from these crops."""


@dataclass(frozen=True)
class SplitSettings:
    """How videos are divided, and how their tracks are weighed.

    Attributes:
      validation: share of the videos that are held out, if none are named.
      validation_videos: names of the held-out videos, "label/name".
      percent_of_videos: how many of the other videos are trained on; a smaller percentage takes
        part of a larger one's.
      track_weight: a track is drawn with the square root of its number of crops, with that number,
        or as often as any other.
      mix: how often each source is drawn, by label; empty leaves that to the tracks' weights.
    """

    validation: float = 0.05
    validation_videos: Sequence[str] = ()
    percent_of_videos: float = 100.0
    track_weight: TrackWeight = "sqrt"
    mix: Mapping[str, float] = field(default_factory=dict)


def split_tables(
    index: CropIndex, settings: SplitSettings, *, validation: bool
) -> dict[str, DrawTable]:
    """The draw tables of "train", and of "validation" where that is asked for.

    Holds some tens of bytes in memory for each track, and the videos' names.

    Raises:
      PlanError: a video or source that is named does not exist, or a split has no video.
    """
    names = list(index.videos())
    held_out = _held_out(names, settings) if validation else set()
    others = [name for name in names if name not in held_out]
    kept = set(subset_of_videos(others, settings.percent_of_videos)) if others else set()
    sides = {"train": kept, "validation": held_out} if validation else {"train": kept}
    tables = {}
    for split, videos in sides.items():
        chosen = np.asarray([name in videos for name in names], bool)
        if not chosen.any():
            raise PlanError(f"{index.folder}: no video is left for {split}; hold out other videos")
        tables[split] = _table(index, chosen, settings, split)
    return tables


def _held_out(names: Sequence[str], settings: SplitSettings) -> set[str]:
    wanted = set(settings.validation_videos)
    if not wanted:
        return set(subset_of_videos(names, 100 * settings.validation, _VALIDATION_SEED))
    missing = sorted(wanted.difference(names))
    if missing:
        raise PlanError(
            f"no video {missing[0]!r} to hold out; names are LABEL/VIDEO, such as {names[0]!r}"
        )
    return wanted


def _table(
    index: CropIndex, chosen: NDArray[np.bool_], settings: SplitSettings, split: str
) -> DrawTable:
    rows = index.tracks[chosen[index.tracks["video"]]]
    length = rows["count"].astype(np.int64)
    weights = {"sqrt": np.sqrt(length), "uniform": np.ones(len(length)), "length": length * 1.0}
    weight = _mixed(weights[settings.track_weight], rows["source"], index, settings, split)
    cumulative = np.cumsum(weight / weight.sum())
    drawn = weight > 0
    return DrawTable(
        start=rows["start"].astype(np.int64)[drawn],
        length=length[drawn],
        video=rows["video"].astype(np.int64)[drawn],
        cumulative=(cumulative / cumulative[-1])[drawn],
        source=np.asarray(index.sources)[rows["source"]][drawn],
        frame=index.crops["frame"],
    )


def _mixed(
    weight: NDArray[np.float64],
    source: NDArray[np.uint32],
    index: CropIndex,
    settings: SplitSettings,
    split: str,
) -> NDArray[np.float64]:
    """The weights, scaled so that each source has its share; those without a video have none."""
    if not settings.mix:
        return weight
    if set(settings.mix) != set(index.sources):
        raise PlanError(
            f"the mix names {', '.join(settings.mix)}; name each of {', '.join(index.sources)}"
        )
    totals = np.bincount(source, weight, len(index.sources))
    shares = np.asarray([settings.mix[label] for label in index.sources], np.float64)
    if not (np.isfinite(shares) & (shares >= 0)).all():
        raise PlanError(f"shares of a mix are not negative: {dict(settings.mix)}")
    if split == "train" and ((shares > 0) & (totals == 0)).any():
        empty = index.sources[int(np.argmax((shares > 0) & (totals == 0)))]
        raise PlanError(f"the mix asks for {empty}, of which no video is left to train on")
    scaled = weight * (shares / np.where(totals > 0, totals, 1))[source]
    if not scaled.any():
        raise PlanError(f"the mix leaves nothing to draw for {split}")
    return np.asarray(scaled)


def save_table(table: DrawTable, folder: Path, split: str) -> None:
    """Write all of a table but the frame numbers; raises StorageError."""
    for name in _COLUMNS:
        with whole_file(_column(folder, split, name)) as file:
            np.save(file, getattr(table, name), allow_pickle=False)


def open_table(folder: Path, split: str, index: CropIndex) -> DrawTable:
    """Map the table that `save_table` wrote."""
    columns = {
        # A plain view: indexing a np.memmap takes several times as long.
        name: np.asarray(np.load(_column(folder, split, name), mmap_mode="r", allow_pickle=False))
        for name in _COLUMNS
    }
    return DrawTable(**columns, frame=index.crops["frame"])


def _column(folder: Path, split: str, name: str) -> Path:
    return folder / f"{split}.{name}.npy"
