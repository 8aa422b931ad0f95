import pytest
from own_trees import annotation, write_coco
from source_trees import SIZE, read

from data_prep.sources.coco import read_coco
from data_prep.tracks import Report, SourceError


def test_stills_come_image_by_image(tmp_path):
    write_coco(tmp_path, [annotation(1), annotation(2, image=5), annotation(3)])
    tracks, report = read(read_coco, tmp_path)
    names = ["images/a.jpg#2", "images/b.jpg#1", "images/b.jpg#3"]
    assert [track.name for track in tracks] == names
    assert tracks[0].boxes.tolist() == [[10, 5, 20, 16]]
    assert tracks[0].sizes.tolist() == [list(SIZE)]
    assert tracks[0].category == "cat"
    assert not report.counts


def test_crowds_and_tiny_objects_are_left_out_without_a_word(tmp_path):
    tiny = annotation(2, box=(10, 5, 20, 11.9))
    write_coco(tmp_path, [annotation(1, iscrowd=1), tiny, annotation(3, box=(10, 5, 20, 12))])
    tracks, report = read(read_coco, tmp_path)
    assert [track.name for track in tracks] == ["images/b.jpg#3"]
    assert not report.counts


@pytest.mark.parametrize("images", ["train2017", "images/train2017", "images", "."])
def test_images_are_found_in_the_usual_places(tmp_path, images):
    write_coco(tmp_path, [annotation(1)], "annotations/instances_train2017.json", images)
    (track,), _ = read(read_coco, tmp_path)
    assert track.frames == (tmp_path / images / "b.jpg",)


def test_one_annotation_file_of_several_can_be_chosen(tmp_path):
    for split in ("train2017", "val2017"):
        write_coco(tmp_path, [annotation(1)], f"annotations/instances_{split}.json", split)
    (track,), _ = read(read_coco, tmp_path / "annotations/instances_val2017.json")
    assert track.video == "val2017/b.jpg"
    assert len(read(read_coco, tmp_path)[0]) == 2


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (annotation(1, box=(10, 5, 0, 16)), "box without area"),
        (annotation(1, box=(10, 5, -20, 16)), "box without area"),
        (annotation(1, box=(10, 5, float("nan"), 16)), "box not finite"),
        (annotation(1, box=(64, 5, 20, 16)), "box outside the frame"),
        (annotation(1, box=(10, 5, 20)), "garbled row"),
        (annotation(1, box=("a", 5, 20, 16)), "garbled row"),
        (annotation(1, image=99), "annotation of an unknown image"),
    ],
)
def test_an_annotation_at_fault_is_noted(tmp_path, item, problem):
    write_coco(tmp_path, [item, annotation(2)])
    (track,), report = read(read_coco, tmp_path)
    assert track.name == "images/b.jpg#2"
    assert dict(report.counts) == {problem: 1}


def test_a_missing_image_is_noted(tmp_path):
    write_coco(tmp_path, [annotation(1), annotation(2, image=5)])
    (tmp_path / "images/b.jpg").unlink()
    (track,), report = read(read_coco, tmp_path)
    assert track.video == "images/a.jpg"
    assert dict(report.counts) == {"missing frame": 1}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"images": 1, "annotations": []}'])
def test_a_broken_annotation_file_is_named(tmp_path, content):
    (tmp_path / "boxes.json").write_text(content)
    with pytest.raises(SourceError, match="boxes.json: not COCO"):
        next(read_coco(tmp_path, Report()))
