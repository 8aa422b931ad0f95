"""The index of a folder of crops: which crops there are, of which tracks, of which videos.

`crops.json` is written last and names the folder of the other files, so that an index is there in
full or not at all:

    CROPS/crops.json                   settings, sources, counts, checksums, content hash
    CROPS/index-<hash>/crops.npy       CROP_ROW per crop, each track's together, frames increasing
    CROPS/index-<hash>/tracks.npy      TRACK_ROW per track, each video's together
    CROPS/index-<hash>/videos.txt      name of each video, a line each
    CROPS/index-<hash>/packs.txt       name of each pack, a line each
    CROPS/packs/                       see `pack_files`

The tables are written in one stream and memory-mapped to read them.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from data_prep.crops.npy_stream import npy_header
from data_prep.crops.pack_files import pack_file, read_sidecar
from data_prep.crops.settings import CropSettings
from siamfc_jax.durable import whole_file, write_whole

FORMAT = 1
_TABLES = ("crops.npy", "tracks.npy", "videos.txt", "packs.txt")
CROP_ROW = np.dtype([("pack", "<u4"), ("offset", "<u8"), ("size", "<u4"), ("frame", "<i4")])
TRACK_ROW = np.dtype([("start", "<u8"), ("count", "<u4"), ("video", "<u4"), ("source", "<u4")])


class CropsError(ValueError):
    """A folder of crops is not whole; one line names the file and the remedy."""


@dataclass(frozen=True, eq=False)
class CropIndex:
    """An opened index; its tables stay on disk.

    Attributes:
      folder: the folder of crops.
      settings: how the crops were cut.
      sources: labels; `tracks["source"]` counts in them.
      content_hash: SHA-256 of all the crops, in hexadecimal digits.
      bytes: size of all packs.
      crops: [crops] CROP_ROW.
      tracks: [tracks] TRACK_ROW; track t owns crops start..start + count, and tracks of one video
        follow each other.
      packs: names of the packs; `crops["pack"]` counts in them.
    """

    folder: Path
    settings: CropSettings
    sources: tuple[str, ...]
    content_hash: str
    bytes: int
    crops: NDArray[Any]
    tracks: NDArray[Any]
    packs: tuple[str, ...]
    _names: Path

    def pack(self, number: int) -> Path:
        """The file of a pack."""
        return pack_file(self.folder / "packs", self.packs[number])

    def videos(self) -> Iterator[str]:
        """The videos' names, "label/name", in the order in which `tracks["video"]` counts them."""
        with open(self._names, encoding="utf-8") as lines:
            for line in lines:
                yield line.removesuffix("\n")


class Totals(NamedTuple):
    """What an index holds."""

    crops: int = 0
    tracks: int = 0
    videos: int = 0
    bytes: int = 0


def open_index(folder: Path) -> CropIndex:
    """Open the crops in a folder, checking their index but not reading them.

    Raises:
      CropsError: they are not there, unfinished, of another format, or a file of the index is
        missing or not as it was written.
    """
    file = folder / "crops.json"
    try:
        content = json.loads(file.read_bytes())
        if content["format"] != FORMAT:
            raise CropsError(f"{file}: of format {content['format']}; run make_crops again")
        if content.pop("sha256") != _seal(content):
            raise CropsError(f"{file}: changed since it was written; run make_crops again")
        tables = folder / content["index"]
        for name, crc in content["crc32c"].items():
            if _crc(tables / name) != crc:
                raise CropsError(f"{folder}: {name} of its index is damaged; run make_crops again")
        index = CropIndex(
            folder=folder,
            settings=CropSettings(**content["settings"]),
            sources=tuple(content["sources"]),
            content_hash=content["content_hash"],
            bytes=content["counts"]["bytes"],
            crops=_mapped(tables / "crops.npy"),
            tracks=_mapped(tables / "tracks.npy"),
            packs=tuple((tables / "packs.txt").read_text().split()),
            _names=tables / "videos.txt",
        )
    except FileNotFoundError as error:
        raise CropsError(
            f"{error.filename}: missing, so the crops are unfinished; run make_crops again"
        ) from None
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CropsError):
            raise
        raise CropsError(
            f"{folder}: its index is damaged ({error}); run make_crops again"
        ) from None
    return index


def write_index(
    folder: Path,
    packs: Iterable[str],
    sources: tuple[str, ...],
    settings: CropSettings,
    notes: dict[str, Any],
) -> CropIndex:
    """Index the finished packs of a folder, one after another, and open the index.

    Args:
      packs: their names; read twice.
      sources: the labels in the order of the packs.
      notes: what else `crops.json` shall tell.

    Raises:
      CropsError: a pack is missing, or there is no crop in any.
      StorageError: the index cannot be written.
    """
    names = list(packs)
    totals, digest = _count(folder, names)
    if not totals.crops:
        raise CropsError(f"{folder}: no crop could be cut; see problems.txt there")
    tables = folder / f"index-{digest[:12]}"
    write_whole(tables / "packs.txt", "".join(f"{name}\n" for name in names).encode())
    _write_tables(folder, names, tables, totals, sources)
    content = {
        "format": FORMAT,
        "index": tables.name,
        "settings": asdict(settings),
        "sources": sources,
        "counts": totals._asdict(),
        "content_hash": digest,
        "crc32c": {name: _crc(tables / name) for name in _TABLES},
        **notes,
    }
    sealed = {**content, "sha256": _seal(content)}
    write_whole(folder / "crops.json", json.dumps(sealed, indent=1).encode())
    for older in folder.glob("index-*"):
        if older != tables:
            shutil.rmtree(older)
    return open_index(folder)


def _seal(content: dict[str, Any]) -> str:
    """SHA-256 of what `crops.json` says besides it."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _crc(file: Path) -> int:
    crc = 0
    with open(file, "rb") as opened:
        for chunk in iter(partial(opened.read, 1 << 20), b""):
            crc = google_crc32c.extend(crc, chunk)
    return crc


def _mapped(file: Path) -> NDArray[Any]:
    # A plain view: indexing a np.memmap takes several times as long.
    return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))


def _sidecar(folder: Path, name: str) -> dict[str, Any]:
    content = read_sidecar(folder / "packs", name)
    if content is None:
        raise CropsError(f"{pack_file(folder / 'packs', name)}: missing; run make_crops again")
    return content


def _count(folder: Path, names: list[str]) -> tuple[Totals, str]:
    totals = Totals()
    digest = hashlib.sha256()
    for name in names:
        content = _sidecar(folder, name)
        digest.update(json.dumps([name, content["bytes"], content["crc32c"]]).encode())
        tracks = content["tracks"]
        totals = Totals(
            totals.crops + sum(len(track["frames"]) for track in tracks),
            totals.tracks + len(tracks),
            # A video lies in one pack, as its tracks follow each other.
            totals.videos + len({track["video"] for track in tracks}),
            totals.bytes + content["bytes"],
        )
    return totals, digest.hexdigest()


def _write_tables(
    folder: Path, names: list[str], tables: Path, totals: Totals, sources: tuple[str, ...]
) -> None:
    done = Totals()
    with (
        whole_file(tables / "crops.npy") as crops,
        whole_file(tables / "tracks.npy") as tracks,
        whole_file(tables / "videos.txt") as videos,
    ):
        crops.write(npy_header(CROP_ROW, totals.crops))
        tracks.write(npy_header(TRACK_ROW, totals.tracks))
        for pack, name in enumerate(names):
            content = _sidecar(folder, name)
            source = sources.index(content["source"])
            for video, members in groupby(content["tracks"], itemgetter("video")):
                for track in members:
                    rows = np.empty(len(track["frames"]), CROP_ROW)
                    rows["pack"] = pack
                    rows["offset"] = track["offsets"]
                    rows["size"] = track["sizes"]
                    rows["frame"] = track["frames"]
                    crops.write(rows.tobytes())
                    row = np.array((done.crops, len(rows), done.videos, source), TRACK_ROW)
                    tracks.write(row.tobytes())
                    done = done._replace(crops=done.crops + len(rows))
                videos.write(f"{video}\n".encode())
                done = done._replace(videos=done.videos + 1)
