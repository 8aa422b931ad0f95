import pytest
from evaluation_trees import boxes, write_otb

from siamfc_jax.evaluation.benchmarks.completeness import missing, require_frames
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.evaluation.benchmarks.subsets import list_names, subset
from siamfc_jax.evaluation.sequences import Sequence, SequenceError


def named(*names, **more):
    return [Sequence(name, (), boxes(1), **more) for name in names]


def names_of(sequences):
    return [sequence.name for sequence in sequences]


def test_of_a_complete_benchmark_nothing_is_missing(tmp_path):
    write_otb(tmp_path, "Dog", boxes(127))
    report = missing(read_otb(tmp_path), ["Dog"])
    assert report.nothing and report.lines() == []
    require_frames(read_otb(tmp_path))


def test_the_report_names_sequences_frames_and_lengths(tmp_path):
    folder = write_otb(tmp_path, "Dog", boxes(120))
    for number in (7, 9):
        (folder / f"img/{number:04d}.jpg").unlink()
    write_otb(tmp_path, "Man", boxes(134), images=0)
    report = missing(read_otb(tmp_path), ["Dog", "Deer", "Man", "Girl"])
    assert not report.nothing
    assert report.lines() == [
        "missing sequences (2): Deer, Girl",
        "without images (1): Man",
        f"Dog: missing frames (2), the first is {folder}/img/0007.jpg",
        "Dog: annotated frames 120, in the benchmark 127",
    ]


def test_a_long_list_of_missing_sequences_is_shortened():
    (line, _) = missing(named("Dog"), list_names("OTB-100"), {}).lines()
    assert line.startswith("missing sequences (99): Basketball, Biker") and len(line) < 200
    assert line.endswith("... (99 in all)")


def test_a_run_that_needs_frames_stops_at_the_first_that_is_missing(tmp_path):
    folder = write_otb(tmp_path, "Dog")
    for number in (2, 3):
        (folder / f"img/{number:04d}.jpg").unlink()
    with pytest.raises(SequenceError, match=r"0002.jpg: missing .*in all: 2\); fetch Dog"):
        require_frames(read_otb(tmp_path))
    with pytest.raises(SequenceError, match="no folder of images of Man"):
        require_frames(named("Man"))


def test_subsets_by_name_keep_the_benchmarks_order():
    sequences = named("Dog", "Jogging-1", "Mine")
    assert names_of(subset(sequences, names=["mine", "dog"])) == ["Dog", "Mine"]
    assert names_of(subset(sequences, names=["jogging_1"])) == ["Jogging-1"]


def test_subsets_by_attribute_and_list():
    sequences = named("Dog", attributes=frozenset(["SV"])) + named("Girl", "Biker")
    assert names_of(subset(sequences, attribute="sv")) == ["Dog"]
    assert names_of(subset(sequences, list_name="otb-2013")) == ["Girl"]
    assert names_of(subset(sequences, list_name="OTB-50")) == ["Girl", "Biker"]
    with pytest.raises(SequenceError, match="no sequence is left"):
        subset(sequences, attribute="SV", list_name="OTB-2013")


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({"names": ["Dogg"]}, "no sequence 'Dogg'; did you mean Dog"),
        ({"names": ["xyz"]}, "no sequence 'xyz'; there are Dog, Girl"),
        ({"attribute": "OC"}, "no attribute 'OC'; did you mean OCC"),
        ({"list_name": "OTB2013"}, "no list of sequences 'OTB2013'; did you mean OTB-2013"),
    ],
)
def test_unknown_names_are_answered_with_close_ones(request_, problem):
    with pytest.raises(SequenceError, match=problem):
        subset(named("Dog", "Girl", attributes=frozenset(["OCC"])), **request_)


def test_without_attributes_none_can_be_asked_for():
    with pytest.raises(SequenceError, match="no attribute 'SV'; there are none"):
        subset(named("Dog"), attribute="SV")
