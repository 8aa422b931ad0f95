import numpy as np
import pytest
from evaluation_trees import SIZE, boxes, pysot_entry, write_frames, write_json

from siamfc_jax.evaluation.benchmarks.completeness import missing
from siamfc_jax.evaluation.benchmarks.dataset_json import read_dataset_json
from siamfc_jax.evaluation.sequences import SequenceError


def test_pysots_format_of_otb(tmp_path):
    entry = pysot_entry(rows=[(198, 214, 34, 81), (197, 214, 34, 81)])
    (sequence,) = read_dataset_json(write_json(tmp_path / "OTB100.json", {"Basketball": entry}))
    assert sequence.name == "Basketball" and sequence.frames == ()
    assert sequence.truth.tolist() == [[198, 214, 34, 81], [197, 214, 34, 81]]
    assert sequence.first_pixel == 1 and sequence.boxes[0].tolist() == [197, 213, 34, 81]
    assert "OCC" in sequence.attributes and sequence.omitted[0] == (8, 27)


def test_the_other_format_of_otb(tmp_path):
    names = ["0300.jpg", "0301.jpg", "0302.jpg"]
    entry = {"name": "David", "image_files": names, "gt_rect": boxes(3).tolist()}
    file = write_json(tmp_path / "OTB2015.json", {"david": entry})
    (sequence,) = read_dataset_json(file, tmp_path)
    assert sequence.name == "David" and sequence.first_frame == 300
    assert sequence.frames[0] == tmp_path / "David/img/0300.jpg"


def test_frames_lie_below_the_given_folder(tmp_path):
    write_frames(tmp_path / "Basketball/img", [1, 2], 4)
    file = write_json(tmp_path / "OTB100.json", {"Basketball": pysot_entry()})
    report = missing(read_dataset_json(file, tmp_path))
    assert report.frames == {"Basketball": (tmp_path / "Basketball/img/0003.jpg",)}


@pytest.mark.parametrize(("first", "rows"), [(6, 349), (1, 354)])
def test_of_tiger1_otbs_349_frames_are_evaluated(tmp_path, first, rows):
    truth = boxes(354)[first - 1 :]
    entry = pysot_entry("Tiger1", truth.tolist(), first=first)
    unnamed = {"name": "Tiger1", "gt_rect": truth.tolist()}
    for content in (entry, unnamed):
        (sequence,) = read_dataset_json(write_json(tmp_path / "a.json", {"Tiger1": content}))
        assert sequence.first_frame == 6 and sequence.truth.tolist() == boxes(354)[5:].tolist()
        assert (sequence.omitted_truth is not None) == (rows == 354)


def test_frames_are_as_large_as_the_first_one_that_is_at_hand(tmp_path):
    write_frames(tmp_path / "a/img", [1], 4)
    entries = {"a": pysot_entry("a"), "b": pysot_entry("b")}
    found = read_dataset_json(write_json(tmp_path / "x.json", entries), tmp_path)
    assert [sequence.size for sequence in found] == [SIZE, None]


def test_a_damaged_entry_stops_no_other(tmp_path):
    entries = {"jogging-1": {"gt_rect": "no"}, "Dog": pysot_entry("Dog")}
    damaged = {}
    found = read_dataset_json(write_json(tmp_path / "a.json", entries), damaged=damaged)
    assert [sequence.name for sequence in found] == ["Dog"]
    assert list(damaged) == ["Jogging-1"] and "gt_rect" in damaged["Jogging-1"]


def test_of_lists_of_differing_lengths_the_shortest_counts(tmp_path):
    entry = pysot_entry("Tiger1", boxes(349).tolist(), first=6)
    entry["gt_rect"] = entry["gt_rect"][:346]
    sequences = read_dataset_json(write_json(tmp_path / "a.json", {"Tiger1": entry}), tmp_path)
    assert len(sequences[0].frames) == len(sequences[0].truth) == 346
    assert missing(sequences).lengths == {"Tiger1": (346, 349)}


def test_absent_says_the_opposite_in_lasots_file(tmp_path):
    attributes = ["Partial Occlusion", "Aspect Ration Change", "Something New"]
    entry = pysot_entry("airplane-1", absent=[1, 0, 1], attr=attributes)
    (sequence,) = read_dataset_json(write_json(tmp_path / "LaSOT.json", {"airplane-1": entry}))
    assert sequence.visible.tolist() == [True, False, True]
    assert sequence.attributes == {"POC", "ARC", "Something New"}


def test_names_are_otbs_only_where_all_are(tmp_path):
    entries = {name: pysot_entry(name) for name in ("car1", "bike1")}
    names = [s.name for s in read_dataset_json(write_json(tmp_path / "UAV123.json", entries))]
    assert names == ["car1", "bike1"]


def test_nan_and_null_attributes_are_read(tmp_path):
    entry = pysot_entry("GOT-10k_Val_000001", [[1, 2, 3, 4], [float("nan")] * 4], attr=None)
    (sequence,) = read_dataset_json(
        write_json(tmp_path / "GOT-10k.json", {entry["video_dir"]: entry})
    )
    assert np.isnan(sequence.truth[1]).all() and sequence.visible is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"gt_rect": [[1, 2, 3]]}, "gt_rect is not rows of x, y, w, h"),
        ({"gt_rect": []}, "gt_rect is not rows of x, y, w, h"),
        ({"gt_rect": [[1, 2, 3, 4], [1]]}, "gt_rect is not rows of numbers"),
        ({"gt_rect": [[1, 2] * 4]}, "holds polygons; read VOT from its own folders"),
        ({"img_names": [1, 2, 3]}, "image names are not a list of names"),
        ({"attr": "OCC"}, "attr is not a list"),
        ({"absent": [1]}, "absent is not 3 flags"),
    ],
)
def test_a_garbled_entry_is_named(tmp_path, change, problem):
    file = write_json(tmp_path / "a.json", {"bike1": pysot_entry("bike1") | change})
    with pytest.raises(SequenceError, match=rf"a.json, bike1: .*{problem}"):
        read_dataset_json(file)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"Dog": {', "is no JSON"),
        ("[1, 2]", "is no JSON of sequences by name"),
        ("{}", "is no JSON of sequences by name"),
        ('{"Dog": 3}', "Dog: is no description of a sequence"),
        ('{"Dog": {}}', "Dog: has no gt_rect"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, text, problem):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SequenceError, match=problem) as caught:
        read_dataset_json(tmp_path / "a.json")
    assert "\n" not in str(caught.value)
