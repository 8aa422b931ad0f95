"""Result files of VOT: text and binary, repetitions, times."""

import gzip
import json
import struct
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from result_samples import all_same, vot_runs, vot_video

from siamfc_jax.evaluation.formats import vot_binary, vot_text
from siamfc_jax.evaluation.formats.vot_results import (
    read_vot_results,
    write_vot_sequence,
)
from siamfc_jax.evaluation.runs import ResultError, VotRun

one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
RECTANGLE = np.asarray([1.5, -2.25, 3.0, 4.0])
POLYGON = np.arange(8.0)
RUN = VotRun((np.asarray([1.0]), RECTANGLE, POLYGON, np.asarray([2.0]), np.asarray([0.0])))


@pytest.mark.parametrize("binary", [False, True])
@one_folder
@given(sample=vot_runs())
def test_repetitions_come_back_to_the_last_bit(binary, sample, tmp_path):
    sequence, runs = sample
    write_vot_sequence(tmp_path, "T", sequence.name, runs, binary=binary, full=True)
    results = read_vot_results(tmp_path, [sequence], tracker="T")
    assert not results.problems
    assert all_same(results.runs[sequence.name], runs)


def test_text_is_what_matlab_and_pysot_write(tmp_path):
    run = RUN._replace(seconds=np.asarray([0.5, 0.25, np.nan, 1, 1]))
    write_vot_sequence(tmp_path, "T", "ants1", (run, run), experiment="realtime")
    folder = tmp_path / "T/realtime/ants1"
    assert (folder / "ants1_002.txt").read_text() == (
        "1\n1.5000,-2.2500,3.0000,4.0000\n"
        "0.0000,1.0000,2.0000,3.0000,4.0000,5.0000,6.0000,7.0000\n2\n0\n"
    )
    assert (folder / "ants1_time.txt").read_text().splitlines()[1:3] == ["0.25,0.25", "nan,nan"]


def test_binary_is_what_the_python_toolkit_writes(tmp_path):
    write_vot_sequence(
        tmp_path, "T", "ants1", (RUN._replace(seconds=np.full(5, 0.5)),), binary=True
    )
    folder = tmp_path / "T/baseline/ants1"
    assert (folder / "ants1_001.bin").read_bytes() == (
        struct.pack("<hI", 1, 5)
        + struct.pack("<BI", 0, 1)
        + struct.pack("<Bffff", 1, *RECTANGLE)
        + struct.pack("<BH8f", 2, 4, *POLYGON)
        + struct.pack("<BI", 0, 2)
        + struct.pack("<BI", 0, 0)
    )
    assert (folder / "ants1_001_time.value").read_text() == "0.5\n" * 5


def test_a_blank_line_in_a_value_file_is_an_unknown_time(tmp_path):
    write_vot_sequence(tmp_path, "T", "ants1", (RUN,), binary=True)
    (tmp_path / "T/baseline/ants1/ants1_001_time.value").write_text("\n.5\n.5\n\n.5\n")
    (run,) = read_vot_results(tmp_path, [vot_video()], tracker="T").runs["ants1"]
    np.testing.assert_array_equal(run.seconds, [np.nan, 0.5, 0.5, np.nan, 0.5])


def test_a_new_result_replaces_the_other_kind_and_later_repetitions(tmp_path):
    sequence = vot_video()
    write_vot_sequence(tmp_path, "T", "ants1", (RUN, RUN, RUN))
    write_vot_sequence(tmp_path, "T", "ants1", (RUN,), binary=True)
    names = [path.name for path in (tmp_path / "T/baseline/ants1").iterdir()]
    assert names == ["ants1_001.bin"]
    assert len(read_vot_results(tmp_path, [sequence], tracker="T").runs["ants1"]) == 1


def test_tracker_experiment_and_sequences_are_found_from_any_folder(tmp_path):
    write_vot_sequence(tmp_path, "T", "ants1", (RUN,), experiment="unsupervised")
    for path, tracker in (
        (tmp_path, "T"),
        (tmp_path / "T", None),
        (tmp_path / "T/unsupervised", None),
    ):
        found = read_vot_results(path, [vot_video()], experiment="unsupervised", tracker=tracker)
        assert list(found.runs) == ["ants1"]
    with pytest.raises(ResultError, match="looked for baseline/<sequence>/<sequence>_001.txt"):
        read_vot_results(tmp_path / "T", [vot_video()])


def test_the_folder_of_an_experiment_is_not_taken_for_another(tmp_path):
    write_vot_sequence(tmp_path, "T", "ants1", (RUN,))
    baseline = tmp_path / "T/baseline"
    assert read_vot_results(baseline, [vot_video()], unnamed=False).runs
    with pytest.raises(ResultError, match="looked for unsupervised/"):
        read_vot_results(baseline, [vot_video()], experiment="unsupervised")
    plain = baseline.rename(tmp_path / "T/files")
    assert read_vot_results(plain, [vot_video()], experiment="unsupervised").runs
    with pytest.raises(ResultError, match="looked for unsupervised/"):
        read_vot_results(plain, [vot_video()], experiment="unsupervised", unnamed=False)


TEXT = vot_text.format_trajectory(RUN.regions)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (TEXT[: TEXT.index(b"2\n0")], "3 rows, 5 frames"),
        (b"1\n" * 4 + b"3\n", r"region 5 (code 3) is neither a code"),
        (b"1\n" * 4 + b"1,2\n", "region 5 (2 numbers)"),
        (b"1\n" * 4 + b"1,2,3,4,5\n", "region 5 (5 numbers)"),
        (b"1\nlost\n", "line 2 is not numbers ('lost')"),
        (b"1\nm1,2,3,4,5\n", "holds masks"),
    ],
)
def test_a_broken_text_is_named_and_the_others_are_read(content, problem, tmp_path):
    for name in ("ants1", "bag"):
        write_vot_sequence(tmp_path, "T", name, (RUN, RUN))
    file = tmp_path / "T/baseline/ants1/ants1_002.txt"
    file.write_bytes(content)
    results = read_vot_results(
        tmp_path, [vot_video(), vot_video("bag"), vot_video("car1")], tracker="T"
    )
    assert list(results.runs) == ["bag"]
    assert (
        results.problems["ants1"].startswith(f"{file}: ") and problem in results.problems["ants1"]
    )
    assert "no file of car1" in results.problems["car1"]


@pytest.mark.parametrize("kind", [3, 4])
def test_masks_and_points_are_refused(kind):
    with pytest.raises(ResultError, match="holds masks or points; score it with the VOT toolkit"):
        vot_binary.parse_trajectory(struct.pack("<hIB", 1, 1, kind) + bytes(40))


@given(data=st.data())
def test_a_damaged_binary_raises_or_reads(data):
    content = bytearray(vot_binary.format_trajectory(RUN.regions))
    if data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            vot_binary.parse_trajectory(bytes(content))
        except ResultError as error:
            assert "\n" not in str(error)
    else:
        cut = data.draw(st.integers(0, len(content) - 1))
        with pytest.raises(ResultError, match="cut short"):
            vot_binary.parse_trajectory(bytes(content[:cut]))
    with pytest.raises(ResultError, match="1 bytes too many"):
        vot_binary.parse_trajectory(vot_binary.format_trajectory(RUN.regions) + b"\0")


@pytest.mark.parametrize(
    ("year", "tracker"),
    [
        (2018, "DaSiamRPN"),
        (2018, "NanoTrack"),
        (2018, "SiamAPN"),
        (2019, "LightTrack"),
        (2019, "SiamAPN++"),
    ],
)
def test_published_results_are_read_and_written_byte_for_byte(
    year, tracker, shared_golden, tmp_path
):
    with gzip.open(shared_golden / f"vot/vot{year}_gt.json.gz") as file:
        lengths = {name: len(entry["gt"]) for name, entry in json.load(file).items()}
    videos = [vot_video(name, frames) for name, frames in lengths.items()]
    source = shared_golden / f"vot/results_{year}"
    began = time.process_time()
    results = read_vot_results(source, videos, tracker=tracker)
    assert time.process_time() - began < 0.6  # .1 s on an idle core
    assert len(results.runs) == 60 and not results.problems
    for name in list(lengths)[::10]:
        write_vot_sequence(tmp_path, tracker, name, results.runs[name])
        file = f"{tracker}/baseline/{name}/{name}_001.txt"
        assert (tmp_path / file).read_bytes() == (source / file).read_bytes()
