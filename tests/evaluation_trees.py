"""Small benchmarks on disk, in the layouts of OTB, LaSOT and GOT-10k."""

import functools
import io
import json

import numpy as np
from PIL import Image

SIZE = (64, 48)


def boxes(count, step=1):
    """Rectangles [count, 4] of a target that moves to the right, pixels from 1."""
    return np.asarray([(2 + step * k, 5, 9, 7) for k in range(count)], float)


@functools.cache
def _jpeg(shade):
    buffer = io.BytesIO()
    Image.new("RGB", SIZE, (shade, 9, 9)).save(buffer, "JPEG")
    return buffer.getvalue()


def write_frames(folder, numbers, digits):
    """Frames whose red grows with their number, so that tests can tell them apart."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number:0{digits}d}.jpg").write_bytes(_jpeg(number % 256))


def write_rows(file, rows, separator=","):
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (separator.join(f"{value:g}" for value in row) for row in rows)
    file.write_text("".join(f"{line}\n" for line in lines))


def write_otb(
    root,
    folder="Dog",
    rows=None,
    *,
    first=1,
    images=None,
    digits=4,
    separator=",",
    file="groundtruth_rect.txt",
):
    """`images`: how many from `first` on; by default one a row, 0 for annotation alone."""
    rows = boxes(3) if rows is None else rows
    images = len(rows) if images is None else images
    if images:
        write_frames(root / folder / "img", range(first, first + images), digits)
    write_rows(root / folder / file, rows, separator)
    return root / folder


def write_lasot(root, name="airplane-1", rows=None, *, occluded=(), unseen=(), flat=False):
    """`occluded`, `unseen`: rows with full occlusion, and out of view."""
    rows = boxes(3) if rows is None else rows
    folder = root / name if flat else root / name.rpartition("-")[0] / name
    write_frames(folder / "img", range(1, len(rows) + 1), 8)
    write_rows(folder / "groundtruth.txt", rows)
    for file, flagged in (("full_occlusion.txt", occluded), ("out_of_view.txt", unseen)):
        write_rows(folder / file, [[int(row in flagged) for row in range(len(rows))]])
    return folder


def write_lasot_annos(root, name="airplane-1", rows=None, *, absent=(), attributes="0" * 14):
    """The evaluation toolkit's annotation, without frames; `attributes`: 14 digits."""
    rows = boxes(3) if rows is None else rows
    write_rows(root / f"{name}.txt", rows)
    write_rows(root / f"absent/{name}.txt", [[int(row in absent)] for row in range(len(rows))])
    write_rows(root / f"att/{name}.txt", [list(map(int, attributes))])


def write_got10k(root, subset="val", numbers=(1,), rows=None, *, cover=None):
    rows = boxes(3) if rows is None else rows
    names = [f"GOT-10k_{subset.title()}_{number:06d}" for number in numbers]
    for name in names:
        folder = root / subset / name
        write_frames(folder, range(1, len(rows) + 1), 8)
        write_rows(folder / "groundtruth.txt", rows[:1] if subset == "test" else rows)
        if subset == "val":
            labels = [8] * len(rows) if cover is None else cover
            write_rows(folder / "cover.label", [[label] for label in labels])
            (folder / "meta_info.ini").write_text(
                "[METAINFO]\nurl: https://example.org/watch\nobject_class: hinny\n"
                f"motion_class: ambling\nroot_class: animal\nresolution: {SIZE}\n"
            )
    (root / subset / "list.txt").write_text("".join(f"{name}\n" for name in names))
    return root / subset


def write_json(file, entries):
    file.write_text(json.dumps(entries))
    return file


def pysot_entry(name="Basketball", rows=None, *, first=1, **more):
    """An entry of pysot's OTB100.json, LaSOT.json and the like."""
    rows = boxes(3).tolist() if rows is None else rows
    images = [f"{name}/img/{number:04d}.jpg" for number in range(first, first + len(rows))]
    return {"video_dir": name, "init_rect": rows[0], "img_names": images, "gt_rect": rows, **more}
