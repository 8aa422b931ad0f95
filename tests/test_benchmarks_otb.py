import json

import numpy as np
import pytest
from evaluation_trees import boxes, write_otb, write_rows
from PIL import Image

from siamfc_jax.evaluation.benchmarks.otb import canonical_name, read_otb
from siamfc_jax.evaluation.benchmarks.otb_facts import otb_facts
from siamfc_jax.evaluation.benchmarks.subsets import list_names
from siamfc_jax.evaluation.sequences import SequenceError, read_frame


def file_names(sequence):
    return [path.name for path in sequence.frames]


def test_truth_keeps_the_files_numbers_and_boxes_count_from_zero(tmp_path):
    write_otb(tmp_path, "Dog", [(1, 11, 5, 6), (2, 12, 5, 6)])
    (dog,) = read_otb(tmp_path)
    assert dog.truth.tolist() == [[1, 11, 5, 6], [2, 12, 5, 6]]
    assert dog.truth.dtype == np.float64 and dog.first_pixel == 1
    assert dog.boxes.tolist() == [[0, 10, 5, 6], [1, 11, 5, 6]]
    assert read_frame(dog.frames[1]).shape == (48, 64, 3)


@pytest.mark.parametrize("separator", [",", "\t", " ", ", ", ",\t"])
def test_any_separator_will_do(tmp_path, separator):
    write_otb(tmp_path, "Dog", boxes(3), separator=separator)
    assert read_otb(tmp_path)[0].truth.tolist() == boxes(3).tolist()


def test_separators_may_be_mixed_within_a_file(tmp_path):
    folder = write_otb(tmp_path, "BlurCar1", boxes(2), first=247)
    (folder / "groundtruth_rect.txt").write_text("2\t5 9,7\r\n3,5,9 7\r\n\r\n")
    assert read_otb(tmp_path)[0].truth.tolist() == boxes(2).tolist()


@pytest.mark.parametrize(
    ("name", "first"), [("David", 300), ("BlurCar1", 247), ("BlurCar3", 3), ("BlurCar4", 18)]
)
def test_the_first_row_belongs_to_the_first_frame_of_the_benchmarks_span(tmp_path, name, first):
    write_otb(tmp_path, name, boxes(2), images=first + 9)
    (sequence,) = read_otb(tmp_path)
    assert file_names(sequence) == [f"{first:04d}.jpg", f"{first + 1:04d}.jpg"]
    assert sequence.first_frame == first


@pytest.mark.parametrize(
    ("name", "length"), [("Football1", 74), ("Freeman4", 283), ("Diving", 215)]
)
def test_annotation_beyond_the_benchmarks_span_is_cut_off(tmp_path, name, length):
    write_otb(tmp_path, name, boxes(length + 5), images=0)
    assert len(read_otb(tmp_path)[0].truth) == length


def test_a_folder_longer_than_its_annotation_is_evaluated_as_far_as_it_is_annotated(tmp_path):
    write_otb(tmp_path, "Football1", boxes(2), images=5)
    assert file_names(read_otb(tmp_path)[0]) == ["0001.jpg", "0002.jpg"]


def test_board_has_five_digits_also_where_frames_are_missing(tmp_path):
    folder = write_otb(tmp_path, "Board", boxes(2), digits=5)
    (folder / "img/00002.jpg").unlink()
    assert file_names(read_otb(tmp_path)[0]) == ["00001.jpg", "00002.jpg"]


def test_images_of_another_suffix_are_found_by_number(tmp_path):
    folder = write_otb(tmp_path, "KiteSurf", boxes(1))
    (folder / "img/0001.jpg").rename(folder / "img/0001.png")
    assert file_names(read_otb(tmp_path)[0]) == ["0001.png"]


def test_tiger1_begins_at_its_sixth_frame(tmp_path):
    write_otb(tmp_path, "Tiger1", boxes(354), images=7)
    (tiger,) = read_otb(tmp_path)
    assert tiger.frames[0].name == "0006.jpg" and tiger.first_frame == 6
    assert len(tiger.truth) == len(tiger.frames) == 349
    assert tiger.truth[0].tolist() == boxes(6)[5].tolist()
    assert tiger.omitted[:2] == ((1, 5), (9, 15))
    assert tiger.omitted_truth.tolist() == boxes(5).tolist()


def test_a_folder_with_two_targets_is_two_sequences(tmp_path):
    for folder in ("Jogging", "skating2"):
        for target in (1, 2):
            write_otb(tmp_path, folder, boxes(target), file=f"groundtruth_rect.{target}.txt")
    names = [(sequence.name, len(sequence.truth)) for sequence in read_otb(tmp_path)]
    assert names == [("Jogging-1", 1), ("Jogging-2", 2), ("Skating2-1", 1), ("Skating2-2", 2)]


def test_a_folder_of_one_of_two_targets_gives_this_one(tmp_path):
    for target in (1, 2):
        write_otb(tmp_path, "Jogging-2", boxes(target), file=f"groundtruth_rect.{target}.txt")
    assert [(s.name, len(s.truth)) for s in read_otb(tmp_path)] == [("Jogging-2", 2)]


@pytest.mark.parametrize("folder", ["Human4", "human4", "Human4-2"])
def test_of_human4_only_the_second_target_is_evaluated(tmp_path, folder):
    write_otb(tmp_path, folder, boxes(2), file="groundtruth_rect.2.txt")
    (tmp_path / folder / "groundtruth_rect.1.txt").write_text("")
    (human,) = read_otb(tmp_path)
    assert human.name == "Human4-2" and len(human.frames) == 2


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("basketball", "Basketball"),
        ("fleetface", "FleetFace"),
        ("jogging_1", "Jogging-1"),
        ("Jogging.2", "Jogging-2"),
        ("Skating2.1", "Skating2-1"),
        ("skating2_2", "Skating2-2"),
        ("human4_2", "Human4-2"),
        ("Human4", "Human4-2"),
        ("David", "David"),
        ("bird-1", "bird-1"),
        ("Mine", "Mine"),
    ],
)
def test_every_known_spelling_has_one_canonical_name(spelling, name):
    assert canonical_name(spelling) == name


def test_old_spellings_of_folders_are_found(tmp_path):
    write_otb(tmp_path, "fleetface")
    (sequence,) = read_otb(tmp_path)
    assert sequence.name == "FleetFace" and sequence.frames[0].parent.parent.name == "fleetface"
    assert "IPR" in sequence.attributes


@pytest.mark.parametrize("nesting", ["OTB100", "OTB100/Dog", "a/b"])
def test_folders_may_lie_deeper_as_archives_unpack(tmp_path, nesting):
    write_otb(tmp_path / nesting, "Dog")
    assert [sequence.name for sequence in read_otb(tmp_path)] == ["Dog"]


def test_a_sequences_own_folder_can_be_given(tmp_path):
    assert len(read_otb(write_otb(tmp_path, "Dog"))) == 1


def test_the_matlab_toolkits_annotation_alone_is_read(tmp_path):
    write_rows(tmp_path / "anno/jogging.1.txt", boxes(3))
    write_rows(tmp_path / "anno/Dog.txt", boxes(4))
    write_rows(tmp_path / "anno/readme.txt", [])
    sequences = read_otb(tmp_path)
    assert [(s.name, len(s.truth), s.frames) for s in sequences] == [
        ("Dog", 4, ()),
        ("Jogging-1", 3, ()),
    ]


def test_the_matlab_toolkits_other_files_of_that_name_are_no_annotation(tmp_path):
    """anno/ of tracker_benchmark_v1.0 and its root."""
    for name in ("Dog", "tiger1"):
        write_rows(tmp_path / f"anno/{name}.txt", boxes(9))
        write_rows(tmp_path / f"anno/att/{name}.txt", [[0] * 11])
        write_rows(tmp_path / f"results/ATOM/{name}.txt", boxes(9, step=2))
    write_rows(tmp_path / "initOmit/tiger1.txt", [[1, 5]])
    for root in (tmp_path, tmp_path / "anno"):
        assert [(s.name, len(s.truth)) for s in read_otb(root)] == [("Dog", 9), ("Tiger1", 4)]
    write_otb(tmp_path / "data", "Dog", boxes(5))
    assert [(s.name, len(s.truth)) for s in read_otb(tmp_path)] == [("Dog", 5)]


def test_a_damaged_annotation_stops_no_other_sequence(tmp_path):
    write_otb(tmp_path, "Car1")
    file = write_otb(tmp_path, "Dog") / "groundtruth_rect.txt"
    file.write_text("")
    damaged = {}
    assert [sequence.name for sequence in read_otb(tmp_path, damaged=damaged)] == ["Car1"]
    assert damaged == {"Dog": f"{file}: is empty; fetch it again"}


def test_without_images_or_on_request_there_are_no_frames(tmp_path):
    write_otb(tmp_path, "Dog", images=0)
    assert read_otb(tmp_path)[0].frames == ()
    write_otb(tmp_path, "Dog")
    assert len(read_otb(tmp_path)[0].frames) == 3
    assert read_otb(tmp_path, with_frames=False)[0].frames == ()


def test_a_sequence_that_otb_does_not_know_is_read_from_frame_1(tmp_path):
    write_otb(tmp_path, "Mine", boxes(2), digits=6)
    (mine,) = read_otb(tmp_path)
    assert file_names(mine) == ["000001.jpg", "000002.jpg"]
    assert (mine.attributes, mine.omitted) == (frozenset(), ())


def test_the_same_sequence_twice_is_read_once_if_the_copies_agree(tmp_path):
    write_otb(tmp_path / "OTB50", "Dog", images=0)
    write_otb(tmp_path / "OTB100", "Dog")
    write_otb(tmp_path / "old", "Dog", images=0)
    (dog,) = read_otb(tmp_path)
    assert len(dog.frames) == 3
    write_otb(tmp_path / "old", "Dog", boxes(5))
    with pytest.raises(SequenceError, match=r"old/Dog.*Dog again, but not as in .*OTB100"):
        read_otb(tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("1,2,3\n", "rows of 3 numbers"),
        ("1,2,3,4\n1,2,3\n", "columns changed from 4 to 3 at row 2"),
        ("1,2,3,four\n", "could not convert string 'four'"),
        ("1,2,inf,4\n", "an infinite number"),
        (b"\xff\xd8\xff", "is no text"),
    ],
)
def test_a_garbled_annotation_is_named(tmp_path, text, problem):
    file = write_otb(tmp_path, "Dog") / "groundtruth_rect.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SequenceError, match=rf"Dog/groundtruth_rect.txt: .*{problem}") as caught:
        read_otb(tmp_path)
    assert "\n" not in str(caught.value)


def test_annotation_that_ends_before_the_first_evaluated_frame_is_refused(tmp_path):
    write_otb(tmp_path, "Tiger1", boxes(5), images=0)
    with pytest.raises(SequenceError, match="ends before the first evaluated frame of Tiger1"):
        read_otb(tmp_path)


def test_a_folder_without_sequences_is_refused(tmp_path):
    with pytest.raises(SequenceError, match="no groundtruth_rect.txt"):
        read_otb(tmp_path)
    with pytest.raises(SequenceError, match="no such folder"):
        read_otb(tmp_path / "gone")


def test_nan_in_the_annotation_is_kept_for_the_metrics_to_judge(tmp_path):
    write_otb(tmp_path, "Dog", [(1, 1, 5, 6), (np.nan,) * 4])
    assert np.isnan(read_otb(tmp_path)[0].truth[1]).all()


# Of OTB-100, OTB-50 and OTB-2013, in attr_list.txt.
COUNTS = {
    "IV": (38, 22, 25),
    "SV": (65, 38, 28),
    "OCC": (49, 29, 29),
    "DEF": (44, 23, 19),
    "MB": (31, 20, 12),
    "FM": (43, 27, 18),
    "IPR": (51, 29, 31),
    "OPR": (64, 32, 40),
    "OV": (14, 11, 6),
    "BC": (32, 20, 22),
    "LR": (10, 10, 4),
}


@pytest.mark.parametrize("attribute", COUNTS)
def test_attributes_are_as_frequent_as_published(attribute):
    facts = otb_facts()
    counts = tuple(
        sum(attribute in facts[name].attributes for name in list_names(list_name))
        for list_name in ("OTB-100", "OTB-50", "OTB-2013")
    )
    assert counts == COUNTS[attribute]


@pytest.mark.parametrize(
    ("list_name", "sequences", "frames"),
    [("OTB-100", 100, 59_035), ("OTB-50", 50, 26_972), ("OTB-2013", 51, 29_486)],
)
def test_lists_have_the_published_numbers_of_sequences_and_frames(list_name, sequences, frames):
    """Tiger1, in OTB-100 and OTB-2013, is published with the 5 frames that are not evaluated."""
    names = list_names(list_name)
    assert len(names) == sequences
    assert sum(otb_facts()[name].length for name in names) == frames


def test_the_table_of_facts_equals_what_was_collected_from_the_toolkits(shared_golden):
    collected = json.loads((shared_golden / "otb/otb100_meta_gt.json").read_text())
    assert list(otb_facts()) == list(collected)
    for name, facts in otb_facts().items():
        entry = collected[name]
        assert (facts.first, facts.last, facts.digits) == (
            entry["start"],
            entry["end"],
            entry["nz"],
        )
        assert facts.attributes == frozenset(entry["attr"])
        assert facts.omitted == tuple(map(tuple, entry["init_omit"]))
        assert facts.length == len(entry["gt"]) - facts.skipped
        lists = {"OTB-100", *["OTB-50"] * entry["otb50"], *["OTB-2013"] * entry["otb2013"]}
        assert facts.lists == lists


def test_real_sequences_have_the_collected_annotation(shared_data, shared_golden):
    collected = json.loads((shared_golden / "otb/otb100_meta_gt.json").read_text())
    sequences = read_otb(shared_data / "otb")
    assert len(sequences) == 12
    for sequence in sequences:
        assert sequence.truth.tolist() == collected[sequence.name]["gt"]
        assert len(sequence.frames) == len(sequence.truth)
        assert sequence.frames[-1].exists()


def test_a_tracker_may_draw_on_a_frame(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "1.png")
    assert read_frame(tmp_path / "1.png").flags.writeable
