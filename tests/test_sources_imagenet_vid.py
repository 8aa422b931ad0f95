import pytest
from source_trees import (
    SIZE,
    read,
    write_frame,
    write_lines,
    write_snippet,
    xml_annotation,
    xml_object,
)

from data_prep.sources.imagenet_vid import read_imagenet_vid
from data_prep.tracks import SourceError

SNIPPET = "train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00005003"
OTHER = "val/ILSVRC2015_val_00000001"


def dog(corners=(10, 5, 29, 20), track=0):
    return xml_object(corners, track)


def tracks_and_counts(root):
    tracks, report = read(read_imagenet_vid, root)
    return tracks, dict(report.counts)


def test_inclusive_corners_from_zero_become_a_box(tmp_path):
    write_snippet(tmp_path, SNIPPET, (dog((0, 0, SIZE[0] - 1, SIZE[1] - 1)),))
    ((track,), counts) = tracks_and_counts(tmp_path)
    assert track.boxes.tolist() == [[0, 0, *SIZE]]
    assert (track.category, counts) == ("n02084071", {})
    assert track.frames == (tmp_path / "Data/VID" / SNIPPET / "000000.JPEG",)


def test_each_trackid_is_a_track_over_the_frames_that_show_it(tmp_path):
    write_snippet(tmp_path, SNIPPET, (dog(),), (dog(), dog(track=3)), (), (dog(),))
    tracks, _ = tracks_and_counts(tmp_path)
    assert [track.name for track in tracks] == [f"{SNIPPET}/0", f"{SNIPPET}/3"]
    assert [track.numbers.tolist() for track in tracks] == [[0, 1, 3], [1]]
    assert {track.video for track in tracks} == {SNIPPET}


def test_training_and_validation_are_read_but_not_the_test_set(tmp_path):
    for snippet in (SNIPPET, OTHER, "test/ILSVRC2015_test_00000000"):
        write_snippet(tmp_path, snippet, (dog(),))
    tracks, _ = tracks_and_counts(tmp_path)
    assert [track.video for track in tracks] == [SNIPPET, OTHER]


def test_a_change_of_frame_size_is_told_frame_by_frame(tmp_path):
    write_snippet(tmp_path, SNIPPET, (dog(),), (dog(),))
    write_lines(
        tmp_path / "Annotations/VID" / SNIPPET / "000001.xml",
        xml_annotation(dog(), size=(32, 24)),
    )
    ((track,), _) = tracks_and_counts(tmp_path)
    assert track.sizes.tolist() == [[64, 48], [32, 24]]


@pytest.mark.parametrize("size", [(0, 0), (64, ""), ("wide", 48), (2**31, 48)])
def test_frames_of_unknown_size_leave_the_sizes_unknown(tmp_path, size):
    write_snippet(tmp_path, SNIPPET, (dog(),), (dog(),))
    write_lines(
        tmp_path / "Annotations/VID" / SNIPPET / "000001.xml", xml_annotation(dog(), size=size)
    )
    ((track,), _) = tracks_and_counts(tmp_path)
    assert track.sizes is None


@pytest.mark.parametrize(
    ("corners", "problem"),
    [
        ((10, 5, 9, 20), "box without area"),
        (("nan", 5, 29, 20), "box not finite"),
        (("1e39", 5, 29, 20), "box not finite"),
        (("", 5, 29, 20), "box not finite"),
        (("left", 5, 29, 20), "box not finite"),
        ((64, 5, 80, 20), "box outside the frame"),
        ((-20, 5, -1, 20), "box outside the frame"),
    ],
)
def test_a_useless_box_is_left_out_and_named(tmp_path, corners, problem):
    write_snippet(tmp_path, SNIPPET, (dog(),), (dog(corners),))
    tracks, report = read(read_imagenet_vid, tmp_path)
    assert [track.numbers.tolist() for track in tracks] == [[0]]
    assert dict(report.counts) == {problem: 1}
    assert "000001.xml" in report.examples[problem][0]


def test_a_box_that_reaches_outside_the_frame_is_kept_as_it_is(tmp_path):
    write_snippet(tmp_path, SNIPPET, (dog((-10, 5, 9, 20)),))
    ((track,), counts) = tracks_and_counts(tmp_path)
    assert (track.boxes.tolist(), counts) == ([[-10, 5, 20, 16]], {})


@pytest.mark.parametrize("content", ["", "<annotation>", "\0\0", "<html></html>"])
def test_a_broken_xml_file_costs_its_frame_only(tmp_path, content):
    write_snippet(tmp_path, SNIPPET, (dog(),), (dog(),), (dog(),))
    (tmp_path / "Annotations/VID" / SNIPPET / "000001.xml").write_text(content)
    tracks, report = read(read_imagenet_vid, tmp_path)
    assert tracks[0].numbers.tolist() == [0, 2]
    assert dict(report.counts) == {"garbled annotation": 1}
    assert "000001.xml: " in report.examples["garbled annotation"][0]


def test_frames_without_xml_and_xml_without_frames_are_reported(tmp_path):
    write_snippet(tmp_path, SNIPPET, *[(dog(),)] * 4)
    (tmp_path / "Annotations/VID" / SNIPPET / "000001.xml").unlink()
    (tmp_path / "Data/VID" / SNIPPET / "000002.JPEG").unlink()
    ((track,), counts) = tracks_and_counts(tmp_path)
    assert track.numbers.tolist() == [0, 3]
    assert counts == {"missing annotation": 1, "missing frame": 1}


def test_a_snippet_in_one_tree_only_is_reported(tmp_path):
    write_snippet(tmp_path, SNIPPET, (dog(),))
    write_frame(tmp_path / "Data/VID" / OTHER / "000000.JPEG")
    third = OTHER.replace("1", "2")
    write_lines(tmp_path / "Annotations/VID" / third / "000000.xml", xml_annotation(dog()))
    tracks, counts = tracks_and_counts(tmp_path)
    assert [track.video for track in tracks] == [SNIPPET]
    assert counts["missing annotation"] == counts["missing frames"] == 1


def test_an_object_twice_in_a_frame_or_without_trackid_is_reported(tmp_path):
    write_snippet(tmp_path, SNIPPET, (dog(), dog((1, 1, 5, 5)), dog(track=None)))
    ((track,), counts) = tracks_and_counts(tmp_path)
    assert track.boxes.tolist() == [[10, 5, 20, 16]]
    assert counts == {"second box of a track in a frame": 1, "object without trackid": 1}


def test_a_video_without_usable_boxes_is_reported(tmp_path):
    write_snippet(tmp_path, SNIPPET, (), ())
    assert tracks_and_counts(tmp_path) == ([], {"video without usable boxes": 1})


def test_annotations_without_data_are_no_dataset(tmp_path):
    write_lines(tmp_path / "Annotations/VID" / SNIPPET / "000000.xml", xml_annotation(dog()))
    with pytest.raises(SourceError, match="Annotations/VID and Data/VID"):
        read(read_imagenet_vid, tmp_path)
