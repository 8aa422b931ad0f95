"""The pairs that a variant is trained on, drawn from a portion of the videos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.checks.curation import subset_of_videos
from data_prep.crops.index import open_index
from data_prep.shards.plan import SplitSettings
from data_prep.shards.request import ShardRequest
from data_prep.shards.sampling import PairSettings
from data_prep.shards.stage import make_shards
from data_prep.storage.processes import usable_cores
from experiments.studies.variants import Portion

_VALIDATION_PAIRS = 256


@dataclass(frozen=True)
class PairSource:
    """What pairs are drawn from, and how.

    Attributes:
      crops: folder that make_crops filled.
      pairs: of each portion.
      mix: how often each source is drawn, by label; empty leaves that to the tracks' lengths. A
        source that a portion leaves out has no share in it.
      held_out: names of videos that no portion has, "label/name".
      draw: how pairs are drawn.
      workers: processes that write; 0 writes in this one.
    """

    crops: Path
    pairs: int
    mix: Mapping[str, float] = field(default_factory=dict)
    held_out: tuple[str, ...] = ()
    draw: PairSettings = field(default_factory=PairSettings)
    workers: int = field(default_factory=usable_cores)


class Pairs(NamedTuple):
    """A folder of shards, and how many videos and boxes its training pairs are drawn from."""

    shards: Path
    videos: int
    boxes: int


def pairs_of(source: PairSource, portion: Portion, out: Path) -> Pairs:
    """Write the pairs of a portion into a folder below `out`, or find them there.

    Videos that are not trained on are held out, and validated on.

    Raises:
      ValueError, OSError: as `make_shards`; or a video or source that is named does not exist.
    """
    index = open_index(source.crops)
    names = list(index.videos())
    _expect_known(names, index.sources, source, portion)
    kept = _kept(names, index.sources, source, portion)
    mix = {
        label: share if portion.percent_of(label) else 0.0 for label, share in source.mix.items()
    }
    # What has no share in the mix is not drawn anyway, neither to train nor to validate.
    left_out = tuple(n for n in names if n not in kept and mix.get(_label(n), 1.0) > 0)
    folder = out / portion.name
    if not (folder / "pairs.json").exists():
        make_shards(
            ShardRequest(
                crops=source.crops,
                out=folder,
                name="study",
                pairs=source.pairs,
                validation_pairs=min(_VALIDATION_PAIRS, source.pairs) if left_out else 0,
                split=SplitSettings(validation_videos=left_out, mix=mix),
                draw=source.draw,
                workers=source.workers,
            )
        )
    is_kept = np.asarray([name in kept for name in names], bool)
    boxes = index.tracks["count"][is_kept[index.tracks["video"]]]
    return Pairs(folder, len(kept), int(boxes.sum()))


def _kept(
    names: Sequence[str], labels: Sequence[str], source: PairSource, portion: Portion
) -> set[str]:
    held_out = set(source.held_out)
    kept: set[str] = set()
    for label in labels:
        own = [name for name in names if _label(name) == label and name not in held_out]
        percent = portion.percent_of(label)
        if own and percent and source.mix.get(label, 1.0):
            kept.update(subset_of_videos(own, percent))
    return kept


def _expect_known(
    names: Sequence[str], labels: Sequence[str], source: PairSource, portion: Portion
) -> None:
    for label, _ in portion.of_sources:
        if label not in labels:
            raise ValueError(f"--added={label}: the sources of the crops are {', '.join(labels)}")
    unknown = sorted(set(source.held_out).difference(names))
    if unknown:
        raise ValueError(f"--held_out: no video {unknown[0]!r}; there is, e.g., {names[0]!r}")


def _label(name: str) -> str:
    return name.partition("/")[0]
