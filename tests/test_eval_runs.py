"""The functions behind experiments.eval_*: run, keep, resume, score, show."""

import dataclasses
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from experiments.evaluation.got10k import evaluate_got10k
from experiments.evaluation.lasot import evaluate_lasot
from experiments.evaluation.options import Options
from experiments.evaluation.otb import evaluate_otb
from experiments.evaluation.vot import evaluate_vot
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.runs import ResultError
from siamfc_jax.evaluation.sequences import SequenceError
from siamfc_jax.loading import model_config
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.weights import save_weights
from tests import small_trackers
from tests.evaluation_trees import (
    boxes,
    pysot_entry,
    write_frames,
    write_got10k,
    write_json,
    write_lasot,
    write_otb,
)
from tests.tracking_worlds import NETWORK, matching_params

FOLLOWER = "tests.small_trackers:Follower"
FRAMES = 42


@pytest.fixture
def otb(tmp_path):
    for name in ("Car1", "Dog", "Girl"):
        write_otb(tmp_path / "otb", name, boxes(FRAMES))
    return tmp_path / "otb"


@pytest.fixture
def options(tmp_path):
    def made(**changes):
        return Options(**{"tracker": FOLLOWER, "out": tmp_path / "out", **changes})

    return made


def by_tracker(scores):
    return {one.tracker: one for one in scores}


def test_a_tracker_that_follows_scores_as_the_truth_does(otb, options, capsys):
    scores = by_tracker(evaluate_otb(otb, options()))
    assert scores["Follower"].auc == pytest.approx(20 / 21)
    assert scores["Follower"].precision_at_20 == 1
    assert scores["no motion"].auc < 0.5
    printed = capsys.readouterr().out
    assert "95.24" in printed and "3 of 3" in printed


def test_results_on_disk_are_scored_and_not_run_again(otb, options):
    first = evaluate_otb(otb, options())[0]
    seen = small_trackers.Follower.frames_seen
    again = evaluate_otb(otb, options())[0]
    assert small_trackers.Follower.frames_seen == seen
    np.testing.assert_array_equal(again.success, first.success)
    (options().out / "OTB/Follower/Dog.txt").unlink()
    evaluate_otb(otb, options())
    assert small_trackers.Follower.frames_seen == seen + FRAMES - 1


def test_results_of_another_tracker_are_not_mixed_in(otb, options):
    evaluate_otb(otb, options())
    with pytest.raises(ResultError, match="another --name or --out"):
        evaluate_otb(otb, options(tracker="tests.small_trackers:Raising", name="Follower"))


@pytest.mark.parametrize(
    "kind, reason",
    [
        ("Raising", "raised: .*frame 2 of 42.*RuntimeError: out of luck"),
        ("Hanging", "hung: hung for 0.5 s"),
    ],
)
def test_a_tracker_that_breaks_costs_one_sequence(otb, options, capsys, kind, reason):
    small_trackers.Raising.started = small_trackers.Hanging.started = 0
    scores = evaluate_otb(
        otb, options(tracker=f"tests.small_trackers:{kind}", patience=0.5, baseline=False)
    )[0]
    assert scores.names == ("Car1", "Girl")
    assert list(scores.problems) == ["Dog"]
    assert scores.auc == pytest.approx(20 / 21)
    printed = capsys.readouterr()
    assert "2 of 3" in printed.out
    assert "Dog: " in printed.err
    assert re.search(reason, scores.problems["Dog"])


def test_boxes_that_are_not_numbers_are_counted_and_said(otb, options, capsys):
    small_trackers.WithoutNumbers.started = 0
    scores = evaluate_otb(otb, options(tracker="tests.small_trackers:WithoutNumbers"))[0]
    assert scores.carried.tolist() == [0, FRAMES - 1, 0]
    assert "Dog: unusable: 41 boxes" in capsys.readouterr().err


def test_results_on_other_data_of_the_same_name_are_run_again(otb, options, tmp_path):
    evaluate_otb(otb, options(baseline=False))
    other = write_otb(tmp_path / "other", "Dog", boxes(FRAMES) + [0, 9, 0, 0]).parent
    (again,) = evaluate_otb(other, options(baseline=False))
    assert again.auc == pytest.approx(20 / 21)
    seen = small_trackers.Follower.frames_seen
    evaluate_otb(other, options())
    assert small_trackers.Follower.frames_seen == seen


def test_results_that_time_something_else_are_not_mixed_in(otb, options):
    evaluate_otb(otb, options())
    with pytest.raises(ResultError, match=r"settings \(include_decoding\).*another --name"):
        evaluate_otb(otb, options(include_decoding=True))


def test_what_a_killed_process_left_is_removed_when_nobody_can_be_writing_it(otb, options):
    evaluate_otb(otb, options())
    old, new = (options().out / f"OTB/Follower/{k}.unfinished" for k in "ab")
    for file in (old, new):
        file.write_text("1,2")
    os.utime(old, (0, 0))
    evaluate_otb(otb, options())
    assert new.exists() and not old.exists()


def test_a_tracker_may_change_the_working_folder(otb, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    moving = options(tracker="tests.small_trackers:Moving", out=Path("kept"))
    assert evaluate_otb(Path("otb"), moving)[0].names == ("Car1", "Dog", "Girl")
    assert Path.cwd() == tmp_path
    assert (tmp_path / "kept/OTB/Moving/Girl.txt").exists()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_between_frames_and_finished_runs_stay(otb, options, monkeypatch, signum):
    small_trackers.Signalling.started, small_trackers.Signalling.signum = 0, signum
    stopped = KeyboardInterrupt if signum == signal.SIGINT else SystemExit
    with pytest.raises(stopped) as caught:
        evaluate_otb(otb, options(tracker="tests.small_trackers:Signalling"))
    if stopped is SystemExit:
        assert caught.value.code == 128 + signum
    kept = {file.name for file in (options().out / "OTB/Signalling").iterdir()}
    assert kept == {"Car1.txt", "Car1_time.txt"}


def test_a_sequence_too_short_for_segments_is_a_problem_of_its_own(otb, options):
    write_otb(otb, "Short", boxes(9))
    ope, tre = evaluate_otb(otb, options(baseline=False), protocols=("OPE", "TRE"))
    assert "Short" in ope.names
    assert tre.names == ("Car1", "Dog", "Girl")
    assert "no segment of 20 frames" in tre.problems["Short"]


def test_segments_and_perturbations_are_run_and_scored(otb, options):
    scores = evaluate_otb(otb, options(baseline=False), protocols=("OPE", "TRE", "SRE"))
    assert [one.protocol for one in scores] == ["OPE", "TRE", "SRE"]
    assert scores[1].auc == pytest.approx(20 / 21)
    assert 0.4 < scores[2].auc < 20 / 21


def test_exports_are_read_back_as_the_same_results(otb, options):
    evaluate_otb(otb, options(export=("otb-mat", "got10k-otb")))
    from siamfc_jax.evaluation.benchmarks.otb import read_otb

    sequences = read_otb(otb)
    for kind in ("otb-mat", "got10k-otb"):
        folder = options().out / "export/OTB" / kind
        runs = read_results(folder, sequences, tracker="Follower").runs
        np.testing.assert_array_equal(runs["Dog"][0].boxes, sequences[1].truth)


def test_given_results_are_compared_with_what_is_run(otb, options, tmp_path, capsys):
    for name in ("Car1", "Dog", "Girl"):
        rows = np.repeat(boxes(1), FRAMES, 0)
        (tmp_path / "still").mkdir(exist_ok=True)
        np.savetxt(tmp_path / f"still/{name}.txt", rows, "%g", ",")
    both = options(results=(f"mine={tmp_path / 'still'}",))
    scores = by_tracker(evaluate_otb(otb, Options(**{**vars(both), "tracker": FOLLOWER})))
    assert scores["mine"].auc == scores["no motion"].auc
    assert "Follower - mine" in " ".join(capsys.readouterr().out.split())


def test_two_trackers_of_one_name_are_refused_before_anything_is_run(otb, vot, options):
    small_trackers.Follower.frames_seen = 0
    for evaluate, data in ((evaluate_otb, otb), (evaluate_vot, vot)):
        for results in (("KCF=a", "b/KCF"), ("Follower=a",)):
            with pytest.raises(ValueError, match="twice; give each a name"):
                evaluate(data, options(results=results))
    with pytest.raises(ValueError, match="'no motion' twice"):
        evaluate_otb(otb, options(results=("no motion=a",)))
    assert small_trackers.Follower.frames_seen == 0


def test_a_damaged_annotation_costs_one_sequence_if_it_is_asked_for(otb, options, capsys):
    for name in ("Dog", "Girl"):
        (otb / name / "groundtruth_rect.txt").write_text("")
    scores = evaluate_otb(otb, options(sequences=("Car1", "dog")))
    assert scores[0].names == ("Car1",) and scores.exit_code == 3
    said = capsys.readouterr().err
    assert "Dog/groundtruth_rect.txt: is empty" in said and "Girl" not in said
    evaluate_otb(otb, options(sequences=("Car1",)))
    assert "is empty" not in capsys.readouterr().err
    with pytest.raises(SequenceError, match="Dog/.* is empty.*; .*Girl/.* is empty"):
        evaluate_otb(otb, options(sequences=("Dog", "Girl")))
    with pytest.raises(SequenceError, match="no sequence 'Gone';.*no sequence 'Lost'"):
        evaluate_otb(otb, options(sequences=("Gone", "Lost")))


def test_what_the_smallest_list_has_beside_is_said_to_be_missing(otb, options, capsys):
    evaluate_otb(otb, options())
    assert "missing: missing sequences (97): " in capsys.readouterr().err
    write_otb(otb, "Mine", boxes(FRAMES))
    evaluate_otb(otb, options())
    assert "missing sequences" not in capsys.readouterr().err


def test_short_missing_and_malformed_results_are_named(otb, options, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    np.savetxt(folder / "Car1.txt", boxes(FRAMES), "%g", ",")
    np.savetxt(folder / "Dog.txt", boxes(FRAMES - 1), "%g", ",")
    scores = evaluate_otb(otb, options(tracker=None, results=(str(folder),)))[0]
    assert scores.names == ("Car1",)
    assert "Dog.txt" in scores.problems["Dog"] and "41" in scores.problems["Dog"]
    assert "Girl" in scores.problems["Girl"]


def test_report_and_plots_are_written(options, tmp_path):
    for name in ("One", "Two"):
        write_otb(tmp_path / "mine", name, boxes(FRAMES))
    drawn = options(report=tmp_path / "r.html", plots=tmp_path / "plots")
    evaluate_otb(tmp_path / "mine", drawn)
    page = (tmp_path / "r.html").read_text()
    assert "Follower" in page and "data:image/jpeg" in page
    names = {file.name for file in (tmp_path / "plots").iterdir()}
    assert {"otb_(2_sequences)_ope_auc.png", "otb_(2_sequences)_ope_precision.svg"} <= names


def test_lasot_leaves_out_frames_without_the_target(tmp_path, options):
    write_lasot(tmp_path / "lasot", "airplane-1", boxes(FRAMES), unseen=(5, 6))
    scores = evaluate_lasot(tmp_path / "lasot", options(baseline=False))[0]
    assert scores.auc == pytest.approx(20 / 21 * 40 / 42)
    assert scores.normalised_precision_at_02 == pytest.approx(40 / 42)


def test_got10k_repeats_what_is_not_deterministic(tmp_path, options):
    write_got10k(tmp_path / "got10k", rows=boxes(FRAMES))
    scores = evaluate_got10k(tmp_path / "got10k", options(baseline=False))[0]
    assert scores.average_overlap == pytest.approx(1)
    assert scores.frames.tolist() == [3 * (FRAMES - 1)]


def test_got10k_is_scored_by_a_dataset_file_and_its_images(tmp_path, options):
    folder = write_got10k(tmp_path / "got10k", rows=boxes(FRAMES))
    name = "GOT-10k_Val_000001"
    images = [f"{name}/{number:08d}.jpg" for number in range(1, FRAMES + 1)]
    entries = {name: pysot_entry(name, boxes(FRAMES).tolist(), img_names=images)}
    file = write_json(tmp_path / "GOT-10k.json", entries)
    scores = evaluate_got10k(file, options(), images=folder)[0]
    assert scores.average_overlap == pytest.approx(1)


def test_got10k_test_results_are_zipped_for_the_server(tmp_path, options, capsys):
    write_got10k(tmp_path / "got10k", subset="test", rows=boxes(FRAMES))
    assert evaluate_got10k(tmp_path / "got10k", options(), which="test") == []
    assert (options().out / "GOT-10k_test/Follower.zip").exists()
    assert "server" in capsys.readouterr().out


@pytest.fixture
def vot(tmp_path):
    for name in ("ants", "ball"):
        folder = tmp_path / "vot" / name
        write_frames(folder, range(1, FRAMES + 1), 8)
        np.savetxt(folder / "groundtruth.txt", boxes(FRAMES), "%g", ",")
    (tmp_path / "vot/list.txt").write_text("ball\nants\n")
    return tmp_path / "vot"


def test_vot_runs_three_identical_repetitions(vot, options):
    scores = evaluate_vot(vot, options(), experiments=("baseline", "unsupervised"))
    assert scores[0].names == ("ball", "ants")
    assert (scores[0].accuracy, scores[0].failures) == (pytest.approx(1), 0)
    assert scores[0].expected_overlap == pytest.approx(1)
    folder = options().out / "VOT (2 sequences)/Follower/baseline/ants"
    assert sorted(file.name for file in folder.iterdir()) == [
        "ants_001.txt",
        "ants_002.txt",
        "ants_003.txt",
        "ants_time.txt",
    ]
    assert scores[1].average_overlap == pytest.approx((FRAMES - 1) / FRAMES)


def test_a_repetition_that_fails_leaves_the_sequence_out_until_it_is_there(vot, options):
    small_trackers.RaisingOnce.started = 0
    failing = options(tracker="tests.small_trackers:RaisingOnce", name="Random")
    scores = evaluate_vot(vot, failing)
    assert scores[0].names == ("ants",)
    assert re.search("raised in run 2: .*out of luck", scores[0].problems["ball"])
    assert scores.exit_code == 3
    again = evaluate_vot(vot, failing)
    assert set(again[0].names) == {"ants", "ball"} and again.exit_code == 0


def test_runs_whose_failures_another_overlap_decided_are_not_mixed_in(vot, options):
    both = {"experiments": ("unsupervised", "baseline")}
    evaluate_vot(vot, options(profile="vot-classic"), **both)
    seen = small_trackers.Follower.frames_seen
    evaluate_vot(vot, options(profile="pysot"), **both)
    evaluate_vot(vot, options(profile="vot-2019"), experiments=("unsupervised",))
    assert small_trackers.Follower.frames_seen == seen
    with pytest.raises(ResultError, match=r"settings \(failures\).*another --name"):
        evaluate_vot(vot, options(profile="vot-2019"))


def test_repetitions_on_other_truth_are_made_again(vot, options):
    evaluate_vot(vot, options())
    seen = small_trackers.Follower.frames_seen
    np.savetxt(vot / "ants/groundtruth.txt", boxes(FRAMES) + [0, 1, 0, 0], "%g", ",")
    assert evaluate_vot(vot, options())[0].accuracy == pytest.approx(1)
    assert small_trackers.Follower.frames_seen == seen + 3 * (FRAMES - 1)


def test_a_clock_that_has_been_run_warms_nothing_up(vot, options):
    evaluate_vot(vot, options(), experiments=("realtime",))
    seen = small_trackers.Follower.frames_seen
    evaluate_vot(vot, options(), experiments=("realtime",))
    assert small_trackers.Follower.frames_seen == seen


def test_a_fast_tracker_scores_in_real_time_as_without_a_clock(vot, options):
    baseline, realtime = evaluate_vot(vot, options(), experiments=("baseline", "realtime"))
    assert realtime.expected_overlap == baseline.expected_overlap


def test_noise_differs_between_repetitions_and_is_the_same_again(vot, options, tmp_path):
    noisy = evaluate_vot(vot, options(), experiments=("region_noise",), repetitions=4)[0]
    elsewhere = options(out=tmp_path / "again")
    again = evaluate_vot(vot, elsewhere, experiments=("region_noise",), repetitions=4)[0]
    assert again.accuracy == noisy.accuracy < 1
    first, second = (
        (options().out / f"VOT (2 sequences)/Follower/region_noise/ants/ants_00{k}.txt").read_text()
        for k in (1, 2)
    )
    assert first != second


def test_models_are_run_on_every_benchmark(otb, vot, tmp_path):
    weights = tmp_path / "tiny.safetensors"
    save_weights(weights, matching_params(), model_config(NETWORK, SIAMFC_3S_PAPER))
    two = Options(models=(f"A={weights}", f"B={weights}"), out=tmp_path / "out", baseline=False)
    first, second = evaluate_otb(otb, dataclasses.replace(two, sequences=("Dog",)))
    assert (first.tracker, second.tracker) == ("A", "B")
    assert first.names == ("Dog",) and first.auc == second.auc
    options = Options(models=(str(weights),), out=tmp_path / "out", sequences=("ants",))
    assert evaluate_vot(vot, options)[0].names == ("ants",)
