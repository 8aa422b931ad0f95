"""Small trees in exactly the layouts of the public datasets, with frames of 64 x 48 pixels."""

import io

from PIL import Image

from data_prep.tracks import Report

SIZE = (64, 48)
BOX = (10.0, 5.0, 20.0, 16.0)
ROW = "10,5,20,16"


def write_frame(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    Image.new("RGB", size, (90, 80, 120)).save(file, "JPEG")
    path.write_bytes(file.getvalue())


def write_lines(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def read(reader, root):
    """All tracks below a root, and what was reported meanwhile."""
    report = Report()
    return list(reader(root, report)), report


# ImageNet: corners are the first and the last pixel, from 0.


def xml_object(corners=(10, 5, 29, 20), track=None, name="n02084071"):
    xmin, ymin, xmax, ymax = corners
    return (
        "<object>"
        + (f"<trackid>{track}</trackid>" if track is not None else "")
        + f"<name>{name}</name>"
        + f"<bndbox><xmax>{xmax}</xmax><xmin>{xmin}</xmin>"
        + f"<ymax>{ymax}</ymax><ymin>{ymin}</ymin></bndbox>"
        + "<occluded>0</occluded><generated>0</generated></object>"
    )


def xml_annotation(*objects, size=SIZE):
    return (
        "<annotation><folder>f</folder><filename>n</filename>"
        "<source><database>ILSVRC_2015</database></source>"
        f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
        f"{''.join(objects)}</annotation>"
    )


def write_still(root, task, name, *objects):
    """An XML file and its JPEG, `name` being their path in both trees."""
    write_frame(root / "Data" / task / f"{name}.JPEG")
    write_lines(root / "Annotations" / task / f"{name}.xml", xml_annotation(*objects))


def write_snippet(root, snippet, *frames):
    """A VID snippet; each frame is a tuple of its objects' XML."""
    for number, objects in enumerate(frames):
        write_still(root, "VID", f"{snippet}/{number:06d}", *objects)


def imagenet_vid(root):
    dog, cat = xml_object(track=0), xml_object(track=1, name="n02121808")
    for snippet in (
        "train/ILSVRC2015_VID_train_0001/ILSVRC2015_train_00010001",
        "train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00005003",
        "val/ILSVRC2015_val_00000000",
    ):
        write_snippet(root, snippet, (dog,), (dog, cat), (), (dog,))


def imagenet_det(root):
    write_still(root, "DET/train", "ILSVRC2013_train/n00007846/n00007846_9", xml_object())
    write_still(
        root, "DET/train", "ILSVRC2014_train_0000/ILSVRC2014_train_00000001", *[xml_object()] * 2
    )
    write_still(root, "DET/train", "ILSVRC2014_train_0001/ILSVRC2014_train_00010001", xml_object())


# Box files: one row per frame.


def write_got10k_sequence(folder, *rows, absence=None, cover=None, frames=None):
    for number in range(1, (frames or len(rows)) + 1):
        write_frame(folder / f"{number:08d}.jpg")
    write_lines(folder / "groundtruth.txt", *rows)
    write_lines(folder / "absence.label", *(absence or [0] * len(rows)))
    write_lines(folder / "cover.label", *(cover or [8] * len(rows)))
    write_lines(folder / "cut_by_image.label", *[0] * len(rows))
    write_lines(
        folder / "meta_info.ini",
        "[METAINFO]",
        "url: https://youtu.be/a%20b",
        "begin: 00:00:12",
        "end: 00:00:22",
        "anno_fps: 10Hz",
        "object_class: pika",
        "motion_class: run",
        "major_class: mammal",
        "root_class: animal",
        "motion_adverb: slowly",
        f"resolution: {SIZE}",
    )


def got10k(root):
    names = [f"GOT-10k_Train_{number:06d}" for number in (1, 2, 10)]
    for name in names:
        write_got10k_sequence(root / "train" / name, ROW, ROW, ROW)
    write_lines(root / "train/list.txt", *names)


def write_lasot_video(folder, *rows, occluded=None, out_of_view=None):
    for number in range(1, len(rows) + 1):
        write_frame(folder / f"img/{number:08d}.jpg")
    write_lines(folder / "groundtruth.txt", *rows)
    for name, flags in (("full_occlusion", occluded), ("out_of_view", out_of_view)):
        write_lines(folder / f"{name}.txt", ",".join(map(str, flags or [0] * len(rows))))
    write_lines(folder / "nlp.txt", "a bird that flies")


def lasot(root):
    for name in ("airplane-1", "airplane-10", "airplane-2", "bird-7"):
        write_lasot_video(root / name.partition("-")[0] / name, ROW, ROW, ROW)
    write_lines(root / "testing_set.txt", "airplane-1")


def write_clip(chunk, name, *rows):
    for number in range(len(rows)):
        write_frame(chunk / f"frames/{name}/{number}.jpg")
    write_lines(chunk / f"anno/{name}.txt", *rows)


def trackingnet(root):
    write_clip(root / "TRAIN_0", "z_CWMOiNpzY_1", *[ROW] * 11)
    write_clip(root / "TRAIN_0", "-J-zu3KYKk4_0", ROW, ROW)
    write_clip(root / "TRAIN_11", "z_CWMOiNpzY_0", ROW, ROW)


# YouTube-BB: corners are shares of the frame.


def youtube_row(
    video="AAB6lO-XiKE",
    second=238,
    presence="present",
    corners="0.25,0.5,0.125,0.625",
    object_id=0,
    class_id=0,
):
    return f"{video},{second * 1000},{class_id},person,{object_id},{presence},{corners}"


def youtube_bb(root):
    videos = ("zz9ozh2JFOE", "AAB6lO-XiKE", "AACM71csS-Q")
    rows = [
        youtube_row(video, second, object_id=item)
        for video in videos
        for item in (0, 1)
        for second in (238, 239)
    ]
    write_lines(root / "yt_bb_detection_train.csv", *rows)
    for video in videos:
        for second in (238, 239):
            write_frame(root / f"frames/{video}/{second * 1000}.jpg")
