"""What experiments.eval_* find before they run anything, and what they say is missing on disk."""

import numpy as np
import pytest

from experiments.evaluation.checks import check
from experiments.evaluation.evaluated import Evaluated
from experiments.evaluation.given_results import given, name_of
from experiments.evaluation.got10k import evaluate_got10k
from experiments.evaluation.lasot import evaluate_lasot
from experiments.evaluation.options import Options
from experiments.evaluation.otb import evaluate_otb
from experiments.evaluation.vot import evaluate_vot
from siamfc_jax.evaluation.runs import ResultError
from siamfc_jax.evaluation.sequences import SequenceError
from tests.evaluation_trees import (
    boxes,
    pysot_entry,
    write_frames,
    write_got10k,
    write_json,
    write_lasot,
    write_otb,
)
from tests.presentation_samples import curve_scores

FRAMES = 42
NOT_RUN = "tests.small_trackers:NoSuch"
"""Whatever is wrong with the options is found before this is looked for."""


@pytest.fixture
def otb(tmp_path):
    for name in ("One", "Two"):
        write_otb(tmp_path / "otb", name, boxes(FRAMES))
    return tmp_path / "otb"


@pytest.fixture
def options(tmp_path):
    def made(**changes):
        follower = "tests.small_trackers:Follower"
        return Options(**{"tracker": follower, "out": tmp_path / "out", **changes})

    return made


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"published": ("Foo",)}, "--published: no 'Foo'; there are .*ECO"),
        ({"export": ("foo",)}, "--export: no 'foo'; there are .*otb-mat"),
        ({"export": ("npz",), "tracker": None, "results": ("x",)}, "alone nothing"),
        ({"name": "../../esc"}, "--name=.*no file can be called so"),
        ({"name": ".."}, "--name=.*no file can be called so"),
        ({"name": ""}, "--name=.*no file can be called so"),
        ({"name": "a\nb"}, "no file can be called so"),
    ],
)
def test_options_that_will_not_do_are_refused_before_a_tracker_is_made(
    otb, options, changes, reason
):
    with pytest.raises(ValueError, match=reason):
        evaluate_otb(otb, options(**{"tracker": NOT_RUN, **changes}))


def test_places_that_cannot_be_written_are_refused_at_once(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for wrong in (
        Options(report=tmp_path),
        Options(report=file / "r.html"),
        Options(plots=file),
        Options(plots=file / "plots"),
    ):
        with pytest.raises((ValueError, OSError), match=str(tmp_path)):
            check(wrong, ())
    check(Options(report=tmp_path / "new/r.html", plots=tmp_path / "new/plots"), ())


def test_segments_are_not_exported_in_a_format_of_one_run(otb, options):
    with pytest.raises(ValueError, match="--export: no 'got10k-otb'; there are otb-mat"):
        evaluate_otb(otb, options(export=("got10k-otb",)), protocols=("OPE", "TRE"))


def test_an_empty_list_of_protocols_or_experiments_is_refused(otb, options):
    with pytest.raises(ValueError, match="--protocol: give any of OPE, TRE, SRE"):
        evaluate_otb(otb, options(), protocols=())
    with pytest.raises(ValueError, match="--experiment: give any of baseline"):
        evaluate_vot(otb, options(), experiments=())


def test_images_belong_to_a_dataset_json(otb, options):
    with pytest.raises(ValueError, match="--images"):
        evaluate_otb(otb, options(), images=otb)
    with pytest.raises(ValueError, match="--images"):
        evaluate_vot(otb, options(), images=otb)


def test_nothing_is_shown_of_scores_that_only_a_server_has(tmp_path, options):
    write_got10k(tmp_path / "got10k", subset="test", rows=boxes(FRAMES))
    with pytest.raises(ValueError, match="leave out --report"):
        evaluate_got10k(tmp_path / "got10k", options(report=tmp_path / "r.html"), which="test")


@pytest.mark.parametrize("name", ["../x", "/abs", "..", ""])
def test_no_name_leads_out_of_the_folder_of_results(tmp_path, options, name):
    file = write_json(tmp_path / "set.json", {name: pysot_entry()})
    with pytest.raises(SequenceError, match="no file can be called so"):
        evaluate_otb(file, options())
    with pytest.raises(ValueError, match="no file can be called so"):
        evaluate_vot(file, options(), images=tmp_path)
    with pytest.raises(ValueError, match="--benchmark"):
        evaluate_vot(file, options(), benchmark=name)


def test_a_path_with_an_equals_sign_is_a_path_where_it_exists(tmp_path):
    (tmp_path / "a=b").mkdir()
    read = lambda path, tracker=None: (path, tracker)  # noqa: E731
    assert given(f"{tmp_path}/a=b", read) == ("a=b", (tmp_path / "a=b", None))
    assert given(f"Mine={tmp_path}/a=b", read) == ("Mine", (tmp_path / "a=b", "Mine"))
    assert name_of(f"Mine={tmp_path}/a=b") == "Mine"
    assert name_of(f"e=mc2={tmp_path}") == "e=mc2"
    assert name_of("Mine=nowhere") == "Mine"


@pytest.mark.parametrize("make", [lambda f: f.mkdir(), lambda f: f.write_bytes(b"\xff\xfe")])
def test_a_record_that_is_no_text_is_named(otb, options, make):
    evaluate_otb(otb, options())
    (record,) = (options().out / "OTB").glob("Follower*.json")
    record.unlink()
    make(record)
    with pytest.raises(ResultError, match=f"{record}: .*another --name"):
        evaluate_otb(otb, options())


def test_images_without_annotation_are_said_and_change_the_exit_code(
    otb, options, tmp_path, capsys
):
    assert evaluate_otb(otb, options()).exit_code == 0
    write_otb(otb, "Bare", boxes(3))
    (otb / "Bare/groundtruth_rect.txt").unlink()
    write_otb(otb, "Cut", boxes(FRAMES), images=FRAMES + 5)
    capsys.readouterr()
    found = evaluate_otb(otb, options(report=tmp_path / "r.html", name="Again"))
    assert found.exit_code == 3
    assert found.missing == (
        f"{otb}/Bare: images, but no groundtruth_rect.txt; fetch it again",
        "Cut: images without an annotation: 5",
    )
    assert [f"missing: {line}" for line in found.missing] == [
        line for line in capsys.readouterr().err.splitlines() if line.startswith("missing")
    ]
    page = (tmp_path / "r.html").read_text()
    assert "The benchmark is not complete" in page and "Every sequence has a score" not in page
    assert all(line in page for line in found.missing)


def test_annotation_elsewhere_is_annotation(tmp_path, options):
    write_frames(tmp_path / "Dog/img", range(1, 128), 4)
    write_otb(tmp_path, "anno", boxes(127), images=0, file="Dog.txt")
    found = evaluate_otb(tmp_path, options(tracker=None, results=(str(tmp_path / "anno"),)))
    assert not any("Dog" in line.partition(":")[0] for line in found.missing)


def test_irregularities_of_otb_are_known(tmp_path, options):
    write_otb(tmp_path, "Football1", boxes(74), images=80)
    assert evaluate_otb(tmp_path, options(sequences=("Football1",))).missing == ()


def test_most_of_lasot_is_missing(tmp_path, options):
    write_lasot(tmp_path, "airplane-1", boxes(FRAMES))
    found = evaluate_lasot(tmp_path, options())
    assert found.exit_code == 3 and "(279)" in found.missing[0]


def test_cut_annotation_of_vot_is_said(tmp_path, options):
    write_frames(tmp_path / "ants", range(1, FRAMES + 1), 8)
    np.savetxt(tmp_path / "ants/groundtruth.txt", boxes(30), "%g", ",")
    found = evaluate_vot(tmp_path, options())
    assert found.missing == ("ants: images without an annotation: 12",)
    assert found.exit_code == 3


def test_what_has_no_published_scores_is_said(otb, options, capsys):
    evaluate_otb(otb, options(published=("all",)))
    assert "no scores published of all on: OTB (2 sequences), OPE" in capsys.readouterr().out


def test_a_sequence_without_a_score_changes_the_exit_code():
    assert Evaluated([curve_scores()]).exit_code == 0
    assert Evaluated([curve_scores(problems={"Bolt": "gone"})]).exit_code == 3
