import pytest
from source_trees import read, write_frame, write_still, xml_object

from data_prep.sources.imagenet_det import read_imagenet_det
from data_prep.tracks import SourceError

FLAT = "ILSVRC2014_train_0000/ILSVRC2014_train_00000001"
NESTED = "ILSVRC2013_train/n00007846/n00007846_9"


def write(root, name, *objects):
    write_still(root, "DET/train", name, *objects)


def test_every_object_of_an_image_is_a_track_of_one_frame(tmp_path):
    write(tmp_path, NESTED, xml_object((0, 5, 29, 20)), xml_object(name="n02121808"))
    write(tmp_path, FLAT, xml_object())
    tracks, report = read(read_imagenet_det, tmp_path)
    assert [track.video for track in tracks] == [NESTED, NESTED, FLAT]
    assert [track.name for track in tracks] == [f"{NESTED}/0", f"{NESTED}/1", f"{FLAT}/0"]
    assert [track.category for track in tracks] == ["n02084071", "n02121808", "n02084071"]
    assert tracks[0].boxes.tolist() == [[0, 5, 30, 16]]
    assert tracks[0].numbers.tolist() == [0]
    assert not report.counts


def test_an_annotation_whose_image_was_withdrawn_is_reported(tmp_path):
    write(tmp_path, NESTED, xml_object())
    write(tmp_path, FLAT, xml_object())
    (tmp_path / "Data/DET/train" / f"{FLAT}.JPEG").unlink()
    tracks, report = read(read_imagenet_det, tmp_path)
    assert [track.video for track in tracks] == [NESTED]
    assert dict(report.counts) == {"missing frame": 1}
    assert f"{FLAT}.JPEG" in report.examples["missing frame"][0]


def test_negatives_and_images_without_objects_are_no_problem(tmp_path):
    write(tmp_path, FLAT)
    write_frame(tmp_path / "Data/DET/train/ILSVRC2013_train_extra0/a.JPEG")
    tracks, report = read(read_imagenet_det, tmp_path)
    assert not tracks and not report.counts


@pytest.mark.parametrize(
    ("corners", "problem"),
    [
        ((10, 5, 9, 20), "box without area"),
        (("?", 5, 9, 20), "box not finite"),
        ((99, 5, 120, 20), "box outside the frame"),
    ],
)
def test_a_useless_box_is_left_out_and_the_next_one_kept(tmp_path, corners, problem):
    write(tmp_path, FLAT, xml_object(corners), xml_object())
    ((track,), report) = read(read_imagenet_det, tmp_path)
    assert track.name == f"{FLAT}/1"
    assert dict(report.counts) == {problem: 1}


def test_a_broken_xml_file_is_reported(tmp_path):
    write(tmp_path, NESTED, xml_object())
    write(tmp_path, FLAT, xml_object())
    (tmp_path / "Annotations/DET/train" / f"{FLAT}.xml").write_bytes(b"\xff\xd8 not XML")
    tracks, report = read(read_imagenet_det, tmp_path)
    assert [track.video for track in tracks] == [NESTED]
    assert dict(report.counts) == {"garbled annotation": 1}


def test_a_tree_without_annotations_is_named(tmp_path):
    write(tmp_path, FLAT, xml_object())
    (tmp_path / "Annotations/DET/train" / f"{FLAT}.xml").unlink()
    with pytest.raises(SourceError, match="holds no XML file; unpack"):
        read(read_imagenet_det, tmp_path)
