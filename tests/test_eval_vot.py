"""experiments.eval_vot on result files: what is incomplete is named, the rest is scored."""

import numpy as np
import pytest
from vot_worlds import TRUTH, supervised_run

from experiments.evaluation.options import Options
from experiments.evaluation.vot import evaluate_vot
from siamfc_jax.evaluation.formats.vot_results import write_vot_sequence
from siamfc_jax.evaluation.runs import ResultError
from siamfc_jax.evaluation.sequences import SequenceError

FRAMES = 30


@pytest.fixture
def vot(tmp_path):
    """Annotation of three sequences, without images."""
    names = ("ants", "ball", "car")
    for name in names:
        folder = tmp_path / "vot" / name
        folder.mkdir(parents=True)
        np.savetxt(folder / "groundtruth.txt", [TRUTH] * FRAMES, "%g", ",")
        (folder / "sequence").write_text("width=100\nheight=100\n")
        write_vot_sequence(tmp_path, "T", name, (supervised_run(FRAMES),))
    (tmp_path / "vot/list.txt").write_text("\n".join(names))
    (tmp_path / "vot/ball/occlusion.tag").write_text("0\n1\n")
    return tmp_path / "vot"


@pytest.fixture
def options(tmp_path):
    def made(**changes):
        return Options(**{"results": (f"T={tmp_path / 'T'}",), **changes})

    return made


def test_sequences_without_a_tag_are_left_out_by_it(vot, options):
    (scores,) = evaluate_vot(vot, options(attribute="occlusion"))
    assert scores.names == ("ball",)
    with pytest.raises(SequenceError, match="no sequence with tag 'blur'; tags are occlusion"):
        evaluate_vot(vot, options(attribute="blur"))
    with pytest.raises(SequenceError, match="no sequence with tag 'occlusion'"):
        evaluate_vot(vot, options(attribute="occlusion", sequences=("ants",)))


def test_what_cannot_be_read_is_all_named_and_the_rest_is_scored(vot, options, capsys):
    (vot / "ants/groundtruth.txt").unlink()
    (vot / "car/groundtruth.txt").write_text("1,2\n")
    evaluated = evaluate_vot(vot, options())
    assert (evaluated[0].names, evaluated.exit_code) == (("ball",), 3)
    said = capsys.readouterr().err
    assert "ants/groundtruth.txt: missing" in said and "car/groundtruth.txt, line 1" in said


def test_what_is_not_asked_for_may_be_missing(vot, options, capsys):
    (vot / "ants/groundtruth.txt").unlink()
    evaluated = evaluate_vot(vot, options(sequences=("car",)))
    assert (evaluated[0].names, evaluated.exit_code) == (("car",), 0)
    assert capsys.readouterr().err == ""
    with pytest.raises(SequenceError, match=r"ants/groundtruth.txt: missing"):
        evaluate_vot(vot, options(sequences=("ants",)))
    with pytest.raises(SequenceError, match="no sequence bus, van; there are ants, ball, car"):
        evaluate_vot(vot, options(sequences=("van", "car", "bus")))


def test_a_report_needs_no_images(vot, options, tmp_path):
    pytest.importorskip("matplotlib")
    evaluate_vot(vot, options(report=tmp_path / "report.html"))
    assert (tmp_path / "report.html").exists()


def test_one_folder_of_files_is_not_two_experiments(vot, options, tmp_path):
    plain = (tmp_path / "T/baseline").rename(tmp_path / "T/files")
    given = options(results=(f"T={plain}",))
    assert evaluate_vot(vot, given)[0].names == ("ants", "ball", "car")
    with pytest.raises(ResultError, match="looked for baseline/"):
        evaluate_vot(vot, given, experiments=("baseline", "unsupervised"))
