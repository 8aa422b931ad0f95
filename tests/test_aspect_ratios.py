"""Whether boxes change their aspect ratio where the target does: measured, printed and drawn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.evaluation.aspect import print_aspect_ratios
from siamfc_jax.evaluation.metrics.aspect import (
    FEWEST_FRAMES,
    aspect_scores,
    aspect_trace,
    aspects_of,
    changing,
    pooled,
)
from siamfc_jax.evaluation.presentation.aspect_tables import aspect_table
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.sequences import Sequence
from tests.evaluation_trees import write_got10k, write_lasot, write_otb, write_rows

ROOT = Path(__file__).parents[1]
SWING = np.sin(np.arange(40) / 5)
"""A log2 ratio over frames that begins with 0."""


def boxes_of(log_ratios, first=0.5, area=400.0):
    """Boxes [n, 4] around (50, 50), of the ratio `first` * 2 ** log_ratios."""
    ratios = first * 2.0 ** np.asarray(log_ratios, np.float64)
    sizes = np.stack([np.sqrt(area * ratios), np.sqrt(area / ratios)], 1)
    return np.hstack([50 - sizes / 2, sizes])


def scores_of(truth, result, **options):
    return aspect_scores(aspect_trace(truth, result, **options))


def test_a_tracker_that_keeps_the_ratio_is_as_good_as_a_fixed_ratio():
    scores = scores_of(boxes_of(SWING), boxes_of(0 * SWING))
    assert scores.error_ratio == pytest.approx(1)
    assert scores.error == pytest.approx(np.abs(SWING[1:]).mean())
    assert (scores.slope, scores.result_deviation) == (pytest.approx(0), pytest.approx(0))
    assert np.isnan(scores.correlation)


def test_a_tracker_that_follows_has_no_error():
    scores = scores_of(boxes_of(SWING), boxes_of(SWING, area=300.0))
    assert scores.error == pytest.approx(0)
    assert scores.error_ratio == pytest.approx(0)
    assert scores.correlation == pytest.approx(1) == scores.slope
    assert scores.truth_deviation == pytest.approx(SWING[1:].std())
    assert scores.result_deviation == pytest.approx(SWING[1:].std())


def test_a_tracker_that_follows_by_half_has_half_the_slope_and_half_the_error():
    scores = scores_of(boxes_of(SWING), boxes_of(SWING / 2))
    assert (scores.slope, scores.correlation) == (pytest.approx(0.5), pytest.approx(1))
    assert scores.error_ratio == pytest.approx(0.5)


def test_a_tracker_that_does_the_contrary_is_worse_than_a_fixed_ratio():
    scores = scores_of(boxes_of(SWING), boxes_of(-SWING))
    assert (scores.slope, scores.correlation) == (pytest.approx(-1), pytest.approx(-1))
    assert scores.error_ratio == pytest.approx(2)


def test_twice_as_wide_for_its_height_is_one():
    truth = boxes_of([0.0, 1.0, -1.0])
    np.testing.assert_allclose(truth[1, 2] / truth[1, 3], 2 * truth[0, 2] / truth[0, 3])
    np.testing.assert_allclose(aspect_trace(truth, truth).truth, [1, -1])


@given(st.lists(st.floats(-1, 1), min_size=12, max_size=30), st.integers(0, 2**31))
def test_slope_and_correlation_are_those_of_numpy(log_ratios, seed):
    truth = np.asarray([0, *log_ratios]) + 0.1 * SWING[: len(log_ratios) + 1]
    noisy = 0.6 * truth + np.random.default_rng(seed).normal(0, 0.2, len(truth))
    scores = scores_of(boxes_of(truth), boxes_of(noisy))
    t, r = truth[1:], noisy[1:]
    if t.std() >= 0.05:
        np.testing.assert_allclose(scores.slope, np.polyfit(t, r, 1)[0], atol=1e-9)
        np.testing.assert_allclose(scores.correlation, np.corrcoef(t, r)[0, 1], atol=1e-9)
    np.testing.assert_allclose(scores.error, np.abs(r - t).mean())


def test_frames_without_usable_boxes_are_left_out():
    truth, result = boxes_of(SWING), boxes_of(SWING)
    truth[3] = np.nan
    truth[4, 2] = 0
    result[5, 1] = np.inf
    result[6, 3] = -1
    trace = aspect_trace(truth, result, visible=np.arange(40) != 7)
    assert trace.due == 39 - 3
    assert trace.rows.tolist() == [1, 2, *range(8, 40)]
    assert aspect_scores(trace).error == pytest.approx(0)


def test_frames_of_a_lost_tracker_are_left_out():
    truth, result = boxes_of(SWING), boxes_of(0 * SWING)
    result[10:, 0] += 500
    trace = aspect_trace(truth, result)
    assert (len(trace.rows), trace.due) == (9, 39)
    assert len(aspect_trace(truth, result, overlap_above=-1.0).rows) == 39


def test_too_few_frames_say_only_how_many():
    few = FEWEST_FRAMES - 1
    scores = scores_of(boxes_of(SWING[: few + 1]), boxes_of(SWING[: few + 1]))
    assert scores.frames == few
    assert np.isnan([*scores[2:], scores.error_ratio]).all()
    assert not np.isnan(scores_of(boxes_of(SWING[: few + 2]), boxes_of(SWING[: few + 2])).error)


def test_without_a_first_true_box_no_frame_counts():
    truth = boxes_of(SWING)
    truth[0, 2] = 0
    assert aspect_trace(truth, boxes_of(SWING))[2:] == (pytest.approx([]), 0)


def test_a_truth_that_does_not_change_asks_nothing():
    scores = scores_of(boxes_of(0 * SWING), boxes_of(SWING))
    assert np.isnan([scores.correlation, scores.slope, scores.error_ratio]).all()
    assert scores.error == pytest.approx(np.abs(SWING[1:]).mean())


def test_pooled_frames_keep_the_offset_of_their_own_sequence():
    wide, tall = (boxes_of(SWING, first=first) for first in (3.0, 1 / 3))
    traces = [aspect_trace(truth, truth) for truth in (wide, tall)]
    together = pooled(traces)
    assert (len(together.rows), together.due) == (78, 78)
    np.testing.assert_allclose(together.truth, np.tile(SWING[1:], 2))
    assert aspect_scores(pooled([])).frames == 0


def test_boxes_of_another_number_are_refused():
    with pytest.raises(ValueError, match=r"boxes \[39, 4\] for a truth \[40, 4\]"):
        aspect_trace(boxes_of(SWING), boxes_of(SWING[1:]))


def sequence(name, log_ratios):
    return Sequence(name, (), boxes_of(log_ratios))


def test_every_run_of_a_sequence_counts_and_short_ones_are_problems():
    truths = [sequence(name, SWING) for name in ("Two", "Short", "None")]
    run = Run(boxes_of(SWING))
    results = Results({"Two": (run, run), "Short": (Run(run.boxes[:9]),)}, {"None": "no file"})
    aspects = aspects_of("T", truths, results)
    assert [trace.due for trace in aspects.traces["Two"]] == [39, 39]
    assert list(aspects.traces) == ["Two"]
    assert aspects.problems["Short"].startswith("9 boxes for 40 frames")
    assert aspects.problems["None"] == "no file"


def test_the_last_row_is_of_the_sequences_whose_truth_changes():
    truths = [sequence("Swinging", SWING), sequence("Stiff", SWING / 10)]
    assert changing(truths) == {"Swinging"}
    runs = {one.name: (Run(boxes_of(SWING)),) for one in truths}
    table = aspect_table("OTB", aspects_of("T", truths, Results(runs)), changing(truths))
    assert [row[0].text for row in table.rows] == ["Swinging", "Stiff"]
    everything, followed = ([cell.text for cell in row] for row in table.summary)
    assert everything[:3] == ["all 2", "78", "78"]
    spread, mean = f"{SWING[1:].std():.3f}", f"{np.abs(SWING[1:]).mean():.3f}"
    expected = f"39 39 {spread} {spread} 1.00 1.00 0.000 {mean} 0.00"
    assert followed == ["changing 1", *expected.split()]


@pytest.fixture
def otb(tmp_path):
    """Two sequences, and results of a tracker that follows and of one that keeps the ratio."""
    for name, swing in (("Dog", SWING), ("Girl", SWING / 2)):
        write_otb(tmp_path / "otb", name, boxes_of(swing), images=0)
        for tracker, followed in (("RPN", swing), ("FC", 0 * swing)):
            (tmp_path / tracker).mkdir(exist_ok=True)
            np.savetxt(tmp_path / tracker / f"{name}.txt", boxes_of(followed), "%.6f", ",")
    return tmp_path / "otb"


def test_a_table_is_printed_for_every_tracker_and_a_plot_is_drawn(otb, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    results = (str(tmp_path / "RPN"), f"fixed={tmp_path / 'FC'}")
    for file in ("a.png", "a.svg"):
        assert print_aspect_ratios("OTB", otb, results, plot=tmp_path / file) == 0
        assert (tmp_path / file).stat().st_size > 1000
    printed = capsys.readouterr().out
    assert "Aspect ratios of RPN on OTB (2 sequences)" in printed
    rows = [line.split() for line in printed.splitlines() if line.startswith("Dog")]
    assert rows[0][5:7] == ["1.00", "1.00"] and rows[0][-1] == "0.00"
    assert rows[1][5:7] == ["-", "0.00"] and rows[1][-1] == "1.00"
    labels = (tmp_path / "a.svg").read_text()
    assert all(f">{label}<" in labels for label in ("truth", "RPN", "fixed", "Dog", "Girl"))


def test_the_line_of_a_tracker_begins_at_the_given_ratio_and_has_gaps_where_it_is_lost():
    plots = pytest.importorskip("siamfc_jax.evaluation.presentation.aspect_plots")
    truths = [sequence("Stiff", SWING / 2), sequence("Swinging", SWING)]
    lost = boxes_of(SWING / 4)
    lost[20:30, 0] += 500
    aspects = aspects_of("T", truths, Results({"Swinging": (Run(lost),)}))
    figure = plots.aspect_plot(truths, [aspects])
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("Swinging", "Stiff")
    drawn = {line.get_label(): line.get_ydata() for line in first.get_lines()}
    np.testing.assert_allclose(drawn["truth"], SWING, atol=1e-12)
    assert np.flatnonzero(np.isnan(drawn["T"])).tolist() == list(range(20, 30))
    np.testing.assert_allclose(drawn["T"][:20], SWING[:20] / 4, atol=1e-12)
    assert np.isnan(second.get_lines()[-1].get_ydata()[1:]).all()


def test_other_benchmarks_are_read_as_their_evaluation_does(tmp_path, capsys):
    write_lasot(tmp_path / "lasot", "cup-1", boxes_of(SWING), unseen=(5, 6))
    write_got10k(tmp_path / "got10k", rows=boxes_of(SWING))
    for name in ("cup-1", "GOT-10k_Val_000001"):
        write_rows(tmp_path / f"RPN/{name}.txt", boxes_of(SWING))
    for benchmark, folder, due in (("LaSOT", "lasot", "37"), ("GOT-10k", "got10k", "39")):
        assert print_aspect_ratios(benchmark, tmp_path / folder, (str(tmp_path / "RPN"),)) == 0
        (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("all"))
        assert row.split()[2:4] == [due, due]


def test_a_sequence_without_a_result_is_named_and_changes_the_exit_code(otb, tmp_path, capsys):
    (tmp_path / "RPN/Girl.txt").unlink()
    assert print_aspect_ratios("OTB", otb, (str(tmp_path / "RPN"),)) == 3
    assert "Girl: " in capsys.readouterr().out
    only = print_aspect_ratios("OTB", otb, (str(tmp_path / "RPN"),), sequences=("Dog",))
    assert only == 0 and "Girl" not in capsys.readouterr().out


def test_what_is_not_given_is_said_in_one_line(otb, tmp_path):
    command = [sys.executable, "-m", "experiments.aspect_ratios"]
    for arguments, reason in (
        ([], "give one benchmark: --otb="),
        ([f"--otb={otb}"], "--results=NAME=PATH"),
        ([f"--otb={otb}", "--results=X=nowhere"], "nowhere: no such folder"),
        ([f"--otb={otb}", f"--results={tmp_path / 'RPN'}", "--plot=a.jpg"], "change the suffix"),
    ):
        done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ") and reason in done.stderr
        assert done.stderr.count("\n") == 1
