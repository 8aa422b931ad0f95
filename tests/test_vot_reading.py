import json

import numpy as np
import pytest
from PIL import Image

from siamfc_jax.evaluation.benchmarks.vot import read_regions, read_vot
from siamfc_jax.evaluation.benchmarks.vot_json import read_vot_json
from siamfc_jax.evaluation.sequences import SequenceError

ROWS = ["10,20,30,15", "10.5,20,40,20,40,30,10.5,30", "nan,nan,nan,nan"]


def write_vot(root, name, rows=ROWS, images="color", listed=True, **files):
    """A sequence folder; `files`: content by name with _ for the dot."""
    folder = root / name
    (folder / images).mkdir(parents=True)
    for number in range(1, len(rows) + 1):
        Image.new("RGB", (64, 48)).save(folder / images / f"{number:08d}.jpg")
    (folder / "groundtruth.txt").write_text("".join(row + "\n" for row in rows))
    for file, content in files.items():
        (folder / file.replace("_tag", ".tag").replace("_label", ".label")).write_text(content)
    if listed:
        with (root / "list.txt").open("a") as stream:
            stream.write(f"{name}\n")
    return folder


@pytest.mark.parametrize("images", ["", "color"])
def test_frames_lie_in_the_folder_or_in_color(tmp_path, images):
    folder = write_vot(tmp_path, "bag", images=images)
    (bag,) = read_vot(tmp_path)
    assert bag.frames == tuple(folder / images / f"{n:08d}.jpg" for n in (1, 2, 3))
    assert (bag.name, bag.size) == ("bag", (64, 48))


def test_rectangles_polygons_and_unknown_regions(tmp_path):
    write_vot(tmp_path, "bag", ["1,2,3,4", "1,2,3,4,5,6", "NaN,NaN,NaN,NaN", "0", "nan"])
    (bag,) = read_vot(tmp_path)
    assert [len(region) for region in bag.truth] == [4, 6, 4, 4, 4]
    assert bag.truth[1].tolist() == [1, 2, 3, 4, 5, 6] and bag.truth[0].dtype == np.float64
    assert [bool(np.isnan(region).all()) for region in bag.truth] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_the_order_is_that_of_the_list_or_without_one_of_the_names(tmp_path):
    for name in ("tiger", "ants", "bag"):
        write_vot(tmp_path, name)
    assert [one.name for one in read_vot(tmp_path)] == ["tiger", "ants", "bag"]
    (tmp_path / "list.txt").unlink()
    assert [one.name for one in read_vot(tmp_path)] == ["ants", "bag", "tiger"]


def test_a_workspace_of_the_toolkit_and_a_single_sequence_are_roots_too(tmp_path):
    folder = write_vot(tmp_path / "sequences", "bag")
    assert [one.name for one in read_vot(tmp_path)] == ["bag"]
    assert [one.name for one in read_vot(folder)] == ["bag"]


def test_tags_may_be_shorter_than_the_sequence_longer_or_empty(tmp_path):
    blur = "0\n1\n1\n1\n1\n"
    write_vot(tmp_path, "bag", occlusion_tag="1\n", blur_label=blur, empty_tag="", blank_tag="\n")
    tags = {name: tag.tolist() for name, tag in read_vot(tmp_path)[0].tags.items()}
    expected = {"occlusion": [True, False, False], "blur": [False, True, True]}
    assert tags == {**expected, "empty": [False] * 3, "blank": [False] * 3}


def test_metadata_give_name_rate_and_pattern(tmp_path):
    text = "name=Bag\nfps=25\nchannels.color=rgb\\f%03d.png\n"
    folder = write_vot(tmp_path, "bag", sequence=text)
    (folder / "rgb").mkdir()
    for number in (1, 2, 3):
        Image.new("RGB", (64, 48)).save(folder / f"rgb/f{number:03d}.png")
    (bag,) = read_vot(tmp_path)
    assert (bag.name, bag.frames_per_second) == ("Bag", 25)
    assert bag.frames[2] == folder / "rgb/f003.png"


def test_a_channel_may_be_given_as_a_folder(tmp_path):
    folder = write_vot(tmp_path, "bag", images="rgb", sequence="channels.color=rgb/\n")
    assert read_vot(tmp_path)[0].frames[0] == folder / "rgb/00000001.jpg"


def test_annotation_alone_needs_a_size_from_the_metadata(tmp_path):
    folder = write_vot(tmp_path, "bag")
    for image in (folder / "color").iterdir():
        image.unlink()
    with pytest.raises(SequenceError, match=r"00000001.jpg: missing, .* write width="):
        read_vot(tmp_path, with_frames=False)
    (folder / "sequence").write_text("width=640\nheight=480\n")
    (bag,) = read_vot(tmp_path, with_frames=False)
    assert (bag.size, bag.frames, len(bag.truth)) == ((640, 480), (), 3)
    with pytest.raises(SequenceError, match="3 of bag's 3 frames"):
        read_vot(tmp_path)


def test_frames_may_be_taken_only_where_all_are_there(tmp_path):
    for name in ("ants", "bag"):
        write_vot(tmp_path, name)
    (tmp_path / "ants/color/00000003.jpg").unlink()
    ants, bag = read_vot(tmp_path, with_frames=None)
    assert (len(ants.frames), len(bag.frames)) == (0, 3)
    file = pysot_json(tmp_path, "ants")
    assert read_vot_json(file, tmp_path, with_frames=None)[0].frames == ()
    damaged = {}
    assert read_vot_json(file, tmp_path, damaged=damaged) == [] and "ants" in damaged


def test_everything_that_is_missing_is_named_at_once(tmp_path):
    for name in ("ants", "bag", "car", "dog"):
        write_vot(tmp_path, name)
    (tmp_path / "ants/color/00000002.jpg").unlink()
    (tmp_path / "bag/groundtruth.txt").unlink()
    with (tmp_path / "list.txt").open("a") as stream:
        stream.write("gone\n")
    damaged = {}
    assert [one.name for one in read_vot(tmp_path, damaged=damaged)] == ["car", "dog"]
    assert list(damaged) == ["ants", "bag", "gone"]
    ants, bag, gone = damaged.values()
    assert "00000002.jpg: missing; 1 of ants's 3 frames" in ants
    assert "bag/groundtruth.txt: missing" in bag
    assert "gone: missing, but list.txt names it" in gone
    with pytest.raises(SequenceError, match=r"00000002.jpg: missing.*; 2 more sequences have"):
        read_vot(tmp_path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,2,3", "line 2: a region has 1 .* not 3"),
        ("1,2,x,4", "line 2: not numbers"),
        ("m3,4,5,6,7", "line 2: not numbers .masks are not supported"),
        ("1,2,inf,4", "line 2: a region with an infinite number"),
        ("", "line 2: not numbers"),
    ],
)
def test_a_line_that_is_no_region_is_named(tmp_path, row, said):
    file = tmp_path / "groundtruth.txt"
    file.write_text(f"1,2,3,4\n{row}\n1,2,3,4\n")
    with pytest.raises(SequenceError, match=f"groundtruth.txt, {said}"):
        read_regions(file)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("occlusion_tag", "0\nx\n", "occlusion.tag: holds more than 0 and 1"),
        ("sequence", "fps=fast\n", "fps=fast is no number"),
        ("sequence", "channels.color=color/frame.jpg\n", "has no frame number"),
        ("sequence", "channels.color=%s/%08d.jpg\n", "has no frame number"),
        ("sequence", "name=../x\n", "no file can be called so"),
        ("groundtruth.txt", "", "groundtruth.txt: is empty"),
        ("color/00000001.jpg", "no image", "00000001.jpg: not a readable image"),
    ],
)
def test_broken_files_are_named(tmp_path, file, content, said):
    write_vot(tmp_path, "bag", **{file: content})
    with pytest.raises(SequenceError, match=said):
        read_vot(tmp_path)


@pytest.mark.parametrize("root", [".", "nowhere"])
def test_a_folder_without_sequences_is_named(tmp_path, root):
    with pytest.raises(SequenceError, match=r"is this VOT's folder|no such folder"):
        read_vot(tmp_path / root)


def test_ball2_of_vot2015(shared_data):
    (ball,) = read_vot(shared_data / "vot")
    assert (ball.name, len(ball.frames), len(ball.truth)) == ("ball2", 41, 41)
    assert {len(region) for region in ball.truth} == {8}
    assert sorted(ball.tags) == [
        "camera_motion", "illum_change", "motion_change", "occlusion", "size_change",
    ]  # fmt: skip
    assert ball.tags["motion_change"].sum() == 23


def pysot_json(folder, name="bag", **changes):
    video = {
        "video_dir": name,
        "init_rect": [10, 20, 40, 20, 40, 30, 10, 30],
        "img_names": [f"color/{number:08d}.jpg" for number in (1, 2, 3)],
        "gt_rect": [[10, 20, 30, 15], [10, 20, 40, 20, 40, 30, 10, 30], [0]],
        "camera_motion": [1, 0, 1],
        "illum_change": [],
    } | changes
    file = folder / "VOT2018.json"
    file.write_text(json.dumps({name: video}))
    return file


@pytest.mark.parametrize("prefix", ["", "bag/"])
def test_pysots_file_beside_the_images(tmp_path, prefix):
    folder = write_vot(tmp_path, "bag")
    names = [f"{prefix}color/{number:08d}.jpg" for number in (1, 2, 3)]
    (bag,) = read_vot_json(pysot_json(tmp_path, img_names=names), tmp_path)
    assert bag.frames[0] == folder / "color/00000001.jpg" and bag.size == (64, 48)
    assert [len(region) for region in bag.truth] == [4, 8, 4] and np.isnan(bag.truth[2]).all()
    assert {tag: marked.tolist() for tag, marked in bag.tags.items()} == {
        "camera_motion": [True, False, True]
    }


def test_pysots_file_alone_needs_sizes(tmp_path):
    file = pysot_json(tmp_path)
    (bag,) = read_vot_json(file, sizes={"bag": (640, 480)})
    assert (bag.size, bag.frames) == ((640, 480), ())
    with pytest.raises(SequenceError, match="does not tell the size of bag's frames; give"):
        read_vot_json(file)


def test_pysots_file_names_what_is_wrong(tmp_path):
    write_vot(tmp_path, "bag")
    (tmp_path / "bag/color/00000003.jpg").unlink()
    with pytest.raises(SequenceError, match=r"00000003.jpg: missing; 1 of bag's 3"):
        read_vot_json(pysot_json(tmp_path), tmp_path)
    with pytest.raises(SequenceError, match="VOT2018.json: bag: a region has"):
        read_vot_json(pysot_json(tmp_path, gt_rect=[[1, 2]]), sizes={"bag": (1, 1)})
    for content in ("[]", "{", '{"bag": {}}', '{"bag": 3}'):
        (tmp_path / "VOT2018.json").write_text(content)
        with pytest.raises(SequenceError, match=r"VOT2018.json: not VOT's annotation"):
            read_vot_json(tmp_path / "VOT2018.json")


def test_a_sequence_is_listed_once(tmp_path):
    write_vot(tmp_path, "bag")
    (tmp_path / "list.txt").write_text("bag\nbag\n")
    with pytest.raises(SequenceError, match="list.txt: names bag more than once"):
        read_vot(tmp_path)


def test_a_deeply_nested_file_is_no_annotation(tmp_path):
    (tmp_path / "VOT2018.json").write_text("[" * 100_000)
    with pytest.raises(SequenceError, match="VOT2018.json: not VOT's annotation"):
        read_vot_json(tmp_path / "VOT2018.json")
