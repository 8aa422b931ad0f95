"""Cutting the crops of a few videos into a pack (`pack_files`), each image decoded once."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

import google_crc32c
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from data_prep.crops.examples import CropExample, serialize_crop
from data_prep.crops.pack_files import (
    PackJob,
    frame_name,
    pack_file,
    pack_name,
    qualified,
    read_sidecar,
    write_sidecar,
)
from data_prep.frame_images import decoded
from data_prep.tracks import Frame, SourceError, Track, VideoFrame
from siamfc_jax.data.context_crops import box_in_crop, context_crop, mean_colour
from siamfc_jax.data.tfrecord import frame_record
from siamfc_jax.durable import whole_file

_BOXES_PER_PACK = 512
# Beyond, an annotation is no box of this frame, and would only ask for time.
_LARGEST_SHARE_OF_FRAME = 4


class PackDone(NamedTuple):
    """What came of a job.

    Attributes:
      name: the pack's stem.
      boxes: how many boxes the job had.
      problems: a line for each box that was left out, naming its image.
    """

    name: str
    boxes: int
    problems: list[str]


class _Box(NamedTuple):
    track: int
    frame: int
    box: NDArray[np.float32]


def group_tracks(tracks: Iterable[Track]) -> Iterator[tuple[Track, ...]]:
    """Join consecutive videos up to the first that fills 512 boxes; a longer video stays alone."""
    group: list[Track] = []
    for video in _videos(tracks):
        if _boxes(video) >= _BOXES_PER_PACK and group:
            yield tuple(group)
            group = []
        group += video
        if _boxes(group) >= _BOXES_PER_PACK:
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)


def make_pack(job: PackJob) -> PackDone:
    """Cut all crops of a job, unless its pack is there already.

    Raises:
      StorageError: the pack cannot be written.
    """
    name = pack_name(job)
    boxes = _boxes(job.tracks)
    sidecar = read_sidecar(job.folder, name)
    if sidecar is not None:
        return PackDone(name, boxes, sidecar["problems"])
    images = _frames_of(job.tracks)
    problems: list[str] = []
    with whole_file(pack_file(job.folder, name)) as file:
        writer = _PackWriter(file, job)
        # Images before frames of videos, and these in the order in which a video shows them.
        for frame, pixels in decoded(sorted(images, key=_video_order)):
            if isinstance(pixels, SourceError):
                problems += [str(pixels)] * len(images[frame])
                continue
            mean = mean_colour(pixels)
            for entry in images[frame]:
                fault = _fault(entry.box, pixels)
                if fault:
                    problems.append(f"{frame_name(frame)}: {fault}")
                else:
                    writer.add(entry, pixels, mean)
        # Before the pack, which gets its name when this block ends.
        write_sidecar(job.folder, name, {**writer.sidecar(), "problems": problems})
    return PackDone(name, boxes, problems)


class _PackWriter:
    """Appends the crops of a job's boxes to a file, and keeps account of them."""

    def __init__(self, file: BinaryIO, job: PackJob) -> None:
        self._file = file
        self._job = job
        self._videos = [qualified(job.source, track.video) for track in job.tracks]
        self._names = [qualified(job.source, track.name) for track in job.tracks]
        self._records: list[list[tuple[int, int, int]]] = [[] for _ in job.tracks]
        self._size = 0
        self._crc = 0

    def add(self, entry: _Box, pixels: NDArray[np.uint8], mean: NDArray[np.uint8]) -> None:
        settings = self._job.settings
        search = context_crop(pixels, entry.box, out_size=settings.search_room, mean=mean)
        # Both crops are cut at one scale around one centre, so one lies in the other's middle.
        edge = (settings.search_room - settings.exemplar_room) // 2
        end = edge + settings.exemplar_room
        exemplar = np.ascontiguousarray(search[edge:end, edge:end])
        w, h = (float(side) for side in entry.box[2:])
        crop = CropExample(
            exemplar=_jpeg(exemplar, settings.quality),
            search=_jpeg(search, settings.quality),
            exemplar_box=box_in_crop(w, h, out_size=settings.exemplar_room),
            search_box=box_in_crop(w, h, out_size=settings.search_room),
            source=self._job.source.encode(),
            video=self._videos[entry.track].encode(),
            track=self._names[entry.track].encode(),
            frame=entry.frame,
        )
        record = frame_record(serialize_crop(crop))
        self._file.write(record)
        self._records[entry.track].append((entry.frame, self._size, len(record)))
        self._size += len(record)
        self._crc = google_crc32c.extend(self._crc, record)

    def sidecar(self) -> dict[str, Any]:
        tracks = []
        for video, name, records in zip(self._videos, self._names, self._records, strict=True):
            if records:
                frames, offsets, sizes = zip(*sorted(records), strict=True)
                rows = {"frames": frames, "offsets": offsets, "sizes": sizes}
                tracks.append({"video": video, "name": name, **rows})
        return {
            "source": self._job.source,
            "bytes": self._size,
            "crc32c": self._crc,
            "tracks": tracks,
        }


def _jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    return simplejpeg.encode_jpeg(
        image, quality=quality, colorspace="RGB", colorsubsampling="420", fastdct=False
    )


def _fault(box: NDArray[np.float32], pixels: NDArray[np.uint8]) -> str | None:
    x, y, w, h = (float(value) for value in box)
    height, width = pixels.shape[:2]
    text = f"box ({x:g}, {y:g}, {w:g}, {h:g})"
    if x + w <= 0 or y + h <= 0 or x >= width or y >= height:
        return f"{text} lies wholly outside the frame, {width} x {height}"
    if w > _LARGEST_SHARE_OF_FRAME * width or h > _LARGEST_SHARE_OF_FRAME * height:
        return f"{text} is far larger than the frame, {width} x {height}"
    return None


def _frames_of(tracks: Iterable[Track]) -> dict[Frame, list[_Box]]:
    """The boxes of each frame, so that each frame need be decoded once."""
    images: dict[Frame, list[_Box]] = {}
    for index, track in enumerate(tracks):
        for frame, number, box in zip(track.frames, track.numbers, track.boxes, strict=True):
            images.setdefault(frame, []).append(_Box(index, int(number), box))
    return images


def _video_order(frame: Frame) -> tuple[str, int]:
    return (str(frame.file), frame.number) if isinstance(frame, VideoFrame) else ("", 0)


def _videos(tracks: Iterable[Track]) -> Iterator[list[Track]]:
    video: list[Track] = []
    for track in tracks:
        if video and track.video != video[0].video:
            yield video
            video = []
        video.append(track)
    if video:
        yield video


def _boxes(tracks: Iterable[Track]) -> int:
    return sum(len(track.frames) for track in tracks)
