"""Tiny benchmarks in their original layouts: a textured square on a flat background."""

import numpy as np
from PIL import Image
from tracking_worlds import scene


def write_otb(root):
    """Two folders, one of them with two targets: Walking, Jogging.1, Jogging.2."""
    for name, files in {
        "Walking": ["groundtruth_rect.txt"],
        "Jogging": ["groundtruth_rect.1.txt", "groundtruth_rect.2.txt"],
    }.items():
        frames, boxes = scene(12)
        write_frames(root / name / "img", frames, "{:04d}.jpg")
        for shift, file in enumerate(files):
            write_boxes(root / name / file, boxes + [1 + shift, 1, 0, 0])
    return root


def write_got10k(root):
    """Two validation sequences; the target is hidden in two frames of the second."""
    names = ["GOT-10k_Val_000001", "GOT-10k_Val_000002"]
    for number, name in enumerate(names):
        folder = root / "val" / name
        frames, boxes = scene(14, start=(20 + 9 * number, 30))
        write_frames(folder, frames, "{:08d}.jpg")
        write_boxes(folder / "groundtruth.txt", boxes + [1, 1, 0, 0])
        covers = np.full(len(frames), 8)
        covers[4:6] = 8 - 8 * number
        np.savetxt(folder / "cover.label", covers, fmt="%d")
        np.savetxt(folder / "absence.label", covers == 0, fmt="%d")
        np.savetxt(folder / "cut_by_image.label", 0 * covers, fmt="%d")
        (folder / "meta_info.ini").write_text("[METAINFO]\nresolution: (160, 120)\n")
    (root / "val" / "list.txt").write_text("\n".join(names) + "\n")
    return root


def write_vot(root):
    """Two sequences; in `jump`, whose truth are polygons, the target is suddenly elsewhere."""
    walk, walk_boxes = scene(30, start=(20, 20))
    other, other_boxes = scene(30, start=(125, 40), velocity=(0, 1))
    jump = np.concatenate([walk[:15], other[15:]])
    jump_boxes = np.concatenate([walk_boxes[:15], other_boxes[15:]])
    x, y, w, h = jump_boxes.T
    diamonds = np.stack([x + w / 2, y, x + w, y + h / 2, x + w / 2, y + h, x, y + h / 2], 1)
    for name, frames, truth in [("walk", walk, walk_boxes), ("jump", jump, diamonds)]:
        write_frames(root / name / "color", frames, "{:08d}.jpg")
        write_boxes(root / name / "groundtruth.txt", truth)
        metadata = ["channels.color=color/%08d.jpg", "fps=30", "format=default", f"name={name}"]
        (root / name / "sequence").write_text("\n".join(metadata))
    (root / "list.txt").write_text("walk\njump\n")
    return root


def write_frames(folder, frames, name):
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, 1):
        Image.fromarray(frame).save(folder / name.format(number), quality=95)


def write_boxes(file, boxes):
    np.savetxt(file, boxes, fmt="%g", delimiter=",")
