"""Packs on disk: TFRecord files with the crops of a few videos, each with a sidecar.

A pack `<number>-<hash>.tfrecord` holds a `CropExample` per box; its sidecar, `.json` of the same
stem, says where each track's records lie. The hash covers all that decides the pack's bytes: the
settings, the source's label, names, frame numbers and boxes of its tracks, and the name and size of
each frame's file (not the file's time, which a copy of the dataset changes). So a pack of the right
name is done, and an image that was fetched again makes a new one.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.crops.settings import CropSettings
from data_prep.tracks import Frame, Track, VideoFrame
from siamfc_jax.durable import write_whole

_FORMAT = 1


class PackJob(NamedTuple):
    """Some videos of one source, to be made one pack of.

    Attributes:
      number: the how manieth pack of the whole set.
      source: the source's label.
      root: the source's folder; names of frames are hashed relative to it.
      tracks: the tracks of whole videos.
      folder: where packs lie.
    """

    number: int
    source: str
    root: Path
    tracks: tuple[Track, ...]
    settings: CropSettings
    folder: Path


def pack_name(job: PackJob) -> str:
    """The stem of the files of a job's pack."""
    digest = hashlib.sha256(json.dumps([_FORMAT, job.source, asdict(job.settings)]).encode())
    root = str(job.root)
    sizes: dict[Path, int] = {}
    for track in job.tracks:
        files = [frame.file if isinstance(frame, VideoFrame) else frame for frame in track.frames]
        for file in files:
            if file not in sizes:
                sizes[file] = _size(file)
        names = [
            (frame_name(frame).removeprefix(root), sizes[file])
            for frame, file in zip(track.frames, files, strict=True)
        ]
        digest.update(repr((track.video, track.name, names)).encode())
        digest.update(track.numbers.tobytes() + track.boxes.tobytes())
    return f"{job.number:06d}-{digest.hexdigest()[:12]}"


def pack_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.tfrecord"


def read_sidecar(folder: Path, name: str) -> dict[str, Any] | None:
    """What a finished pack holds; None where it is not finished.

    Keys: `source`, its label; `bytes` and `crc32c` of the pack file; `problems`, lines; `tracks`, a
    list of {"video", "name", "frames", "offsets", "sizes"}: frame numbers, increasing, where their
    records begin, and how many bytes they take.
    """
    try:
        content: dict[str, Any] = json.loads(_sidecar_file(folder, name).read_bytes())
        return content if pack_file(folder, name).stat().st_size == content["bytes"] else None
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return None


def qualified(source: str, name: str) -> str:
    """Name of a video or track, unique among all sources, on one line."""
    return "".join(sign if sign.isprintable() else "?" for sign in f"{source}/{name}")


def write_sidecar(folder: Path, name: str, content: dict[str, Any]) -> None:
    write_whole(_sidecar_file(folder, name), json.dumps(content).encode())


def frame_name(frame: Frame) -> str:
    return f"{frame.file} frame {frame.number}" if isinstance(frame, VideoFrame) else str(frame)


def _sidecar_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1
