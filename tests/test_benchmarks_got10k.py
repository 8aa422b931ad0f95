import numpy as np
import pytest
from evaluation_trees import SIZE, boxes, write_got10k

from siamfc_jax.evaluation.benchmarks.completeness import missing
from siamfc_jax.evaluation.benchmarks.got10k import got10k_names, read_got10k
from siamfc_jax.evaluation.sequences import SequenceError


@pytest.mark.parametrize("inside", ["", "val"])
def test_a_validation_sequence_has_frames_truth_size_class_and_visibility(tmp_path, inside):
    write_got10k(tmp_path, rows=boxes(3), cover=[8, 0, 3])
    (sequence,) = read_got10k(tmp_path / inside)
    assert sequence.name == "GOT-10k_Val_000001"
    assert sequence.truth.tolist() == boxes(3).tolist() and sequence.first_pixel == 1
    assert [path.name for path in sequence.frames][:2] == ["00000001.jpg", "00000002.jpg"]
    assert sequence.visible.tolist() == [True, False, True]
    assert sequence.size == SIZE and sequence.attributes == {"animal"}


def test_the_list_gives_the_order(tmp_path):
    write_got10k(tmp_path, numbers=(2, 1))
    names = ["GOT-10k_Val_000002", "GOT-10k_Val_000001"]
    assert [sequence.name for sequence in read_got10k(tmp_path)] == names
    assert got10k_names(tmp_path) == tuple(names)


def test_without_a_list_all_folders_are_read(tmp_path):
    (write_got10k(tmp_path, numbers=(2, 1)) / "list.txt").unlink()
    assert [sequence.name[-1] for sequence in read_got10k(tmp_path)] == ["1", "2"]
    with pytest.raises(SequenceError, match=r"list.txt: missing"):
        got10k_names(tmp_path)


def test_listed_sequences_that_are_not_there_are_reported_as_missing(tmp_path):
    split = write_got10k(tmp_path, numbers=(1, 2))
    (split / "GOT-10k_Val_000002").rename(tmp_path / "elsewhere")
    report = missing(read_got10k(tmp_path), got10k_names(tmp_path))
    assert report.sequences == ("GOT-10k_Val_000002",)


def test_of_a_test_sequence_only_the_first_box_is_known(tmp_path):
    write_got10k(tmp_path, "test", rows=boxes(4))
    (sequence,) = read_got10k(tmp_path, "test")
    assert len(sequence.frames) == len(sequence.truth) == 4
    assert sequence.truth[0].tolist() == boxes(1)[0].tolist()
    assert np.isnan(sequence.truth[1:]).all()
    assert sequence.visible is None


def test_frames_are_left_out_on_request(tmp_path):
    write_got10k(tmp_path)
    assert read_got10k(tmp_path, with_frames=False)[0].frames == ()
    write_got10k(tmp_path, "test")
    assert len(read_got10k(tmp_path, "test", with_frames=False)[0].truth) == 1


@pytest.mark.parametrize(
    "text", ["resolution = (64, 48)", "resolution:64x48", "resolution: [64 48]"]
)
def test_the_resolution_is_read_in_any_notation(tmp_path, text):
    folder = write_got10k(tmp_path) / "GOT-10k_Val_000001"
    (folder / "meta_info.ini").write_text(f"[METAINFO]\n{text}\n")
    (sequence,) = read_got10k(tmp_path)
    assert sequence.size == (64, 48) and sequence.attributes == frozenset()


def test_broken_trees_are_named(tmp_path):
    with pytest.raises(SequenceError, match="not GOT-10k; give the folder that holds GOT-10k_Val"):
        read_got10k(tmp_path)
    folder = write_got10k(tmp_path) / "GOT-10k_Val_000001"
    (folder / "meta_info.ini").unlink()
    assert read_got10k(tmp_path)[0].size == SIZE
    assert read_got10k(tmp_path, with_frames=False)[0].size is None
    (folder / "cover.label").write_text("8\n8\n")
    with pytest.raises(SequenceError, match=r"cover.label: 2 labels where 3 are due"):
        read_got10k(tmp_path)
    (folder / "cover.label").unlink()
    with pytest.raises(SequenceError, match=r"cover.label: missing"):
        read_got10k(tmp_path)


def test_a_damaged_annotation_stops_no_other_sequence(tmp_path):
    split = write_got10k(tmp_path, numbers=(1, 2))
    (split / "GOT-10k_Val_000001/cover.label").unlink()
    damaged = {}
    found = read_got10k(tmp_path, damaged=damaged)
    assert [sequence.name for sequence in found] == ["GOT-10k_Val_000002"]
    assert "cover.label: missing" in damaged["GOT-10k_Val_000001"]
