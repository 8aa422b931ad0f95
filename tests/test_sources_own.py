"""Layouts for boxes of one's own: folders of frames, COCO, VOC, MOT, video files."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_samples import noise_frames, write_video
from source_trees import ROW, SIZE, read, write_frame, write_lines, xml_annotation, xml_object

from data_prep.sources import SOURCES, parse_source, parse_sources, read_source
from data_prep.sources.box_folders import read_box_folders
from data_prep.sources.coco import read_coco
from data_prep.sources.mot_folder import read_mot
from data_prep.sources.video_files import read_videos
from data_prep.sources.voc_folder import read_voc
from data_prep.tracks import Report, SourceError, VideoFrame

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


# Folders of frames with groundtruth.txt


def test_frames_without_the_object_are_no_problem(tmp_path):
    write_box_folder(tmp_path / "a/dog", ROW, ABSENT, ROW)
    (track,), report = read(read_box_folders, tmp_path)
    assert (track.video, track.name) == ("a/dog", "a/dog/groundtruth")
    assert track.numbers.tolist() == [0, 2]
    assert [frame.name for frame in track.frames] == ["000001.jpg", "000003.jpg"]
    assert not report.counts


def test_a_file_for_each_object_and_frames_in_img(tmp_path):
    write_box_folder(tmp_path / "street", ROW, img="img")
    (tmp_path / "street/groundtruth.txt").rename(tmp_path / "street/groundtruth.02.txt")
    write_lines(tmp_path / "street/groundtruth.01.txt", "5 6 7 8")
    tracks, _ = read(read_box_folders, tmp_path)
    assert [track.name for track in tracks] == ["street/groundtruth.01", "street/groundtruth.02"]
    assert [track.boxes.tolist() for track in tracks] == [[[5, 6, 7, 8]], [[10, 5, 20, 16]]]


def test_the_root_may_be_the_only_video(tmp_path):
    write_box_folder(tmp_path / "dog", ROW)
    (track,), _ = read(read_box_folders, tmp_path / "dog")
    assert track.video == "dog"


def test_unpadded_frame_numbers_are_read_as_numbers(tmp_path):
    for number in range(1, 12):
        write_frame(tmp_path / f"dog/{number}.png")
    write_lines(tmp_path / "dog/groundtruth.txt", *[ROW] * 11)
    (track,), _ = read(read_box_folders, tmp_path)
    assert [frame.stem for frame in track.frames] == [str(number) for number in range(1, 12)]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1,2,0,4", "box without area"),
        ("1,2,-3,4", "box without area"),
        ("nan,2,3,4", "box not finite"),
        ("1e39,2,3,4", "box not finite"),
        ("64,2,3,4", "box outside the frame"),
        ("-3,2,3,4", "box outside the frame"),
        ("1,2,3", "garbled row"),
        ("a,b,c,d", "garbled row"),
        ("", "garbled row"),
    ],
)
def test_a_box_at_fault_is_noted_and_its_neighbours_are_kept(tmp_path, row, problem):
    write_box_folder(tmp_path / "dog", ROW, row, ROW)
    (track,), report = read(read_box_folders, tmp_path)
    assert track.numbers.tolist() == [0, 2]
    assert dict(report.counts) == {problem: 1}
    assert "dog/groundtruth.txt, row 2" in report.examples[problem][0]


def test_frames_of_one_video_may_differ_in_size(tmp_path):
    write_box_folder(tmp_path / "dog", ROW, "90,5,20,16", "90,5,20,16")
    write_frame(tmp_path / "dog/000002.jpg", (128, 48))
    (track,), report = read(read_box_folders, tmp_path)
    assert track.numbers.tolist() == [0, 1]
    assert dict(report.counts) == {"box outside the frame": 1}


def test_a_missing_frame_does_not_shift_the_boxes_of_the_others(tmp_path):
    write_box_folder(tmp_path / "dog", *(f"{left},5,20,16" for left in range(5)))
    (tmp_path / "dog/000002.jpg").unlink()
    (track,), report = read(read_box_folders, tmp_path)
    assert [int(frame.stem) for frame in track.frames] == [1, 3, 4, 5]
    assert track.boxes[:, 0].tolist() == track.numbers.tolist() == [0, 2, 3, 4]
    assert dict(report.counts) == {"missing frame": 1}


@pytest.mark.parametrize(
    ("names", "rows"), [(["1.jpg", "2.jpg"], 1), (["a.jpg"], 2), (["5.jpg"], 2)]
)
def test_rows_that_cannot_be_matched_to_frames_leave_the_video_out(tmp_path, names, rows):
    write_box_folder(tmp_path / "cat", ROW)
    for name in names:
        write_frame(tmp_path / "dog" / name)
    write_lines(tmp_path / "dog/groundtruth.txt", *[ROW] * rows)
    (track,), report = read(read_box_folders, tmp_path)
    assert track.video == "cat"
    assert dict(report.counts) == {"rows do not fit the frames": 1}


def test_a_video_without_frames_is_noted(tmp_path):
    write_box_folder(tmp_path / "cat", ROW)
    write_lines(tmp_path / "dog/groundtruth.txt", ROW)
    tracks, report = read(read_box_folders, tmp_path)
    assert len(tracks) == 1
    assert dict(report.counts) == {"missing frames": 1}


# COCO


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


# PASCAL VOC


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


# MOTChallenge


def test_mot_counts_frames_and_pixels_from_one(tmp_path):
    write_mot(tmp_path / "MOT16-02", "1,2,11,6,20,16,1,1,1", "3,2,12,6,20,16,1,1,0.5")
    (track,), report = read(read_mot, tmp_path)
    assert (track.video, track.name, track.category) == ("MOT16-02", "MOT16-02#2", "pedestrian")
    assert track.numbers.tolist() == [0, 2]
    assert [frame.name for frame in track.frames] == ["000001.jpg", "000003.jpg"]
    assert track.boxes.tolist() == [[10, 5, 20, 16], [11, 5, 20, 16]]
    assert not report.counts


def test_mot_rows_in_any_order_become_a_track_for_each_target(tmp_path):
    rows = [f"{frame},{target},11,6,20,16,1,-1,-1,-1" for target in (10, 9) for frame in (2, 1)]
    write_mot(tmp_path, *rows, annotation="gt.txt")
    tracks, _ = read(read_mot, tmp_path)
    assert [track.name for track in tracks] == [f"{tmp_path.name}#{target}" for target in (9, 10)]
    assert all(track.numbers.tolist() == [0, 1] for track in tracks)
    assert all(track.category == "" for track in tracks)


def test_mot_targets_not_considered_or_hidden_are_absent(tmp_path):
    seen, ignored = "1,1,11,6,20,16,1,1,-1", "2,1,11,6,20,16,0,1,1"
    write_mot(tmp_path / "a", seen, ignored, "3,1,11,6,20,16,1,1,0.1")
    (track,), report = read(read_mot, tmp_path)
    assert track.numbers.tolist() == [0]
    assert not report.counts


def test_mot_seqinfo_tells_sizes_and_folder(tmp_path):
    write_mot(tmp_path / "a", "1,1,11,6,20,16", img="pictures")
    info = "[Sequence]", "name=a", "imDir=pictures", "imWidth=64", "imHeight=48"
    write_lines(tmp_path / "a/seqinfo.ini", *info)
    (track,), _ = read(read_mot, tmp_path)
    assert track.sizes.tolist() == [list(SIZE)]


def test_faults_of_mot_rows_are_noted(tmp_path):
    good = "1,1,11,6,20,16"
    faults = "4,1,11,6,20,16", "2,1,11,6,0,16", "2,3,65,6,20,16", "1,1,12,6,20,16", "2,1,x,6,2,1"
    write_mot(tmp_path / "a", good, *faults)
    write_mot(tmp_path / "b", good)
    write_lines(tmp_path / "b/seqinfo.ini", "imWidth=64")
    (tmp_path / "c/gt").mkdir(parents=True)
    (tmp_path / "c/gt/gt.txt").touch()
    tracks, report = read(read_mot, tmp_path)
    assert [track.boxes.tolist() for track in tracks] == [[[10, 5, 20, 16]]] * 2
    assert dict(report.counts) == {
        "missing frame": 1,
        "box without area": 1,
        "box outside the frame": 1,
        "target twice in a frame": 1,
        "garbled row": 1,
        "garbled annotation": 1,
        "missing frames": 1,
    }


# Video files


def test_a_video_with_a_row_for_each_frame(tmp_path):
    file = tmp_path / "run/dog.mp4"
    write_clip(file, ROW, ABSENT, ROW)
    (track,), report = read(read_videos, tmp_path)
    assert track.video == "run/dog.mp4"
    assert track.frames == (VideoFrame(file, 0), VideoFrame(file, 2))
    assert track.numbers.tolist() == [0, 2]
    assert track.sizes.tolist() == [list(SIZE)] * 2
    assert not report.counts


def test_faults_of_videos_are_noted(tmp_path):
    write_clip(tmp_path / "good.mkv", ROW, "1,2,0,4")
    write_clip(tmp_path / "long.mp4", ROW, frames=2)
    write_clip(tmp_path / "lonely.avi", ROW)
    (tmp_path / "lonely.txt").unlink()
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    write_lines(tmp_path / "broken.txt", ROW)
    (track,), report = read(read_videos, tmp_path)
    assert track.video == "good.mkv"
    assert dict(report.counts) == {
        "box without area": 1,
        "rows do not fit the frames": 1,
        "missing annotation": 1,
        "unreadable video": 1,
    }


# All of them


def own_trees(root):
    write_box_folder(root / "box_folders/a", ROW, ROW)
    write_box_folder(root / "box_folders/b", ROW)
    write_coco(root / "coco", [annotation(1), annotation(2, image=5)])
    for name in ("a", "b"):
        write_frame(root / f"voc/{name}.jpg")
        write_lines(root / f"voc/{name}.xml", xml_annotation(xml_object()))
        write_mot(root / "mot" / name, "1,1,11,6,20,16", "2,1,11,6,20,16")
        write_clip(root / f"videos/{name}.mkv", ROW, ROW)


OWN = ("box_folders", "coco", "voc", "mot", "videos")


def check_tracks(tracks):
    assert len({track.name for track in tracks}) == len(tracks)
    for track in tracks:
        n = len(track.frames)
        assert n and track.boxes.shape == (n, 4) and track.boxes.dtype == np.float32
        assert track.numbers.shape == (n,) and track.numbers.dtype == np.int32
        assert (np.diff(track.numbers) > 0).all()
        assert np.isfinite(track.boxes).all() and (track.boxes[:, 2:] > 0).all()


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("own")
    own_trees(root)
    return root


@pytest.mark.parametrize("kind", OWN)
def test_tracks_come_sorted_by_video_and_the_same_every_time(kind, trees):
    first, again = (read(SOURCES[kind], trees / kind)[0] for _ in range(2))
    check_tracks(first)
    videos = [track.video for track in first]
    assert videos == sorted(videos) and len(set(videos)) == 2
    assert [track.name for track in first] == [track.name for track in again]


GARBAGE = st.binary(max_size=12) | st.text("0123456789.,-naif\n ", max_size=12).map(str.encode)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(["box_folders", "voc", "mot", "videos"]))
def test_whatever_an_annotation_holds_only_valid_tracks_come_out(trees, data, kind):
    folder = trees / kind
    file = next(path for path in sorted(folder.rglob("*")) if path.suffix in (".txt", ".xml"))
    content = file.read_bytes()
    keep = data.draw(st.integers(0, len(content)))
    file.write_bytes(content[:keep] + data.draw(GARBAGE) + content[keep:])
    try:
        tracks, _ = read(SOURCES[kind], folder)
    finally:
        file.write_bytes(content)
    check_tracks(tracks)
    assert tracks


@pytest.mark.parametrize("kind", OWN)
def test_a_root_of_another_layout_is_named(kind, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "gone"):
        with pytest.raises(SourceError, match=name):
            next(read_source(parse_source(f"{kind}:{tmp_path / name}"), Report()))


# What command lines say


def test_a_source_is_given_as_kind_and_root_or_with_a_label():
    spec = parse_source("got10k:data/x=y:z")
    assert (spec.label, spec.kind, str(spec.root)) == ("got10k", "got10k", "data/x=y:z")
    spec = parse_source("my-clips=videos:~/clips")
    assert (spec.label, spec.kind, spec.root.is_absolute()) == ("my-clips", "videos", True)


@pytest.mark.parametrize("text", ["", "coco", "coco:", "cocoa:data", "=coco:data", "a,b=coco:data"])
def test_a_wrong_source_is_answered_with_the_kinds_there_are(text):
    with pytest.raises(SourceError, match="imagenet_vid, .*, videos"):
        parse_source(text)


def test_two_sources_need_two_labels():
    assert len(parse_sources(["coco:a", "more=coco:b"])) == 2
    with pytest.raises(SourceError, match="two sources are called coco"):
        parse_sources(["coco:a", "coco:b"])
    with pytest.raises(SourceError, match="no source"):
        parse_sources([])


@pytest.mark.parametrize(
    ("source", "tracks"), [("coco:stills", 1592), ("box_folders:.", 58), ("box_folders:davis", 20)]
)
def test_real_data_has_no_faults(shared_data, source, tracks):
    kind, folder = source.split(":")
    found, report = read(SOURCES[kind], shared_data / "train" / folder)
    assert len(found) == tracks
    assert not report.counts
