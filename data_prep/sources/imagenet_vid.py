"""ImageNet VID, object detection from video (Russakovsky et al., IJCV 2015; ILSVRC2015).

    ILSVRC2015/                                                    <- root
      Annotations/VID/train/ILSVRC2015_VID_train_0000/<snippet>/000000.xml
      Annotations/VID/val/<snippet>/000000.xml
      Data/VID/train/ILSVRC2015_VID_train_0000/<snippet>/000000.JPEG
      Data/VID/val/<snippet>/000000.JPEG

Training and validation snippets are both read: together the 4 417 videos of the SiamFC paper. The
four folders in train/ may have any names (the released curation calls them a to d). Each frame has
an XML file, also without objects; objects carry a `trackid`, and their class is a WordNet id.
Occluded and generated (interpolated) boxes are kept, as in the released curation.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data_prep.sources.imagenet_boxes import box_of
from data_prep.sources.listing import file_names, subfolders
from data_prep.sources.pascal_xml import PascalAnnotation, read_pascal_xml
from data_prep.sources.usable_boxes import usable_track
from data_prep.tracks import Report, SourceError, Track


def read_imagenet_vid(root: Path, report: Report) -> Iterator[Track]:
    """Yield the tracks of every snippet; `video` is its folder below Annotations/VID.

    Raises:
      SourceError: `root` is not this layout.
    """
    annotations, images = root / "Annotations/VID", root / "Data/VID"
    snippets = sorted({*_snippets(annotations), *_snippets(images)})
    if not snippets or not annotations.is_dir() or not images.is_dir():
        raise SourceError(
            f"{root}: not ImageNet VID; give the ILSVRC2015 folder, which holds Annotations/VID "
            "and Data/VID with train/<group>/<snippet> or val/<snippet> in both"
        )
    for snippet in snippets:
        yield from _read_snippet(snippet, annotations / snippet, images / snippet, report)


def _snippets(folder: Path) -> Iterator[str]:
    for group in [*(f"train/{name}" for name in subfolders(folder / "train")), "val"]:
        yield from (f"{group}/{snippet}" for snippet in subfolders(folder / group))


class _Object(NamedTuple):
    """What is known of one object of a snippet so far, frame by frame."""

    category: str
    frames: list[Path]
    numbers: list[int]
    boxes: list[tuple[float, float, float, float]]
    sizes: list[tuple[int, int] | None]
    places: list[Path]


def _read_snippet(snippet: str, xmls: Path, images: Path, report: Report) -> Iterator[Track]:
    objects: dict[str, _Object] = {}
    for number, xml, image in _frames(xmls, images, report):
        try:
            annotation = read_pascal_xml(xml)
        except SourceError as error:
            report.problem("garbled annotation", error)
        else:
            _add_frame(objects, number, annotation, xml, image, report)
    usable = 0
    for trackid, seen in objects.items():
        sizes = [size for size in seen.sizes if size]
        track = usable_track(
            video=snippet,
            name=f"{snippet}/{trackid}",
            frames=seen.frames,
            numbers=seen.numbers,
            boxes=seen.boxes,
            category=seen.category,
            sizes=sizes if len(sizes) == len(seen.frames) else None,
            where=seen.places.__getitem__,
            report=report,
        )
        if track is not None:
            usable += 1
            yield track
    if not usable:
        report.problem("video without usable boxes", xmls)


def _frames(xmls: Path, images: Path, report: Report) -> Iterator[tuple[int, Path, Path]]:
    """Number, XML file and image of every frame that has both."""
    annotated, pictured = _stems(xmls, ".xml"), _stems(images, ".JPEG")
    if not annotated:
        report.problem("missing annotation", xmls, "no XML file of its frames")
        return
    if not pictured:
        report.problem("missing frames", images, "is the dataset complete?")
        return
    for stem in sorted(pictured - annotated):
        report.problem("missing annotation", xmls / f"{stem}.xml")
    for stem in sorted(annotated):
        if stem in pictured:
            yield int(stem), xmls / f"{stem}.xml", images / f"{stem}.JPEG"
        else:
            report.problem("missing frame", images / f"{stem}.JPEG")


def _stems(folder: Path, suffix: str) -> set[str]:
    names = (name.removesuffix(suffix) for name in file_names(folder) if name.endswith(suffix))
    return {name for name in names if re.fullmatch(r"\d{6}", name, re.ASCII)}


def _add_frame(
    objects: dict[str, _Object],
    number: int,
    annotation: PascalAnnotation,
    xml: Path,
    image: Path,
    report: Report,
) -> None:
    for item in annotation.objects:
        if not item.track:
            report.problem("object without trackid", xml)
            continue
        seen = objects.setdefault(item.track, _Object(item.name, [], [], [], [], []))
        if seen.numbers and seen.numbers[-1] == number:
            report.problem("second box of a track in a frame", xml, f"trackid {item.track}")
            continue
        seen.frames.append(image)
        seen.numbers.append(number)
        seen.boxes.append(box_of(item.corners))
        seen.sizes.append(annotation.size)
        seen.places.append(xml)
