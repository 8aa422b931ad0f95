import json

import numpy as np
import pytest
from PIL import Image

from data_prep.bank import load_bank, split_by_video
from data_prep.box_folders import read_box_folders
from data_prep.coco_stills import read_coco_stills
from data_prep.tracks import SourceError


def write_video(folder, rows, frames=None, img=""):
    (folder / img).mkdir(parents=True)
    for number in range(1, (frames or len(rows)) + 1):
        image = Image.new("RGB", (64, 48), (number, 80, 120))
        image.save(folder / img / f"{number:06d}.jpg")
    (folder / "groundtruth.txt").write_text("".join(f"{row}\n" for row in rows))


def test_frames_without_the_object_are_left_out(tmp_path):
    write_video(tmp_path / "a/dog", ["1,2,10,12", "nan,nan,nan,nan", "3,2,0,12", "4,2,10,12"])
    (track,) = read_box_folders(tmp_path)
    assert (track.video, track.numbers.tolist()) == ("a/dog", [0, 3])
    assert [frame.name for frame in track.frames] == ["000001.jpg", "000004.jpg"]
    np.testing.assert_array_equal(track.boxes, [[1, 2, 10, 12], [4, 2, 10, 12]])


def test_a_file_of_boxes_for_each_object_and_frames_in_img(tmp_path):
    write_video(tmp_path / "street", ["1,2,10,12"], img="img")
    (tmp_path / "street/groundtruth.txt").rename(tmp_path / "street/groundtruth.01.txt")
    (tmp_path / "street/groundtruth.02.txt").write_text("5 6 7 8\n")
    tracks = list(read_box_folders(tmp_path))
    assert [track.video for track in tracks] == ["street", "street"]
    assert tracks[1].boxes.tolist() == [[5, 6, 7, 8]]


@pytest.mark.parametrize(
    ("rows", "frames", "problem"),
    [
        (["1,2,3,4"], 2, "1 rows for 2 frames"),
        (["1,2,3"], 1, "line 1 is not x,y,w,h"),
        ([], 1, "has no rows"),
    ],
)
def test_a_broken_box_file_is_named(tmp_path, rows, frames, problem):
    write_video(tmp_path / "dog", rows, frames)
    with pytest.raises(SourceError, match=f"groundtruth.txt: .*{problem}"):
        list(read_box_folders(tmp_path))


def test_a_folder_without_videos_is_named(tmp_path):
    with pytest.raises(SourceError, match="no groundtruth.txt"):
        list(read_box_folders(tmp_path))
    with pytest.raises(SourceError, match="no such folder"):
        list(read_box_folders(tmp_path / "gone"))


def write_stills(folder, annotations):
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (64, 48), (9, 80, 120)).save(folder / "images/a.jpg")
    content = {"images": [{"id": 7, "file_name": "a.jpg"}], "annotations": annotations}
    (folder / "boxes.json").write_text(json.dumps(content))
    return folder / "boxes.json", folder / "images"


def test_stills_leave_out_crowds_and_tiny_objects(tmp_path):
    boxes = [[1, 2, 20, 30], [1, 2, 20, 30], [1, 2, 20, 5]]
    annotations = [
        {"id": k, "image_id": 7, "bbox": box, "iscrowd": int(k == 1)} for k, box in enumerate(boxes)
    ]
    (track,) = read_coco_stills(*write_stills(tmp_path, annotations))
    assert track.boxes.tolist() == [[1, 2, 20, 30]]


def test_a_broken_annotation_file_is_named(tmp_path):
    (tmp_path / "boxes.json").write_text("{")
    with pytest.raises(SourceError, match=r"boxes.json: not COCO"):
        list(read_coco_stills(tmp_path / "boxes.json", tmp_path))
    with pytest.raises(SourceError, match="no such file"):
        list(read_coco_stills(tmp_path / "gone.json", tmp_path))


def test_every_track_of_a_held_out_video_is_held_out(tmp_path):
    write_video(tmp_path / "dog", ["1,2,10,12"])
    (tmp_path / "dog/groundtruth.2.txt").write_text("5 6 7 8\n")
    write_video(tmp_path / "cat", ["1,2,10,12"])
    split = split_by_video(read_box_folders(tmp_path), ["dog"])
    assert [track.video for track in split.train] == ["cat"]
    assert [track.video for track in split.validation] == ["dog", "dog"]
    with pytest.raises(ValueError, match="no such video to hold out: cow"):
        split_by_video(read_box_folders(tmp_path), ["cow"])


def test_the_bank_draws_stills_with_their_share(tmp_path):
    write_video(tmp_path / "videos/dog", ["1,2,10,12"] * 4)
    write_video(tmp_path / "videos/cat", ["1,2,10,12"])
    annotation = {"id": 1, "image_id": 7, "bbox": [1, 2, 20, 30]}
    stills = list(read_coco_stills(*write_stills(tmp_path / "stills", [annotation])))
    videos = list(read_box_folders(tmp_path / "videos"))
    bank = load_bank(videos, stills, room=31, stills_share=0.25)
    assert bank.crops.shape == (6, 31, 31, 3)
    np.testing.assert_allclose(bank.weights, [0.25, 0.5, 0.25])


def test_an_unreadable_image_is_named(tmp_path):
    write_video(tmp_path / "dog", ["1,2,10,12"])
    (tmp_path / "dog/000001.jpg").write_bytes(b"broken")
    with pytest.raises(SourceError, match=r"000001.jpg: not a readable image"):
        load_bank(list(read_box_folders(tmp_path)), [], room=31, stills_share=0.0)
