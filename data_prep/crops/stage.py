"""From raw datasets to a folder of crops: reading, curation, packs in parallel, index."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from tqdm import tqdm

from data_prep.checks.curation import Dropped, curate
from data_prep.checks.filters import Filter
from data_prep.checks.verification import estimate_crops
from data_prep.crops.index import CropIndex, write_index
from data_prep.crops.pack_files import PackJob
from data_prep.crops.packs import group_tracks, make_pack
from data_prep.crops.settings import CropSettings
from data_prep.sources import SourceSpec, read_source
from data_prep.storage.disk_space import duration, folder_bytes, gigabytes, require_space
from data_prep.storage.processes import in_processes, usable_cores
from data_prep.tracks import Report, SourceError, Track
from siamfc_jax.durable import naming, remove_unfinished, sole_user


class UnreadableError(ValueError):
    """So many boxes could not be cut out that the dataset must be broken."""


@dataclass(frozen=True)
class CropRequest:
    """What to cut, from what, and where to.

    Attributes:
      sources: with distinct labels.
      curation: filters (`data_prep.checks.filters`).
      workers: processes; 0 cuts in this one.
      max_unreadable: share of the boxes that may be left out because their image cannot be read or
        does not contain them.
      force: begin even if the disk seems too small.
    """

    sources: Sequence[SourceSpec]
    out: Path
    curation: Sequence[Filter] = ()
    settings: CropSettings = field(default_factory=CropSettings)
    workers: int = field(default_factory=usable_cores)
    max_unreadable: float = 0.01
    force: bool = False


class Counts(NamedTuple):
    """How much there is to cut, and what was dropped on the way."""

    boxes: int
    tracks: int
    videos: int
    dropped: Dropped
    report: Report


def make_crops(request: CropRequest, *, show: Callable[[str], None] = print) -> CropIndex:
    """Cut the crops of all sources, keeping packs that are there already, and index them.

    Images that cannot be read, and boxes that do not lie in theirs, are left out and named in
    `problems.txt`.

    Args:
      show: is given lines of text: counts, estimates, results.

    Raises:
      SourceError: a root is not laid out as its kind says, or tracks of a video lie apart.
      UnreadableError: too much was left out.
      StorageError: something cannot be written, or the disk has too little space.
      WorkerError: a worker process was killed.
    """
    with sole_user(request.out):
        counts = count_boxes(request)
        _tell(counts, request, show)
        packs = request.out / "packs"
        packs.mkdir(exist_ok=True)
        for folder in (request.out, packs):
            remove_unfinished(folder)
        names = list(_cut(request, counts, packs))
        left_out = _count_lines(_problems_file(request))
        index = write_index(
            request.out,
            names,
            tuple(spec.label for spec in request.sources),
            request.settings,
            {
                "dropped": {"boxes": counts.dropped.boxes, "tracks": counts.dropped.tracks},
                "left_out": left_out,
            },
        )
    show(
        f"{request.out}: {len(index.crops):,} crops of {len(index.tracks):,} tracks, "
        f"{gigabytes(index.bytes)}; {left_out:,} boxes left out"
        + (f", see {_problems_file(request)}" if left_out else "")
    )
    unused = folder_bytes(packs, "*.tfrecord") - index.bytes
    if unused > 0:
        show(f"{packs}: {gigabytes(unused)} are packs of other settings; delete what you need not")
    return index


def count_boxes(request: CropRequest) -> Counts:
    """Read all annotations once, opening no image that curation need not open."""
    dropped, report = Dropped(), Report()
    boxes, tracks = 0, 0
    videos: set[int] = set()
    with _bar("counting", "box") as bar:
        for spec in request.sources:
            current = None
            for track in curate(read_source(spec, report), request.curation, dropped, report):
                if track.video != current:
                    current = track.video
                    if hash((spec.label, current)) in videos:
                        raise SourceError(
                            f"{spec.root}: tracks of video {current} do not follow each other"
                        )
                    videos.add(hash((spec.label, current)))
                boxes += len(track.frames)
                tracks += 1
                bar.update(len(track.frames))
    return Counts(boxes, tracks, len(videos), dropped, report)


def _tell(counts: Counts, request: CropRequest, show: Callable[[str], None]) -> None:
    show(f"{counts.boxes:,} boxes of {counts.tracks:,} tracks in {counts.videos:,} videos")
    for rule in request.curation:
        dropped = counts.dropped
        show(
            f"  dropped by '{rule.name}': {dropped.boxes[rule.name]:,} boxes, "
            f"{dropped.tracks[rule.name]:,} whole tracks"
        )
    for kind, count in counts.report.counts.most_common():
        show(f"  left out, {kind}: {count:,}, for example {counts.report.examples[kind][0]}")
    cores = min(max(request.workers, 1), usable_cores())
    settings = request.settings
    estimate = estimate_crops(counts.boxes, cores, bytes_per_pair=settings.typical_bytes)
    there = folder_bytes(request.out / "packs")
    show(
        f"crops will take about {gigabytes(estimate.disk_bytes)} ({gigabytes(there)} are there), "
        f"and about {duration(estimate.seconds)} on {cores} cores if nothing is there"
    )
    require_space(request.out, estimate.disk_bytes - there, force=request.force)


def _cut(request: CropRequest, counts: Counts, packs: Path) -> Iterator[str]:
    allowed = request.max_unreadable * counts.boxes
    left_out = 0
    with (
        _Lines(_problems_file(request)) as problems,
        closing(in_processes(make_pack, _jobs(request, packs), workers=request.workers)) as results,
        _bar("cutting crops", "crop", counts.boxes) as bar,
    ):
        for done in results:
            problems.add(done.problems)
            left_out += len(done.problems)
            if left_out > allowed:
                raise UnreadableError(
                    f"{left_out:,} of {counts.boxes:,} boxes cannot be cut out, more than "
                    f"{request.max_unreadable:.2%}, the last: {done.problems[-1]}; see "
                    f"{_problems_file(request)}, or raise --max_unreadable"
                )
            bar.update(done.boxes)
            yield done.name


def _jobs(request: CropRequest, packs: Path) -> Iterator[PackJob]:
    number = 0
    for spec in request.sources:
        tracks: Iterator[Track] = curate(read_source(spec, Report()), request.curation, Dropped())
        for group in group_tracks(tracks):
            yield PackJob(number, spec.label, spec.root, group, request.settings, packs)
            number += 1


def _bar(what: str, unit: str, total: int | None = None) -> tqdm:
    # Delayed, so that an error at the start stands alone.
    return tqdm(desc=what, total=total, unit=unit, unit_scale=True, delay=0.5)


class _Lines:
    """A text file whose lines are on disk as soon as they are added, for it tells of failures."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        with naming(self._path):
            self._file = open(self._path, "w", encoding="utf-8", errors="replace")
        return self

    def add(self, lines: Sequence[str]) -> None:
        with naming(self._path):
            self._file.writelines(f"{line}\n" for line in lines)
            self._file.flush()

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _problems_file(request: CropRequest) -> Path:
    return request.out / "problems.txt"


def _count_lines(file: Path) -> int:
    with open(file, "rb") as lines:
        return sum(1 for _ in lines)
