"""What a source holds and what is wrong with it, told before hours are spent on it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tqdm import tqdm

from data_prep.checks.curation import Dropped, curate
from data_prep.checks.filters import Filter
from data_prep.checks.frame_checks import check_frames
from data_prep.checks.track_tally import PERCENTS, TrackTally
from data_prep.sources import SourceSpec, read_source
from data_prep.storage.disk_space import duration, gigabytes
from data_prep.tracks import Report

Decode = Literal["ends", "all"]


class CropEstimate(NamedTuple):
    """What the crops of a source cost: bytes on disk, and seconds."""

    disk_bytes: int
    seconds: float


@dataclass(frozen=True)
class VerificationResult:
    """What `verify` found.

    Attributes:
      spec: the source.
      filters: names of the filters of the curation.
      decode: which frames were looked at, of the tracks that curation left.
      videos, tracks, frames, boxes: how many curation left; a frame of several tracks counts once.
      lengths: smallest, median and largest number of boxes of a track; 0 where there is none.
      box_sizes: `PERCENTS` percentiles of sqrt(w h), in pixels, to 1 per cent.
      dropped: what curation took away.
      report: problems of the annotations and of the frames looked at.
    """

    spec: SourceSpec
    filters: tuple[str, ...]
    decode: Decode
    videos: int
    tracks: int
    frames: int
    boxes: int
    lengths: tuple[int, int, int]
    box_sizes: tuple[float, ...]
    dropped: Dropped
    report: Report


def verify(spec: SourceSpec, filters: Sequence[Filter], *, decode: Decode) -> VerificationResult:
    """Read a whole source, curate it, and look at frames; a progress bar goes to stderr.

    Memory does not grow with the number of boxes, only (by some 100 bytes each) of videos.

    Args:
      decode: "ends" reads the image headers of each track's first, middle and last frame and counts
        the frames of video files; "all" decodes every frame that has a box.

    Raises:
      SourceError: the root is not laid out as its kind says.
    """
    report, dropped, tally = Report(), Dropped(), TrackTally()
    tracks = curate(read_source(spec, report), filters, dropped, report)
    with tqdm(desc=f"verifying {spec.label}", unit="box", unit_scale=True) as progress:
        for track in check_frames(tally.counting(tracks, report), decode == "all", report):
            progress.update(len(track.frames))
    if not tally.boxes:
        report.problem("nothing to train on", spec.root, "no box is left")
    return VerificationResult(
        spec=spec,
        filters=tuple(rule.name for rule in filters),
        decode=decode,
        videos=tally.videos,
        tracks=tally.tracks,
        frames=tally.frames,
        boxes=tally.boxes,
        lengths=tally.lengths(),
        box_sizes=tally.box_sizes(),
        dropped=dropped,
        report=report,
    )


def estimate_crops(
    boxes: int,
    workers: int,
    *,
    bytes_per_pair: int = 36_000,
    boxes_per_second: float = 60.0,
) -> CropEstimate:
    """Disk space and time of cutting an exemplar and a search crop of each box.

    Args:
      workers: cores at work.
      bytes_per_pair: of both crops; about 8 kB and 28 kB as JPEG of quality 90.
      boxes_per_second: of one worker.
    """
    return CropEstimate(boxes * bytes_per_pair, boxes / (boxes_per_second * max(workers, 1)))


def format_verification(result: VerificationResult, workers: int) -> str:
    """The result as text of several lines, with an estimate of the crop stage.

    Args:
      workers: cores that will cut the crops.
    """
    return "\n".join(
        (
            f"{result.spec}",
            *_count_lines(result, workers),
            *_curation_lines(result),
            *_problem_lines(result),
        )
    )


def _count_lines(result: VerificationResult, workers: int) -> Iterator[str]:
    yield (
        f"  videos: {result.videos:,}; tracks: {result.tracks:,}; "
        f"frames: {result.frames:,}; boxes: {result.boxes:,}"
    )
    if not result.boxes:
        return
    shortest, median, longest = result.lengths
    yield f"  boxes of a track: {median:,} in the median, {shortest:,} to {longest:,}"
    percentiles = ", ".join(
        f"{size:.0f} ({percent} %)"
        for size, percent in zip(result.box_sizes, PERCENTS, strict=True)
    )
    yield f"  box size, sqrt(w h) in pixels, at percentiles: {percentiles}"
    crops = estimate_crops(result.boxes, workers)
    size, time = gigabytes(crops.disk_bytes), duration(crops.seconds)
    yield f"  crops, estimated: {size}, {time} on {workers} cores"


def _curation_lines(result: VerificationResult) -> Iterator[str]:
    for name in (*result.filters, *(set(result.dropped.boxes) - set(result.filters))):
        boxes, tracks = result.dropped.boxes[name], result.dropped.tracks[name]
        yield f"  dropped by '{name}': {boxes:,} boxes, {tracks:,} whole tracks"


def _problem_lines(result: VerificationResult) -> Iterator[str]:
    report = result.report
    every = result.decode == "all"
    looked_at = "every frame decoded" if every else "headers of first, middle and last frames read"
    if not report.counts:
        yield f"  no problems ({looked_at})"
    for kind, count in report.counts.most_common():
        yield f"  PROBLEM {kind}: {count:,}"
        examples = report.examples[kind]
        yield from (f"    {line}" for line in examples)
        if count > len(examples):
            yield "    ..."
