"""Where tracks come from: one reader for each dataset or layout."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.sources.box_folders import read_box_folders
from data_prep.sources.coco import read_coco
from data_prep.sources.got10k import read_got10k
from data_prep.sources.imagenet_det import read_imagenet_det
from data_prep.sources.imagenet_vid import read_imagenet_vid
from data_prep.sources.lasot import read_lasot
from data_prep.sources.mot_folder import read_mot
from data_prep.sources.trackingnet import read_trackingnet
from data_prep.sources.video_files import read_videos
from data_prep.sources.voc_folder import read_voc
from data_prep.sources.youtube_bb import read_youtube_bb
from data_prep.tracks import Report, SourceError, Track

Reader = Callable[[Path, Report], Iterator[Track]]

SOURCES: dict[str, Reader] = {
    "imagenet_vid": read_imagenet_vid,
    "imagenet_det": read_imagenet_det,
    "youtube_bb": read_youtube_bb,
    "got10k": read_got10k,
    "lasot": read_lasot,
    "trackingnet": read_trackingnet,
    "coco": read_coco,
    "box_folders": read_box_folders,
    "voc": read_voc,
    "mot": read_mot,
    "videos": read_videos,
}
"""Readers by kind. Each is a generator that raises SourceError when the root is not its layout, and
notes faults of single items in the report. Tracks of one video follow one another."""


_SPEC = re.compile(r"((?P<label>[\w.-]+)=)?(?P<kind>\w+):(?P<root>.+)")


@dataclass(frozen=True)
class SourceSpec:
    """One source to read.

    Attributes:
      label: what it is called (letters, digits, `_`, `.`, `-`), in shares of a mixture, say.
      kind: a key of `SOURCES`.
      root: where it lies on disk.
    """

    label: str
    kind: str
    root: Path

    def __str__(self) -> str:
        return f"{self.label}={self.kind}:{self.root}"


def parse_source(text: str) -> SourceSpec:
    """Understand `KIND:ROOT` or `LABEL=KIND:ROOT`; the label is the kind unless given.

    Raises:
      SourceError: the text is neither, or the kind unknown.
    """
    match = _SPEC.fullmatch(text)
    if match is None or match["kind"] not in SOURCES:
        raise SourceError(
            f"{text!r} is no source; write KIND:ROOT or LABEL=KIND:ROOT "
            f"with one of the kinds {', '.join(SOURCES)}"
        )
    return SourceSpec(
        match["label"] or match["kind"], match["kind"], Path(match["root"]).expanduser()
    )


def parse_sources(texts: Sequence[str]) -> list[SourceSpec]:
    """`parse_source` of each; raises SourceError for none, or for two with the same label."""
    specs = [parse_source(text) for text in texts]
    labels = [spec.label for spec in specs]
    if not specs:
        raise SourceError("no source to read; give --source=KIND:ROOT")
    for label in labels:
        if labels.count(label) > 1:
            raise SourceError(f"two sources are called {label}; write --source=LABEL=KIND:ROOT")
    return specs


def read_source(spec: SourceSpec, report: Report) -> Iterator[Track]:
    """Stream the tracks of a source; faults of single items are noted in the report.

    Raises:
      SourceError: the root is not laid out as the kind says.
    """
    return SOURCES[spec.kind](spec.root, report)
