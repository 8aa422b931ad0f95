"""The table of faults: how it judges and counts, and the families of faults, briefly."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.faults import crops, disk, kills
from experiments.faults.checkpoints import checkpoint_faults
from experiments.faults.datasets import dataset_faults
from experiments.faults.outcomes import (
    SILENT,
    SURVIVED,
    Ended,
    Outcome,
    Row,
    Trial,
    judge_error,
    judge_exit,
    judge_result,
)
from experiments.faults.table import format_row, print_table
from experiments.faults.world import digest, make_data
from siamfc_jax.data import tfrecord
from siamfc_jax.training.checkpoints import Checkpoints, Restored
from tests.pair_datasets import write_pairs

ROOT = Path(__file__).parents[1]
TOLD = Trial(Outcome.DETECTED, "/a/b/shard: too short; make it anew")


def test_a_row_counts_the_outcomes_and_says_what_was_said():
    line = format_row(Row("cut shard", (SURVIVED, TOLD, TOLD)), Path("/a"))
    assert [cell.strip() for cell in line.split("|")] == [
        "cut shard", "3", "2", "1", "0", "b/shard: too short; make it anew",
    ]  # fmt: skip


def test_the_worst_is_what_is_said_and_the_row_is_marked():
    row = Row("cut shard", (TOLD, SILENT), note="2 at night")
    line = format_row(row, Path("/a"))
    assert line.startswith("! cut shard") and line.endswith(
        "2 at night; nothing, and the result is another one"
    )
    assert "\n" not in format_row(Row("x", (Trial(Outcome.SILENT, "y" * 999),)), Path("/a"))


def test_a_fault_that_must_be_survived_is_not_excused_by_an_error():
    assert not Row("cut", (TOLD, SURVIVED)).failed
    assert Row("killed", (TOLD, SURVIVED), Outcome.SURVIVED).failed
    assert Row("flipped", (TOLD, SURVIVED), Outcome.DETECTED).failed
    assert Row("never done", ()).failed


def test_the_table_tells_whether_a_row_failed(capsys):
    good, bad = Row("good", (TOLD,)), Row("bad", (SILENT,))
    assert print_table([good], Path("/a"))
    assert not print_table([good, bad], Path("/a"))
    assert capsys.readouterr().out.splitlines()[-1] == "failed: bad"


@pytest.mark.parametrize(("outcome", "code"), [("SILENT", 1), ("SURVIVED", 0)])
def test_the_command_exits_with_1_for_a_silent_fault(outcome, code, tmp_path):
    script = f"""
import sys, types
from experiments.faults.outcomes import {outcome}, Row
sys.modules["experiments.faults.chain"] = types.SimpleNamespace(
    all_faults=lambda root, kills, flips: iter([Row(f"{{kills}} {{flips}}", ({outcome},))])
)
from experiments import cli, fault_table
sys.argv = ["fault_table", "--kills=7", "--flips=9", "--out={tmp_path / "new"}"]
cli.run(fault_table.main)
"""
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == code, ended.stderr
    assert "7 9" in ended.stdout


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("/x/shard-1: too short; make it anew", Outcome.DETECTED),
        ("the shard is too short; make it anew", Outcome.SILENT),
        ("/x/shard-1: too short", Outcome.SILENT),
        ("/x/shard-1: too short;\nmake it anew", Outcome.SILENT),
    ],
)
def test_an_error_must_name_file_and_remedy_on_one_line(message, outcome):
    assert judge_error(message, ["shard-1"]).outcome == outcome


def test_a_traceback_or_another_exit_code_is_silent():
    said = "1 %|\r2 %|\nerror: shard-1: too short; make it anew\n"
    assert judge_exit(Ended(2, "", said), ["shard-1"]).outcome == Outcome.DETECTED
    assert judge_exit(Ended(1, "", said), ["shard-1"]).outcome == Outcome.SILENT
    assert judge_exit(Ended(2, "", f"Traceback ...\n{said}"), ["shard-1"]).outcome == Outcome.SILENT
    assert judge_exit(Ended(-9, "", ""), ["shard-1"]).outcome == Outcome.SILENT
    assert judge_result(lambda: {}["x"], None, ["x"]).said == "traceback: KeyError: 'x'"


def passed(rows):
    rows = list(rows)
    assert {row.fault: row.said for row in rows if row.failed} == {}
    return rows


def test_damaged_datasets_are_detected_and_left_sound(tmp_path):
    shards = write_pairs(tmp_path / "shards", [5, 4])
    before = digest(shards)
    rows = passed(dataset_faults(shards, flips=40, chance=random.Random(0)))
    assert len(rows[3].trials) == 40
    assert digest(shards) == before


def test_a_reader_that_checks_nothing_makes_the_table_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(tfrecord, "_checked", lambda rest, length, *_: rest[:length])
    shards = write_pairs(tmp_path / "shards", [5, 4])
    rows = {row.fault: row for row in dataset_faults(shards, flips=40, chance=random.Random(0))}
    assert rows["flipped bit of a shard"].failed
    assert not rows["missing shard"].failed


def state_of(value):
    return {"step": np.int32(value), "kernel": np.full((30, 40), value, np.float32)}


@pytest.fixture
def two_checkpoints(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    for step in (1, 2):
        checkpoints.save(step, state_of(step), {"step": step})
    return tmp_path / "checkpoints"


def test_damaged_checkpoints_are_detected_and_left_sound(two_checkpoints):
    before = digest(two_checkpoints)
    passed(checkpoint_faults(two_checkpoints, state_of(0), flips=20, chance=random.Random(0)))
    assert digest(two_checkpoints) == before


def test_checkpoints_that_are_not_checked_make_the_table_fail(two_checkpoints, monkeypatch):
    restored = Restored(state_of(2), {"step": 2}, [])
    monkeypatch.setattr(Checkpoints, "restore", lambda self, template: restored)
    rows = checkpoint_faults(two_checkpoints, state_of(0), flips=2, chance=random.Random(0))
    assert next(rows).failed


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Three clips, their crops and shards."""
    return make_data(tmp_path_factory.mktemp("world"), clips=3)


def test_damaged_images_and_crops_are_detected_or_survived(world, tmp_path):
    chance = random.Random(0)
    passed(crops.image_faults(world.clips, tmp_path, 1, chance))
    passed(crops.repair_faults(world.crops, tmp_path, chance))
    passed(crops.pack_faults(world.crops, tmp_path, 5, chance))


def shard_writer(world, share):
    return disk.Writer(
        "shards", lambda out: world.shard_command(out, "--force"), world.shards, digest, [share]
    )


def test_a_full_disk_is_told_and_the_same_command_goes_on(world, tmp_path):
    (row,) = passed(disk.disk_faults(world, tmp_path, [shard_writer(world, 0.5)]))
    assert "cannot be written" in row.said


def test_without_namespaces_the_size_of_files_is_limited(world, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "_may_mount", lambda place: False)
    (row,) = passed(disk.disk_faults(world, tmp_path, [shard_writer(world, 0.5)]))
    assert "RLIMIT_FSIZE" in row.fault and "cannot be written (File too large)" in row.said


# Writes the numbers 0..9 to a file, one by one; started again, it goes on after the last one.
GOES_ON = """
import pathlib, sys, time
out = pathlib.Path(sys.argv[1], "numbers")
out.parent.mkdir(exist_ok=True)
done = len(out.read_text()) if out.exists() else 0
for number in range(done, 10):
    time.sleep(0.02)
    with out.open("a") as file:
        file.write(str(number))
"""
FORGETS = GOES_ON.replace("range(done, 10)", "range(10)")


def counting(script):
    """A command of which `numbers` is the result, finished or not."""

    def start(out):
        return subprocess.Popen(
            [sys.executable, "-S", "-c", script, str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def reader(out):
        raise ValueError("unfinished")

    return kills.Killable(
        start=start,
        result=lambda out: (out / "numbers").read_text(),
        expected="0123456789",
        reader=reader,
        expected_read="0123456789",
        phase=lambda out: "with numbers" if (out / "numbers").exists() else "without",
    )


def test_a_command_that_goes_on_survives_all_kills(tmp_path):
    moments = kills.spread(5, 0.2, random.Random(0), "numbers")
    trials, phases = kills.kill_often(counting(GOES_ON), tmp_path, "x", moments)
    assert trials == [SURVIVED] * 5 and phases == "5 with numbers"


def test_a_command_that_forgets_what_it_did_is_silent(tmp_path):
    moments = [kills.Moment(0.05, "numbers")] * 2
    trials, _ = kills.kill_often(counting(FORGETS), tmp_path, "x", moments)
    assert trials == [SILENT] * 2


def test_something_unfinished_that_is_read_as_finished_is_silent(tmp_path):
    command = counting(GOES_ON)
    careless = kills.Killable(**vars(command) | {"reader": command.result})
    trials, _ = kills.kill_often(careless, tmp_path, "x", [kills.Moment(0.05, "numbers")])
    assert trials == [Trial(Outcome.SILENT, "unfinished, but read as if it were finished")]


def test_what_was_finished_when_it_was_killed_is_begun_anew(tmp_path):
    command = counting(GOES_ON + "if done < 10: time.sleep(9)")

    def reader(out):
        numbers = command.result(out)
        if len(numbers) < 10:
            raise ValueError("unfinished")
        return numbers

    attentive = kills.Killable(**vars(command) | {"reader": reader})
    moments = [kills.Moment(0.8, "numbers")] * 2
    trials, _ = kills.kill_often(attentive, tmp_path, "x", moments)
    assert trials == [SURVIVED] * 2


def test_a_moment_that_never_comes_is_silent_too(tmp_path):
    trials, _ = kills.kill_often(counting("pass"), tmp_path, "x", [kills.Moment(0.0, "numbers")])
    assert [trial.outcome for trial in trials] == [Outcome.SILENT]


def test_moments_cover_the_time_evenly():
    moments = kills.spread(10, 5.0, random.Random(0), "*")
    assert sorted(int(2 * moment.seconds) for moment in moments) == list(range(10))


@pytest.mark.slow
def test_no_fault_of_the_whole_chain_is_silent(tmp_path):
    command = [sys.executable, "-m", "experiments.fault_table", "--kills=3", "--flips=20"]
    ended = subprocess.run(
        [*command, f"--out={tmp_path / 'faults'}"], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
