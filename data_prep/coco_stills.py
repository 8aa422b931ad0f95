"""Photographs with boxes in COCO's JSON format; each box is a track of one frame."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.tracks import SourceError, Track


def read_coco_stills(boxes_json: Path, images: Path) -> Iterator[Track]:
    """Yield a one-frame track for every box of at least 12 x 12 pixels that is no crowd.

    Raises:
      SourceError: the file is missing or not COCO's format.
    """
    try:
        content = json.loads(boxes_json.read_text())
        files = {image["id"]: image["file_name"] for image in content["images"]}
        annotations = [
            (item["id"], files[item["image_id"]], item["bbox"], item.get("iscrowd", 0))
            for item in content["annotations"]
        ]
    except FileNotFoundError:
        raise SourceError(f"{boxes_json}: no such file; give COCO's annotation file") from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise SourceError(f"{boxes_json}: not COCO's annotation format ({error!r})") from None
    for identity, file, box, crowd in annotations:
        if crowd or min(box[2:]) < 12:
            continue
        yield Track(
            video=file,
            name=f"{file}#{identity}",
            frames=(images / file,),
            numbers=np.zeros(1, np.int32),
            boxes=np.asarray([box], np.float32),
        )
