import numpy as np
import pytest
from evaluation_trees import boxes, write_lasot, write_lasot_annos, write_rows

from siamfc_jax.evaluation.benchmarks.lasot import LASOT_ATTRIBUTES, lasot_test_names, read_lasot
from siamfc_jax.evaluation.sequences import SequenceError


@pytest.mark.parametrize("flat", [False, True])
def test_sequences_are_read_from_categories_or_side_by_side(tmp_path, flat):
    for name in ("bird-15", "bird-2", "airplane-1"):
        write_lasot(tmp_path, name, flat=flat)
    sequences = read_lasot(tmp_path)
    assert [sequence.name for sequence in sequences] == ["airplane-1", "bird-2", "bird-15"]
    assert sequences[0].truth.tolist() == boxes(3).tolist() and sequences[0].first_pixel == 1
    assert [path.name for path in sequences[0].frames][1:] == ["00000002.jpg", "00000003.jpg"]
    assert sequences[0].frames[0].exists()


def test_training_sequences_are_read_on_request_only(tmp_path):
    for name in ("airplane-1", "airplane-2"):
        write_lasot(tmp_path, name)
    assert [sequence.name for sequence in read_lasot(tmp_path)] == ["airplane-1"]
    names = [sequence.name for sequence in read_lasot(tmp_path, subset="all")]
    assert names == ["airplane-1", "airplane-2"]


def test_a_target_is_absent_where_it_is_fully_occluded_or_out_of_view(tmp_path):
    write_lasot(tmp_path, rows=boxes(4), occluded=[1], unseen=[1, 3])
    assert read_lasot(tmp_path)[0].visible.tolist() == [True, False, True, False]


def test_rows_without_area_are_kept_as_they_are(tmp_path):
    write_lasot(tmp_path, rows=[(1, 2, 3, 4), (0, 0, 0, 0)])
    assert read_lasot(tmp_path)[0].truth[1].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("inside", ["", "annos"])
def test_the_toolkits_annotation_is_read_without_frames(tmp_path, inside):
    flags = "10000000010001"
    write_lasot_annos(tmp_path / inside, absent=[2], attributes=flags)
    (sequence,) = read_lasot(tmp_path)
    assert sequence.frames == () and sequence.truth.tolist() == boxes(3).tolist()
    assert sequence.visible.tolist() == [True, True, False]
    assert sequence.attributes == {"IV", "FOC", "ARC"}


def test_the_toolkits_annotation_may_add_attributes_and_absence_to_the_data(tmp_path):
    write_lasot(tmp_path / "data", occluded=[0, 1])
    write_lasot_annos(tmp_path / "annos", absent=[2], attributes="01" + "0" * 12)
    (sequence,) = read_lasot(tmp_path / "data", annos=tmp_path / "annos")
    assert len(sequence.frames) == 3 and sequence.attributes == {"POC"}
    assert sequence.visible.tolist() == [True, True, False]


def test_frames_are_left_out_on_request_or_without_images(tmp_path):
    folder = write_lasot(tmp_path)
    assert read_lasot(tmp_path, with_frames=False)[0].frames == ()
    (folder / "img").rename(tmp_path / "elsewhere")
    assert read_lasot(tmp_path)[0].frames == ()


def test_there_are_fourteen_attributes():
    assert len(set(LASOT_ATTRIBUTES)) == 14


def test_the_test_set_has_four_sequences_of_each_of_seventy_categories():
    names = lasot_test_names()
    assert len(set(names)) == 280
    assert len({name.rpartition("-")[0] for name in names}) == 70


def test_the_test_set_is_that_of_the_published_results(shared_golden):
    files = np.load(shared_golden / "lasot/gt_test280.npz").files
    assert list(lasot_test_names()) == [name for name in files if "/" not in name]


def test_broken_trees_are_named(tmp_path):
    with pytest.raises(SequenceError, match="no sequence of LaSOT"):
        read_lasot(tmp_path)
    write_lasot(tmp_path, "airplane-2")
    with pytest.raises(SequenceError, match="no test sequence of LaSOT"):
        read_lasot(tmp_path)
    folder = write_lasot(tmp_path, "airplane-1")
    write_rows(folder / "out_of_view.txt", [[0, 0]])
    with pytest.raises(SequenceError, match=r"out_of_view.txt: 2 labels where 3 are due"):
        read_lasot(tmp_path)
    (folder / "out_of_view.txt").write_text("0,0,x")
    with pytest.raises(SequenceError, match=r"out_of_view.txt: holds more than whole numbers"):
        read_lasot(tmp_path)
    (folder / "full_occlusion.txt").unlink()
    with pytest.raises(SequenceError, match=r"full_occlusion.txt: missing"):
        read_lasot(tmp_path)
    with pytest.raises(SequenceError, match="annos: no such folder"):
        read_lasot(tmp_path, annos=tmp_path / "annos")


def test_a_damaged_annotation_stops_no_other_sequence(tmp_path):
    write_lasot(tmp_path, "airplane-1")
    file = write_lasot(tmp_path, "airplane-9") / "out_of_view.txt"
    file.write_text("0,0")
    damaged = {}
    found = read_lasot(tmp_path, damaged=damaged)
    assert [sequence.name for sequence in found] == ["airplane-1"]
    assert "2 labels where 3 are due" in damaged["airplane-9"]
