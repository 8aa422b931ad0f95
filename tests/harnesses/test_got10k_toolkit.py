"""Our tracker in the GOT-10k toolkit, its scores of our files, and its tracker in our driver."""

import json
from pathlib import Path

import numpy as np
import pytest
from benchmark_trees import write_got10k, write_otb
from environments import run

from siamfc_jax.evaluation.benchmarks.got10k import read_got10k
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.writing import write_results
from siamfc_jax.evaluation.metrics.got10k import score_got10k
from siamfc_jax.evaluation.metrics.otb import score_otb
from siamfc_jax.evaluation.runs import Run

pytestmark = pytest.mark.harness

SCRIPT = Path(__file__).parent / "in_got10k.py"
TOOLKIT_NAMES = {"Jogging-1": "Jogging.1", "Jogging-2": "Jogging.2"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("got10k")
    write_otb(folder / "otb")
    write_got10k(folder / "got10k")
    return folder


@pytest.fixture(scope="module")
def driven(got10k_python, weights, folder):
    """The toolkit has run; boxes of our own driver: "ours/<sequence>", "identity/<sequence>"."""
    run(got10k_python, SCRIPT, "run", weights, folder, cwd=folder)
    with np.load(folder / "driven.npz", allow_pickle=False) as boxes:
        return dict(boxes)


@pytest.fixture(scope="module")
def scored(got10k_python, folder):
    """Files of a tracker that guesses, written by us and scored by the toolkit's `report`."""
    random = np.random.default_rng(1)
    for name, sequences in benchmarks(folder).items():
        runs = {sequence.name: guesses(sequence, random, name) for sequence in sequences}
        layout, place, _ = TOOLKIT_FILES[name]
        write_results(folder / "results" / place, "random", sequences, runs, format=layout)
    run(got10k_python, SCRIPT, "score", folder, cwd=folder)


TOOLKIT_FILES = {
    "otb": ("got10k-otb", "OTBtb100", "reports/OTBtb100"),
    "got10k": ("got10k", "GOT-10k", "reports/GOT-10k"),
}


def benchmarks(folder):
    return {"otb": read_otb(folder / "otb"), "got10k": read_got10k(folder / "got10k")}


def guesses(sequence, random, benchmark):
    """Boxes around the target, some of them partly outside the frame; GOT-10k: 3 repetitions."""
    n = len(sequence.truth)
    return tuple(
        Run(
            sequence.truth + random.uniform(-30, 30, (n, 4)).clip([-99, -99, -20, -20], 99),
            0,
            random.uniform(0.01, 0.1, n),
        )
        for _ in range(3 if benchmark == "got10k" else 1)
    )


def performance(folder, benchmark):
    report = folder / TOOLKIT_FILES[benchmark][2] / "random" / "performance.json"
    return json.loads(report.read_text())["random"]


def our_results(folder, benchmark, tracker):
    layout, place, _ = TOOLKIT_FILES[benchmark]
    sequences = benchmarks(folder)[benchmark]
    found = read_results(folder / "results" / place, sequences, format=layout, tracker=tracker)
    assert not found.problems
    return sequences, found


@pytest.mark.parametrize("benchmark", ["otb", "got10k"])
def test_our_tracker_finds_the_same_boxes_in_the_toolkit_as_here(folder, driven, benchmark):
    sequences, found = our_results(folder, benchmark, "tiny")
    for sequence in sequences:
        (theirs,) = found.runs[sequence.name]  # One repetition: it says that it is deterministic.
        ours = driven[f"ours/{sequence.name}"]
        np.testing.assert_allclose(theirs.boxes, ours, atol=5.1e-4)  # written as %.3f
        assert np.abs(ours - sequence.truth).max() < 5
        assert (theirs.seconds > 0).all()


@pytest.mark.parametrize("benchmark", ["otb", "got10k"])
def test_a_tracker_of_the_toolkit_runs_in_our_driver(folder, driven, benchmark):
    for sequence in benchmarks(folder)[benchmark]:
        stays = np.tile(sequence.truth[0], (len(sequence.truth), 1))
        np.testing.assert_array_equal(driven[f"identity/{sequence.name}"], stays)


def test_the_toolkit_scores_our_otb_files_as_we_do(folder, scored):
    sequences, found = our_results(folder, "otb", "random")
    ours = score_otb("random", sequences, found, benchmark="OTB", profile="got10k")
    theirs = performance(folder, "otb")
    assert 0.1 < ours.auc < 0.9
    assert ours.auc == pytest.approx(theirs["overall"]["success_score"], abs=1e-12)
    assert ours.precision_at_20 == pytest.approx(theirs["overall"]["precision_score"], abs=1e-12)
    for row, name in enumerate(ours.names):
        curves = theirs["seq_wise"][TOOLKIT_NAMES.get(name, name)]
        np.testing.assert_array_equal(ours.success[row], curves["success_curve"])
        np.testing.assert_array_equal(ours.precision[row], curves["precision_curve"])


def test_the_toolkit_scores_our_got10k_files_as_we_do(folder, scored):
    sequences, found = our_results(folder, "got10k", "random")
    ours = score_got10k("random", sequences, found)
    theirs = performance(folder, "got10k")
    assert ours.average_overlap == pytest.approx(theirs["overall"]["ao"], abs=1e-12)
    assert ours.success_rate(0.5) == pytest.approx(theirs["overall"]["sr"], abs=1e-12)
    np.testing.assert_allclose(ours.mean(ours.success), theirs["overall"]["succ_curve"], atol=1e-12)
    assert ours.frames_per_second == pytest.approx(theirs["overall"]["speed_fps"])
    for row, name in enumerate(ours.names):
        assert ours.overlap[row] == pytest.approx(theirs["seq_wise"][name]["ao"], abs=1e-12)
