"""Small trees in the layouts for boxes of one's own."""

import json

from media_samples import noise_frames, write_video
from source_trees import ROW, SIZE, write_frame, write_lines, xml_annotation, xml_object

ABSENT = "nan,nan,nan,nan"


def write_box_folder(folder, *rows, frames=None, img="."):
    for number in range(1, (frames or len(rows)) + 1):
        write_frame(folder / img / f"{number:06d}.jpg")
    write_lines(folder / "groundtruth.txt", *rows)


def write_coco(root, annotations, file="boxes.json", images="images"):
    for name in ("b.jpg", "a.jpg"):
        write_frame(root / images / name)
    listed = [
        {"id": 7, "file_name": "b.jpg", "width": SIZE[0], "height": SIZE[1]},
        {"id": 5, "file_name": "a.jpg", "width": SIZE[0], "height": SIZE[1]},
    ]
    content = {
        "images": listed,
        "annotations": [{"segmentation": [[1, 2, 3]], **item} for item in annotations],
        "categories": [{"id": 3, "name": "cat"}],
    }
    write_lines(root / file, json.dumps(content))


def annotation(identity, image=7, box=(10, 5, 20, 16), **more):
    return {"id": identity, "image_id": image, "bbox": list(box), "category_id": 3, **more}


def write_mot(sequence, *rows, frames=3, annotation="gt/gt.txt", img="img1"):
    for number in range(1, frames + 1):
        write_frame(sequence / img / f"{number:06d}.jpg")
    write_lines(sequence / annotation, *rows)


def write_clip(file, *rows, frames=None):
    file.parent.mkdir(parents=True, exist_ok=True)
    write_video(file, noise_frames(frames or len(rows), *SIZE))
    write_lines(file.with_suffix(".txt"), *rows)


def own_trees(root):
    write_box_folder(root / "box_folders/a", ROW, ROW)
    write_box_folder(root / "box_folders/b", ROW)
    write_coco(root / "coco", [annotation(1), annotation(2, image=5)])
    for name in ("a", "b"):
        write_frame(root / f"voc/{name}.jpg")
        write_lines(root / f"voc/{name}.xml", xml_annotation(xml_object()))
        write_mot(root / "mot" / name, "1,1,11,6,20,16", "2,1,11,6,20,16")
        write_clip(root / f"videos/{name}.mkv", ROW, ROW)
