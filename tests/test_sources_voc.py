"""PASCAL VOC."""

from source_trees import SIZE, read, write_frame, write_lines, xml_annotation, xml_object

from data_prep.sources.voc_folder import read_voc


def test_voc_counts_pixels_from_one_and_includes_the_last(tmp_path):
    write_frame(tmp_path / "shed/cat.png")
    write_lines(tmp_path / "shed/cat.xml", xml_annotation(xml_object((1, 1, 64, 48), name="cat")))
    (track,), report = read(read_voc, tmp_path)
    assert (track.video, track.category) == ("shed/cat.png", "cat")
    assert track.boxes.tolist() == [[0, 0, 64, 48]]
    assert track.sizes.tolist() == [list(SIZE)]
    assert not report.counts


def test_each_object_of_an_image_is_a_track_and_voc_folders_are_known(tmp_path):
    write_frame(tmp_path / "VOC2007/JPEGImages/000005.jpg")
    objects = xml_annotation(xml_object(), xml_object())
    write_lines(tmp_path / "VOC2007/Annotations/000005.xml", objects)
    tracks, _ = read(read_voc, tmp_path)
    assert [track.name for track in tracks] == [
        "VOC2007/JPEGImages/000005.jpg#0",
        "VOC2007/JPEGImages/000005.jpg#1",
    ]


def test_faults_of_voc_files_are_noted(tmp_path):
    for name in ("broken", "flat", "good"):
        write_frame(tmp_path / f"{name}.jpg")
    write_lines(tmp_path / "broken.xml", "<annotation><obj")
    write_lines(tmp_path / "flat.xml", xml_annotation(xml_object((9, 9, 8, 20))))
    write_lines(tmp_path / "good.xml", xml_annotation(xml_object()))
    write_lines(tmp_path / "lonely.xml", xml_annotation(xml_object()))
    (track,), report = read(read_voc, tmp_path)
    assert track.video == "good.jpg"
    assert dict(report.counts) == {
        "garbled annotation": 1,
        "box without area": 1,
        "missing frame": 1,
    }
