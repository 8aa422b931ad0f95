"""ImageNet DET, object detection (Russakovsky et al., IJCV 2015; ILSVRC2014 and 2015): stills.

    ILSVRC2015/                                                    <- root
      Annotations/DET/train/ILSVRC2013_train/n00007846/n00007846_103856.xml
      Annotations/DET/train/ILSVRC2014_train_0000/ILSVRC2014_train_00000001.xml
      Data/DET/train/...                                           the same tree with .JPEG files

Folders may be nested and named in any way (also a to i, as released trackers rename them), as long
as both trees agree. Only the training set is read. Images without XML are DET's negatives and no
problem; XML files whose image was withdrawn are a known fault of the dataset.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources.imagenet_boxes import box_of
from data_prep.sources.listing import file_names
from data_prep.sources.pascal_xml import read_pascal_xml
from data_prep.sources.usable_boxes import usable_track
from data_prep.tracks import Report, SourceError, Track


def read_imagenet_det(root: Path, report: Report) -> Iterator[Track]:
    """Yield a one-frame track for every object; `video` is the image's path below train/.

    Raises:
      SourceError: `root` is not this layout.
    """
    annotations, images = root / "Annotations/DET/train", root / "Data/DET/train"
    if not annotations.is_dir() or not images.is_dir():
        raise SourceError(
            f"{root}: not ImageNet DET; give the ILSVRC folder that holds Annotations/DET/train "
            "and Data/DET/train"
        )
    empty = True
    for folder, subfolders, files in os.walk(annotations, followlinks=True):
        subfolders.sort()
        inner = Path(folder).relative_to(annotations)
        stems = sorted(name.removesuffix(".xml") for name in files if name.endswith(".xml"))
        pictured = file_names(images / inner) if stems else set()
        for stem in stems:
            empty = False
            if f"{stem}.JPEG" not in pictured:
                report.problem("missing frame", images / inner / f"{stem}.JPEG")
                continue
            yield from _read_still(annotations, images, inner / stem, report)
    if empty:
        raise SourceError(f"{annotations}: holds no XML file; unpack the bounding boxes there")


def _read_still(annotations: Path, images: Path, still: Path, report: Report) -> Iterator[Track]:
    xml = annotations / f"{still}.xml"
    try:
        annotation = read_pascal_xml(xml)
    except SourceError as error:
        report.problem("garbled annotation", error)
        return
    for index, item in enumerate(annotation.objects):
        track = usable_track(
            video=str(still),
            name=f"{still}/{index}",
            frames=[images / f"{still}.JPEG"],
            numbers=[0],
            boxes=[box_of(item.corners)],
            category=item.name,
            sizes=annotation.size,
            where=lambda _: xml,
            report=report,
        )
        if track is not None:
            yield track
