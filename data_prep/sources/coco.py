"""Photographs with boxes in COCO's JSON format; each box is a track of one frame.

Layout: annotation files `instances_<split>.json` or `boxes.json` in ROOT or ROOT/annotations, all
of which are read; ROOT may also be one JSON file of any name. The images of a file lie in the first
of these folders that exists below ROOT (for a file: below its folder, or the one above where that
is called `annotations`): `<split>`, `images/<split>`, `images`, or ROOT itself.

Boxes are (x, y, w, h), corners 0-based and continuous, as COCO and this project have them. Boxes
flagged `iscrowd` surround several objects, and those of which a side is below 12 pixels show too
little; both are left out without a word. The JSON is parsed as a whole, but its outlines, nine
tenths of COCO's 450 MB, are not kept.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.sources.listing import file_names
from data_prep.sources.usable_boxes import usable_track
from data_prep.tracks import Report, SourceError, Track

_SMALLEST_SIDE = 12
_WANTED = frozenset(
    ("images", "annotations", "categories", "id", "image_id", "category_id")
    + ("file_name", "width", "height", "bbox", "iscrowd", "name")
)


class _Still(NamedTuple):
    """One annotation with what its image and category say."""

    image: str
    identity: str
    box: Any
    category: str
    size: tuple[Any, Any]


def read_coco(root: Path, report: Report) -> Iterator[Track]:
    """Yield a one-frame track for every box, images of a file in the order of their names.

    Raises:
      SourceError: no annotation file, or one that is not COCO's format.
    """
    for file in _annotation_files(root):
        base = file.parent.parent if file.parent.name == "annotations" else file.parent
        folder = _images_folder(file, base)
        prefix = "" if folder == base else f"{folder.relative_to(base).as_posix()}/"
        names_in = cache(file_names)
        for still in _read(file, report):
            frame = folder / still.image
            if frame.name not in names_in(frame.parent):
                report.problem("missing frame", frame)
                continue
            track = _track(still, frame, prefix + still.image, report)
            if track is not None:
                yield track


def _annotation_files(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder or file; give COCO's folder, or its JSON file")
    files = [
        folder / name
        for folder in (root, root / "annotations")
        for name in sorted(file_names(folder))
        if name == "boxes.json" or (name.startswith("instances_") and name.endswith(".json"))
    ]
    if not files:
        raise SourceError(
            f"{root}: no instances_<split>.json or boxes.json in it or in its annotations/; "
            "give COCO's folder, or the JSON file itself"
        )
    return files


def _images_folder(file: Path, base: Path) -> Path:
    split = file.stem.removeprefix("instances_")
    candidates = (base / split, base / "images" / split, base / "images")
    return next((folder for folder in candidates if folder.is_dir()), base)


def _read(file: Path, report: Report) -> list[_Still]:
    """Annotations of single objects, those of one image one after another."""
    try:
        with file.open(encoding="utf-8") as text:
            content = json.load(text, object_hook=_wanted)
        images = {image["id"]: image for image in content["images"]}
        names = {item["id"]: str(item["name"]) for item in content.get("categories", [])}
        stills = []
        for item in content["annotations"]:
            image = images.get(item["image_id"])
            if image is None:
                report.problem("annotation of an unknown image", file, f"annotation {item['id']}")
            elif not item.get("iscrowd"):
                stills.append(_still(item, image, names))
    except FileNotFoundError:
        raise SourceError(f"{file}: no such file; give COCO's annotation file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{file}: not COCO's annotation format ({error!r})") from None
    return sorted(stills, key=lambda still: still.image)


def _wanted(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key in _WANTED}


def _still(item: dict[str, Any], image: dict[str, Any], names: dict[Any, str]) -> _Still:
    return _Still(
        image=str(image["file_name"]),
        identity=str(item["id"]),
        box=item["bbox"],
        category=names.get(item.get("category_id"), ""),
        size=(image.get("width"), image.get("height")),
    )


def _track(still: _Still, frame: Path, video: str, report: Report) -> Track | None:
    name = f"{video}#{still.identity}"
    try:
        box = [float(value) for value in still.box]
    except (TypeError, ValueError, OverflowError):
        box = []
    if len(box) != 4:
        report.problem("garbled row", name, f"bbox is not x,y,w,h: {str(still.box)[:40]}")
        return None
    if 0 < min(box[2:]) < _SMALLEST_SIDE:
        return None
    return usable_track(
        video=video,
        name=name,
        frames=[frame],
        numbers=[0],
        boxes=[box],
        category=still.category,
        sizes=_sizes(still),
        where=lambda _: name,
        report=report,
    )


def _sizes(still: _Still) -> list[tuple[int, int]] | None:
    width, height = still.size
    if isinstance(width, int) and isinstance(height, int) and min(width, height) > 0:
        return [(width, height)]
    return None
