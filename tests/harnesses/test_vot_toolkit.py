"""Our tracker in the VOT toolkit and behind TraX; and in ours one of OpenCV, which that brings."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from benchmark_trees import write_vot
from environments import ROOT, older_package, run

from siamfc_jax.boxes import iou
from siamfc_jax.evaluation.benchmarks.vot import read_vot
from siamfc_jax.evaluation.formats.vot_results import read_vot_results

pytestmark = pytest.mark.harness

SCRIPT = Path(__file__).parent / "in_vot.py"
INITIALISED, FAILED = 1, 2
STACK = """
title: Tiny
experiments:
  baseline: {type: supervised, repetitions: 15, skip_initialize: 5}
  unsupervised: {type: unsupervised, repetitions: 1}
"""


@pytest.fixture(scope="module")
def workspace(vot_python, weights, tmp_path_factory):
    """A workspace as `vot initialize` makes it, with our tracker as --print_ini says."""
    folder = tmp_path_factory.mktemp("vot")
    (folder / "stack.yaml").write_text(STACK)
    vot(vot_python, "initialize", "custom", "--workspace", folder, "--nodownload", cwd=folder)
    shutil.rmtree(folder / "sequences")
    write_vot(folder / "sequences")
    command = ("-m", "experiments.vot_trax", f"--model={weights}", "--print_ini")
    printed = run(vot_python, *command, cwd=ROOT)
    (folder / "trackers.ini").write_text(printed.stdout)
    return folder


def vot(python, *arguments, cwd, **variables):
    # As "vot", which stands beside the interpreter; its binary results are ours to read.
    return run(python.with_name("vot"), *arguments, cwd=cwd, **variables)


def in_vot(python, what, weights, workspace, tmp_path):
    out = tmp_path / "out.npz"
    run(python, SCRIPT, what, weights, workspace / "sequences", out, cwd=tmp_path)
    with np.load(out, allow_pickle=False) as found:
        return dict(found)


def test_vot_test_is_content(vot_python, workspace):
    sequence = workspace / "sequences" / "walk"
    done = vot(vot_python, "test", "tiny", "--sequence", sequence, cwd=workspace)
    assert "Test concluded successfuly" in done.stderr
    assert "confidence=" in done.stdout


@pytest.fixture(scope="module")
def ours(vot_python, weights, workspace, tmp_path_factory):
    """Regions of our own experiments: "<experiment>/<sequence>", see in_vot.padded."""
    folder = tmp_path_factory.mktemp("ours")
    return in_vot(vot_python, "protocols", weights, workspace, folder)


def check_results(workspace, ours, experiment, repetitions):
    sequences = read_vot(workspace / "sequences")
    found = read_vot_results(
        workspace / "results", sequences, experiment=experiment, tracker="tiny"
    )
    assert not found.problems
    for sequence in sequences:
        runs = found.runs[sequence.name]
        assert len(runs) == repetitions
        expected = [row[np.isfinite(row)] for row in ours[f"{experiment}/{sequence.name}"]]
        for repetition in runs:
            assert [len(region) for region in repetition.regions] == [len(row) for row in expected]
            # TraX writes four decimals.
            np.testing.assert_allclose(
                np.concatenate(repetition.regions), np.concatenate(expected), atol=1.1e-4
            )


def test_the_unsupervised_experiment_gives_the_same_regions_there_and_here(
    vot_python, workspace, ours
):
    vot(vot_python, "evaluate", "--experiments", "unsupervised", "tiny", cwd=workspace)
    check_results(workspace, ours, "unsupervised", repetitions=1)


def test_the_supervised_experiment_fails_and_starts_again_on_the_same_frames(
    vot_python, workspace, ours
):
    # 0.8.0 to 0.9.0 cannot run it on a tracker of single objects.
    path = str(older_package(vot_python, "vot-toolkit==0.7.4"))
    command = ("evaluate", "--experiments", "baseline", "tiny")
    vot(vot_python, *command, cwd=workspace, PYTHONPATH=path)
    codes = ours["baseline/jump"][np.isnan(ours["baseline/jump"][:, 1]), 0]
    assert codes.tolist() == [INITIALISED, FAILED, 0, 0, 0, 0, INITIALISED]
    # After three identical runs of the fifteen, the tracker counts as deterministic.
    check_results(workspace, ours, "baseline", repetitions=3)


def test_a_client_may_send_files_pixels_and_jpegs_and_hears_of_a_missing_one(
    vot_python, weights, workspace, tmp_path
):
    heard = in_vot(vot_python, "client", weights, workspace, tmp_path)
    boxes, truth = heard["heard"][:, :4], np.asarray([[20, 20, 24, 24]])
    moved = truth + [[3, 2, 0, 0], [6, 4, 0, 0], [9, 6, 0, 0]]
    centres = [box[:, :2] + box[:, 2:] / 2 for box in (boxes, moved)]
    np.testing.assert_allclose(*centres, atol=3)
    # A diamond of half the square's area, and SiamFC's one pixel more.
    np.testing.assert_allclose(boxes[0, 2:], 24 / np.sqrt(2) + 1, atol=0.5)
    assert (heard["heard"][:, 4] > 0.5).all()
    assert "/no/such.jpg: no such frame" in str(heard["reason"])
    assert str(heard["stderr"]).splitlines() == [
        "error: /no/such.jpg: no such frame; is the benchmark complete?"
    ]
    assert heard["code"] == 2


def test_opencvs_tracker_runs_in_our_protocols(vot_python, weights, workspace, tmp_path):
    found = in_vot(vot_python, "opencv", weights, workspace, tmp_path)
    (sequence, *_) = read_vot(workspace / "sequences")
    for run_boxes in (found["first"], found["second"]):  # It draws random numbers.
        assert iou(run_boxes[1:], np.stack(sequence.truth)[1:]).mean() > 0.5
