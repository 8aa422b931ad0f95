"""Images with an XML file each in PASCAL VOC's format; each object is a track of one frame.

Layout: `<name>.xml` beside `<name>.jpg`, or VOC's own `Annotations/<name>.xml` and
`JPEGImages/<name>.jpg` in one folder, at any depth below ROOT. The image is the one of the same
stem, whatever the XML calls it. VOC counts pixels from 1 and its corners are the first and the last
pixel of the object, so that x = xmin - 1 and w = xmax - xmin + 1; labelling tools that write VOC
do so too.
"""

from collections.abc import Iterator
from pathlib import Path, PurePath

from data_prep.sources.folders import Listing, is_image, name_below, walk
from data_prep.sources.listing import file_names
from data_prep.sources.pascal_xml import PascalAnnotation, read_pascal_xml
from data_prep.sources.usable_boxes import usable_track
from data_prep.tracks import Report, SourceError, Track


def read_voc(root: Path, report: Report) -> Iterator[Track]:
    """Yield a one-frame track for every object, files in sorted order.

    Raises:
      SourceError: no such folder, or no XML file below it.
    """
    found = False
    for listing in walk(root):
        annotations = [name for name in listing.files if name.lower().endswith(".xml")]
        images = _images_by_stem(listing) if annotations else {}
        for name in annotations:
            found = True
            yield from _tracks_of(root, listing.folder / name, images, report)
    if not found:
        raise SourceError(f"{root}: no XML file below it; expected <name>.xml beside <name>.jpg")


def _images_by_stem(listing: Listing) -> dict[str, Path]:
    folders = [listing.folder]
    if listing.folder.name == "Annotations":
        folders.append(listing.folder.parent / "JPEGImages")
    return {
        PurePath(name).stem: folder / name
        for folder in folders
        for name in sorted(file_names(folder))
        if is_image(name)
    }


def _tracks_of(root: Path, file: Path, images: dict[str, Path], report: Report) -> Iterator[Track]:
    try:
        annotation = read_pascal_xml(file)
    except SourceError as error:
        report.problem("garbled annotation", error)
        return
    image = images.get(file.stem)
    if image is None:
        report.problem("missing frame", file, f"no image called {file.stem}.* for it")
        return
    for index in range(len(annotation.objects)):
        track = _track(name_below(root, image), file, image, annotation, index, report)
        if track is not None:
            yield track


def _track(
    video: str, file: Path, image: Path, annotation: PascalAnnotation, index: int, report: Report
) -> Track | None:
    name, (xmin, ymin, xmax, ymax), _ = annotation.objects[index]
    return usable_track(
        video=video,
        name=f"{video}#{index}",
        frames=[image],
        numbers=[0],
        boxes=[[xmin - 1, ymin - 1, xmax - xmin + 1, ymax - ymin + 1]],
        category=name,
        sizes=None if annotation.size is None else [annotation.size],
        where=lambda _: f"{file}, object {index + 1}",
        report=report,
    )
