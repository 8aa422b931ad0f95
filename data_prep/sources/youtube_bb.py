"""YouTube-BoundingBoxes, detection task (Real et al., CVPR 2017): objects at 1 frame per second.

    youtube_bb/                                            <- root
      yt_bb_detection_train.csv                            as published, unpacked; 5.6 million rows
      frames/<youtube_id>/<timestamp_ms>.jpg               what you extracted, or instead
      yt_bb_detection_train/<class_id>/<youtube_id>_<timestamp_ms>_<class_id>_<object_id>.jpg
                                                           what youtube-bb-utility extracts (PySOT)

The CSV has no header; its columns are youtube_id, timestamp_ms, class_id, class_name, object_id,
object_presence, xmin, xmax, ymin, ymax. Corners are shares of the frame's width and height, and -1
in rows that are not `present`, which are left out. Much of YouTube is gone: missing videos are to
be expected.

`Track.numbers` counts frames of 30 per second (timestamp_ms * 30 // 1000), so that "at most T
frames apart" means the same time as in the other datasets. Rows are sought by their place in the
file, so their order does not matter; memory holds one video's rows, and the place of each video
(in all about 100 MB).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image, UnidentifiedImageError

from data_prep.sources.listing import file_names
from data_prep.sources.usable_boxes import usable_track
from data_prep.tracks import Report, SourceError, Track

FRAMES_PER_SECOND = 30
TASK = "yt_bb_detection_train"


class _Row(NamedTuple):
    class_id: str
    object_id: str
    timestamp: int
    class_name: str
    corners: tuple[float, float, float, float]
    place: str

    @property
    def number(self) -> int:
        return self.timestamp * FRAMES_PER_SECOND // 1000


def read_youtube_bb(root: Path, report: Report) -> Iterator[Track]:
    """Yield the tracks of every video of which there are frames; `video` is its YouTube id.

    Raises:
      SourceError: `root` is not this layout.
    """
    table = root / f"{TASK}.csv"
    if not table.is_file() or not any((root / name).is_dir() for name in ("frames", TASK)):
        raise SourceError(
            f"{root}: not YouTube-BB; it must hold {TASK}.csv (gunzip it) and "
            f"frames/<youtube_id>/<timestamp_ms>.jpg or {TASK}/<class_id>/*.jpg"
        )
    with table.open("rb") as file:
        places = _places_of_videos(file)
        if not places:
            raise SourceError(f"{table}: has no rows; fetch it again")
        for video in sorted(places):
            rows = list(_rows(file, places[video], table, report))
            yield from _read_video(root, video, rows, report)


def _places_of_videos(file: BinaryIO) -> dict[str, list[tuple[int, int]]]:
    """Where in the file each video's rows are: (start, end) in bytes of every unbroken run."""
    places: dict[str, list[tuple[int, int]]] = {}
    video, start, position = b"", 0, 0
    for line in file:
        owner = line.partition(b",")[0]
        if owner != video:
            _add_place(places, video, start, position)
            video, start = owner, position
        position += len(line)
    _add_place(places, video, start, position)
    return places


def _add_place(
    places: dict[str, list[tuple[int, int]]], video: bytes, start: int, end: int
) -> None:
    if video.strip():
        places.setdefault(video.decode(errors="replace").strip(), []).append((start, end))


def _rows(
    file: BinaryIO, places: Iterable[tuple[int, int]], table: Path, report: Report
) -> Iterator[_Row]:
    """The rows in which an object is present, in the order of the file."""
    for start, end in places:
        file.seek(start)
        for line in file.read(end - start).decode(errors="replace").splitlines():
            try:
                row = _parse(line)
            except ValueError:
                report.problem("garbled row", table, repr(line[:60]))
            else:
                if row is not None:
                    yield row


def _parse(line: str) -> _Row | None:
    """The row, or None where the object is not present; raises ValueError for anything else."""
    _, timestamp, class_id, class_name, object_id, presence, *corners = line.split(",")
    xmin, xmax, ymin, ymax = map(float, corners)
    row = _Row(class_id, object_id, int(timestamp), class_name, (xmin, ymin, xmax, ymax), line)
    if not 0 <= row.number < 2**31:
        raise ValueError("no such time")
    return row if presence == "present" else None


def _read_video(root: Path, video: str, rows: list[_Row], report: Report) -> Iterator[Track]:
    paths = _existing_frames(root, video, rows)
    if not paths:
        if rows:
            report.problem("missing video", video, "none of its frames was found")
        return
    size = _frame_size(paths, report)
    if size is None:
        return
    objects: dict[tuple[str, str], dict[int, _Row]] = {}
    for row in rows:
        seen = objects.setdefault((row.class_id, row.object_id), {})
        if row.number in seen:
            report.problem("second box of an object in a frame", video, row.place)
        elif row not in paths:
            report.problem("missing frame", f"{video} at {row.timestamp} ms")
        else:
            seen[row.number] = row
    for (class_id, object_id), seen in sorted(objects.items()):
        ordered = [seen[number] for number in sorted(seen)]
        name = f"{video}/{class_id}/{object_id}"
        track = _track(video, name, ordered, paths, size, report) if ordered else None
        if track is not None:
            yield track


def _existing_frames(root: Path, video: str, rows: list[_Row]) -> dict[_Row, Path]:
    if (root / "frames").is_dir():
        folder = root / "frames" / video
        names = file_names(folder)
        paths = {row: folder / f"{row.timestamp}.jpg" for row in rows}
        return {row: path for row, path in paths.items() if path.name in names}
    # A class folder holds a quarter of a million names: too many to list and keep.
    paths = {row: root / TASK / row.class_id / _utility_name(video, row) for row in rows}
    return {row: path for row, path in paths.items() if path.is_file()}


def _utility_name(video: str, row: _Row) -> str:
    return f"{video}_{row.timestamp}_{row.class_id}_{row.object_id}.jpg"


def _frame_size(paths: dict[_Row, Path], report: Report) -> tuple[int, int] | None:
    """(width, height) of the first and the last frame, or None where they are not the same."""
    first, last = (pick(paths, key=lambda row: row.timestamp) for pick in (min, max))
    sizes = [_size(paths[row], report) for row in (first, last)]
    if None in sizes:
        return None
    if sizes[0] != sizes[1]:
        report.problem("frame size changes", paths[last], f"{sizes[0]} became {sizes[1]}")
        return None
    return sizes[0]


def _size(path: Path, report: Report) -> tuple[int, int] | None:
    try:
        with Image.open(path) as image:
            return image.size
    except (UnidentifiedImageError, OSError, ValueError) as error:
        report.problem("unreadable frame", path, f"{error}; its video is left out")
        return None


def _track(
    video: str,
    name: str,
    rows: list[_Row],
    paths: dict[_Row, Path],
    size: tuple[int, int],
    report: Report,
) -> Track | None:
    width, height = size
    return usable_track(
        video=video,
        name=name,
        frames=[paths[row] for row in rows],
        numbers=[row.number for row in rows],
        boxes=[
            (x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height)
            for x1, y1, x2, y2 in (row.corners for row in rows)
        ],
        category=rows[0].class_name,
        sizes=[size] * len(rows),
        where=lambda index: f"{TASK}.csv: {rows[index].place}",
        report=report,
    )
