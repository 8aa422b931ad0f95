"""Result files as they are found: spelt and separated in many ways, broken, damaged."""

import json
import time
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from result_samples import runs_of, video, write

from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.writing import (
    write_results,
)
from siamfc_jax.evaluation.runs import ResultError


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Skating2-1", "skating2_1.txt"),
        ("Skating2-1", "Skating2.1.txt"),
        ("Human4-2", "human4_2.txt"),
        ("Human4-2", "Human4.txt"),
        ("Human4-2", "human42.txt"),
        ("Jogging-1", "Jogging1.txt"),
        ("MountainBike", "mountainBike.txt"),
    ],
)
def test_a_sequence_is_found_however_it_is_spelt(name, file, tmp_path):
    (tmp_path / file).write_text("1,2,3,4\n")
    assert read_results(tmp_path, [video(name, frames=1)]).runs[name][0].boxes.tolist() == [
        [1, 2, 3, 4]
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3,4\n5,6,7,8\n",
        "1\t2\t3\t4\n5\t6\t7\t8",
        " 1 2  3 4\r\n5 6 7 8\r\n\r\n",
        "\ufeff1, 2, 3, 4\n5.0,6e0,7,8\n",
    ],
)
def test_rows_may_be_separated_by_commas_tabs_or_spaces(text, tmp_path):
    (tmp_path / "Dog.txt").write_text(text, newline="")
    (run,) = read_results(tmp_path, [video(frames=2)]).runs["Dog"]
    assert run.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


@pytest.mark.parametrize(
    "unusable", ["NaN", "nan", "-nan(ind)", "1.#IND", "-1.#QNAN", "3+4i", "2.5-1e2i"]
)
def test_what_toolkits_write_for_no_number_is_nan(unusable, tmp_path):
    (tmp_path / "Dog.txt").write_text(f"1,2,3,4\n{unusable},6,7,8\n")
    (run,) = read_results(tmp_path, [video(frames=2)]).runs["Dog"]
    assert np.isnan(run.boxes[1, 0]) and run.boxes[1, 1:].tolist() == [6, 7, 8]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty; run"),
        (b"\n \n", "empty; run"),
        (b"1,2,3,4\n", "1 rows, 2 frames"),
        (b"1,2,3\n1,2,3\n", "row 1 has 3 numbers instead of 4"),
        (b"1,2,3,4\n1,2,3,4,5\n", "row 2 has 5 numbers instead of 4"),
        (b"1,2,3,4\n1,,3,4\n", "line 2 is not numbers"),
        (b"1,2,3,4\n\n1,2,3,4\n", "line 2 is blank"),
        (b"x y w h\n1 2 3 4\n", "line 1 is not numbers ('x,y,w,h')"),
        (b"1,2,3,4\n1,2,1_0,4\n", "line 2 is not numbers"),
        (b"\x00\xff\xfe\x00", "not a text file"),
    ],
)
def test_a_broken_text_file_is_named_and_the_others_are_read(content, problem, tmp_path):
    (tmp_path / "Dog.txt").write_bytes(content)
    (tmp_path / "Cat.txt").write_text("1,2,3,4\n" * 2)
    results = read_results(tmp_path, [video("Dog", 2), video("Cat", 2), video("Cow", 2)])
    assert list(results.runs) == ["Cat"]
    assert results.problems["Dog"].startswith(f"{tmp_path / 'Dog.txt'}: ")
    assert problem in results.problems["Dog"]
    assert results.problems["Cow"] == f"{tmp_path}: no file of Cow; run this sequence"


def test_times_that_do_not_fit_are_a_problem_with_two_remedies(tmp_path):
    sequence = video(frames=2)
    write(tmp_path, runs_of(sequence), sequence, format="otb-text")
    (tmp_path / "T/Dog_time.txt").write_text("0.1\n")
    problem = read_results(tmp_path, [sequence], tracker="T").problems["Dog"]
    assert "Dog_time.txt: 1 times for 2 frames; run this sequence again, or remove" in problem
    (tmp_path / "T/Dog_time.txt").write_text("0.1\n-1\n")
    problem = read_results(tmp_path, [sequence], tracker="T").problems["Dog"]
    assert "Dog_time.txt: a negative time" in problem
    (tmp_path / "T/Dog_time.txt").unlink()
    assert read_results(tmp_path, [sequence], tracker="T").runs["Dog"][0].seconds is None


def test_a_file_larger_than_any_result_is_not_read_whole(tmp_path):
    packed = zipfile.ZipFile(tmp_path / "T.zip", "w", zipfile.ZIP_DEFLATED)
    with packed as archive, archive.open("Dog.txt", "w") as file:
        for _ in range(33):
            file.write(bytes(2**20))
    sequence = video(frames=2)
    problem = read_results(tmp_path / "T.zip", [sequence]).problems["Dog"]
    assert "Dog.txt: larger than any result" in problem


def test_a_gap_between_repetitions_is_a_problem(tmp_path):
    sequence = video()
    write(tmp_path, runs_of(sequence) * 3, sequence, format="got10k")
    (tmp_path / "T/Dog/Dog_002.txt").unlink()
    assert "no Dog_002.txt" in read_results(tmp_path, [sequence], tracker="T").problems["Dog"]


def test_longer_runs_are_kept_as_they_are(tmp_path):
    write(tmp_path, runs_of(video(frames=9)), video(frames=9), format="otb-text")
    (run,) = read_results(tmp_path, [video(frames=7)], tracker="T").runs["Dog"]
    assert len(run.boxes) == 9


def test_a_run_over_tiger1s_whole_folder_loses_the_omitted_frames(tmp_path):
    tiger = video("Tiger1", 349, first_frame=6, omitted=((1, 5),))
    whole = runs_of(video("Tiger1", 354))
    write(tmp_path, whole, video("Tiger1", 354), format="got10k-otb", full=True)
    (run,) = read_results(tmp_path, [tiger], tracker="T").runs["Tiger1"]
    np.testing.assert_array_equal(run.boxes, whole[0].boxes[5:])
    np.testing.assert_array_equal(run.omitted_boxes, whole[0].boxes[:5])
    assert len(run.seconds) == 349


def test_got10ks_test_sequences_are_as_long_as_their_frames(tmp_path):
    frames = tuple(tmp_path / f"{k}.jpg" for k in range(5))
    hidden = video(frames=1)._replace(frames=frames)
    write(tmp_path, runs_of(video(frames=4)), video(frames=4), format="got10k")
    assert "4 rows, 5 frames" in read_results(tmp_path, [hidden], tracker="T").problems["Dog"]


@pytest.mark.parametrize("format", ["otb-mat", "otb-json", "npz"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_a_file_goes_further_than_its_sequence(format, data, tmp_path):
    sequence = video(frames=3)
    write(tmp_path, runs_of(sequence), sequence, format=format)
    (file,) = (path for path in tmp_path.rglob("*.*") if path.is_file())
    content = bytearray(file.read_bytes())
    if data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    file.write_bytes(content)
    try:
        problems = read_results(tmp_path, [sequence], format=format, tracker="T").problems
    except ResultError as error:
        problems = {"Dog": str(error)}
    assert all(str(tmp_path) in line and "\n" not in line for line in problems.values())


def test_a_hundred_files_take_a_moment(tmp_path):
    videos = [video(f"v{k}", 590) for k in range(100)]
    write_results(
        tmp_path, "T", videos, {v.name: runs_of(v, seconds=False) for v in videos}, format="npz"
    )
    rows = "".join(
        f"{x!r},{x!r},{x!r},{x!r}\n" for x in np.random.default_rng(0).normal(50, 9, 590).tolist()
    )
    for v in videos:
        (tmp_path / f"{v.name}.txt").write_text(rows)
    began = time.process_time()
    assert len(read_results(tmp_path, videos).runs) == 100
    assert time.process_time() - began < 0.6  # .15 s on an idle core


def test_published_results_are_read(shared_golden):
    meta = json.loads((shared_golden / "otb/otb100_meta_gt.json").read_text())
    skipped = {"Tiger1": 5}
    videos = [
        video(name)._replace(
            truth=np.asarray(entry["gt"], float)[skipped.get(name, 0) :],
            first_frame=entry["start"] + skipped.get(name, 0),
            omitted=tuple(map(tuple, entry["init_omit"])),
        )
        for name, entry in meta.items()
    ]
    for file in ("txt_ATOM", "txt_SiamFC", "SiamFC-3s_TRE"):
        results = read_results(shared_golden / f"otb/{file}.npz", videos)
        assert len(results.runs) == 100 and not results.problems
    tre = read_results(shared_golden / "otb/SiamFC-3s_TRE.npz", videos, protocol="TRE")
    assert not tre.problems
    assert {len(runs) for runs in tre.runs.values()} == {20}
    for v in videos:
        assert all(run.start + len(run.boxes) == len(v.truth) for run in tre.runs[v.name])
