"""Result files of OTB, LaSOT and GOT-10k: written, read back, found, and named when broken."""

import errno
import json
import os
import time
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from result_samples import all_same, runs_of, tables, video

from siamfc_jax.durable import StorageError
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.writing import (
    FORMATS,
    write_results,
    write_sequence,
    write_submission,
)
from siamfc_jax.evaluation.runs import ResultError, Run

ONE_RUN = [name for name in FORMATS if name not in ("otb-mat", "otb-json", "npz", "got10k")]
one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)


def write(folder, runs, sequence, **options):
    write_results(folder, "T", [sequence], {sequence.name: runs}, **options)


@pytest.mark.parametrize("format", FORMATS)
@one_folder
@given(data=st.data(), boxes=tables(4), timed=st.booleans())
def test_every_format_gives_back_every_bit_of_a_run(format, data, boxes, timed, tmp_path):
    seconds = arrays(np.float64, len(boxes), elements=st.floats(0.001, 10))
    timed = timed and format != "otb-json"  # which has room for a rate only
    run = Run(boxes, 0, data.draw(seconds) if timed else None)
    sequence = video(frames=len(boxes))
    write(tmp_path, (run,), sequence, format=format, full=True)
    for asked in (format, "auto"):
        results = read_results(tmp_path, [sequence], format=asked, tracker="T")
        assert not results.problems
        assert all_same(results.runs["Dog"], (run,))


@pytest.mark.parametrize("format", ["otb-mat", "otb-json", "npz"])
@pytest.mark.parametrize("protocol", ["OPE", "TRE", "SRE"])
def test_runs_from_later_frames_come_back_with_their_starts(format, protocol, tmp_path):
    sequence = video(frames=60, first_frame=300)
    runs = runs_of(sequence, protocol, seconds=format != "otb-json")
    write(tmp_path, runs, sequence, format=format, protocol=protocol)
    results = read_results(tmp_path, [sequence], protocol=protocol, tracker="T")
    assert not results.problems
    assert all_same(results.runs["Dog"], runs)


@one_folder
@given(
    tables=st.lists(arrays(np.float64, (3, 4), elements=st.floats(-9, 9)), min_size=1, max_size=4)
)
def test_got10k_keeps_all_repetitions_and_which_were_timed(tables, tmp_path):
    runs = tuple(
        Run(boxes, 0, np.full(3, 0.5) if k % 2 else None) for k, boxes in enumerate(tables)
    )
    write(tmp_path, runs, video(frames=3), format="got10k", full=True)
    (found,) = read_results(tmp_path, [video(frames=3)], tracker="T").runs.values()
    assert all_same(found, runs)


def test_fewer_repetitions_replace_more(tmp_path):
    sequence = video()
    write(tmp_path, runs_of(sequence) * 3, sequence, format="got10k")
    write(tmp_path, runs_of(sequence), sequence, format="got10k")
    assert len(read_results(tmp_path / "T", [sequence]).runs["Dog"]) == 1


def test_a_rate_is_kept_where_the_format_has_no_room_for_times(tmp_path):
    sequence = video(frames=4)
    run = Run(sequence.truth, 0, np.asarray([0.1, 0.3, np.nan, 0.2]))
    write(tmp_path, (run,), sequence, format="otb-json")
    (found,) = read_results(tmp_path, [sequence], tracker="T").runs["Dog"]
    np.testing.assert_allclose(found.seconds, 0.2)


@pytest.mark.parametrize("format", ONE_RUN)
def test_formats_of_one_run_refuse_tre(format, tmp_path):
    sequence = video(frames=60)
    with pytest.raises(ResultError, match="one run from the first frame; write TRE .* 'otb-mat'"):
        write(tmp_path, runs_of(sequence, "TRE"), sequence, format=format, protocol="TRE")
    assert not list(tmp_path.iterdir())


def test_toolkits_find_their_own_names_digits_and_separators(tmp_path):
    sequence = video("Jogging-1", frames=1)
    runs = (Run(np.asarray([[1, 2.00004, 3, 4.5]]), 0, np.asarray([0.25])),)
    for name in FORMATS:
        write(tmp_path / name, runs, sequence, format=name)
    text = {
        path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.txt")
    }
    assert text == {
        "otb-text/T/Jogging-1.txt": "1.0,2.00004,3.0,4.5\n",
        "otb-text/T/Jogging-1_time.txt": "0.25\n",
        "pysot/T/Jogging-1.txt": "1.0,2.00004,3.0,4.5\n",
        "pysot/T/Jogging-1_time.txt": "0.25\n",
        "pytracking/T/Jogging-1.txt": "1.0\t2.00004\t3.0\t4.5\n",
        "pytracking/T/Jogging-1_time.txt": "0.25\n",
        "lasot/T_tracking_result/Jogging-1.txt": "1.0,2.00004,3.0,4.5\n",
        "lasot/T_tracking_result/Jogging-1_time.txt": "0.25\n",
        "got10k-otb/T/Jogging.1.txt": "1.000,2.000,3.000,4.500\n",
        "got10k-otb/T/times/Jogging.1_time.txt": "0.25000000\n",
        "got10k/T/Jogging-1/Jogging-1_001.txt": "1.000,2.000,3.000,4.500\n",
        "got10k/T/Jogging-1/Jogging-1_time.txt": "0.25000000\n",
    }
    assert (tmp_path / "otb-mat/results_OPE/Jogging-1_T.mat").exists()
    assert (tmp_path / "otb-json/OPE/T/Jogging-1.json").exists()
    assert (tmp_path / "npz/T_OPE.npz").exists()


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


def test_nothing_found_says_what_was_looked_for(tmp_path):
    with pytest.raises(ResultError, match=r"gone: no such folder"):
        read_results(tmp_path / "gone", [video()])
    (tmp_path / "readme.md").touch()
    with pytest.raises(ResultError, match=r"<sequence>_<tracker>.mat, .*<sequence>.txt") as raised:
        read_results(tmp_path, [video()])
    assert str(tmp_path) in str(raised.value) and "\n" not in str(raised.value)
    with pytest.raises(ResultError, match="'xml' is not one of auto, otb-text"):
        read_results(tmp_path, [video()], format="xml")


def test_an_unknown_protocol_is_named(tmp_path):
    write(tmp_path, runs_of(video()), video(), format="otb-text")
    problem = read_results(tmp_path, [video()], protocol="XRE", tracker="T").problems["Dog"]
    assert "'XRE' is not one of OPE, TRE, SRE" in problem


def test_one_tracker_is_chosen_among_several(tmp_path):
    sequence = video()
    runs = {name: runs_of(sequence, seed=k) for k, name in enumerate(["KCF", "TLD_2"])}
    for format in ("otb-mat", "otb-text"):
        for name in runs:
            write_results(tmp_path, name, [sequence], {"Dog": runs[name]}, format=format)
    with pytest.raises(ResultError, match="results of KCF, TLD_2; name one tracker"):
        read_results(tmp_path, [sequence])
    for name in runs:
        for format in ("otb-mat", "otb-text"):
            found = read_results(tmp_path, [sequence], format=format, tracker=name)
            assert all_same(found.runs["Dog"], runs[name])


def test_trackers_whose_files_do_not_overlap_are_not_mixed(tmp_path):
    videos = [video("Dog"), video("Cat")]
    for tracker, one in zip(("KCF", "TLD"), videos, strict=True):
        write_sequence(tmp_path, tracker, one, runs_of(one), format="otb-mat")
    with pytest.raises(ResultError, match="results of KCF, TLD; name one tracker"):
        read_results(tmp_path, videos)
    assert list(read_results(tmp_path, videos, tracker="TLD").runs) == ["Cat"]


@pytest.mark.parametrize("format", ["otb-mat", "otb-json", "npz"])
def test_where_there_is_only_tre_its_first_run_is_ope(format, tmp_path):
    sequence = video(frames=60)
    runs = runs_of(sequence, "TRE", seconds=False)
    write(tmp_path, runs, sequence, format=format, protocol="TRE")
    found = read_results(tmp_path, [sequence], tracker="T")
    assert all_same(found.runs["Dog"], runs[:1])
    whole = runs_of(sequence, seconds=False, seed=1)
    write(tmp_path, whole, sequence, format=format)
    assert all_same(read_results(tmp_path, [sequence], tracker="T").runs["Dog"], whole)


@pytest.mark.parametrize("protocol", ["OPE", "TRE", "SRE"])
@pytest.mark.parametrize("format", ["otb-mat", "otb-json", "npz"])
def test_runs_that_begin_where_the_protocol_does_not_are_a_problem(format, protocol, tmp_path):
    sequence = video(frames=60)
    part = Run(sequence.truth[35:], 35)
    write(
        tmp_path, (part,) * {"OPE": 1, "TRE": 20, "SRE": 12}[protocol], sequence, format=format,
        protocol=protocol,
    )  # fmt: skip
    found = read_results(tmp_path, [sequence], protocol=protocol, tracker="T")
    assert "begins on row 35 of the annotation, not on 0" in found.problems["Dog"]


def test_auto_takes_what_most_sequences_have(tmp_path):
    videos = [video(name, 1) for name in ("Dog", "Cat")]
    (tmp_path / "Dog.txt").write_text("1,2,3,4\n")
    write_results(tmp_path, "T", videos, {v.name: runs_of(v) for v in videos}, format="npz")
    os.rename(tmp_path / "T_OPE.npz", tmp_path / "all.npz")
    assert list(read_results(tmp_path, videos).runs) == ["Dog"]
    assert list(read_results(tmp_path / "all.npz", videos).runs) == ["Dog", "Cat"]


def test_a_full_disk_leaves_the_old_file_and_names_it(tmp_path, monkeypatch):
    sequence = video()
    write(tmp_path, runs_of(sequence), sequence, format="otb-mat")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"Dog_T.mat: cannot be written \(No space left"):
        write(tmp_path, runs_of(sequence, seed=1), sequence, format="otb-mat")
    assert [path.name for path in (tmp_path / "results_OPE").iterdir()] == ["Dog_T.mat"]
    kept = read_results(tmp_path, [sequence], tracker="T").runs["Dog"]
    assert all_same(kept, runs_of(sequence))


def test_a_submission_is_the_tree_of_got10k_and_reads_back(tmp_path):
    videos = [video(f"GOT-10k_Test_{k:06d}", 3) for k in (1, 2)]
    runs = {v.name: runs_of(v) * 3 for v in videos}
    write_results(tmp_path, "T", videos, runs, format="got10k", full=True)
    path = write_submission(tmp_path, "T", videos)
    assert path == tmp_path / "T.zip"
    name = "GOT-10k_Test_000001"
    with zipfile.ZipFile(path) as archive:
        assert [entry for entry in archive.namelist() if entry.startswith(name)] == [
            *(f"{name}/{name}_{k:03d}.txt" for k in (1, 2, 3)), f"{name}/{name}_time.txt"
        ]  # fmt: skip
    found = read_results(path, videos)
    assert not found.problems
    assert all(all_same(found.runs[name], runs[name]) for name in runs)


def test_a_submission_has_numbers_only(tmp_path):
    sequence = video("GOT-10k_Test_000001", 4)
    boxes = np.asarray([[1.0, 2, 3, 4], [5, 6, 7, 8], [np.nan] * 4, [np.inf, 1, 2, 3]])
    write(tmp_path, (Run(boxes),), sequence, format="got10k")
    found = read_results(write_submission(tmp_path, "T", [sequence]), [sequence])
    np.testing.assert_array_equal(found.runs[sequence.name][0].boxes, boxes[[0, 1, 1, 1]])


def test_no_submission_of_half_a_benchmark(tmp_path):
    videos = [video("A", 3), video("B", 3)]
    write_results(tmp_path, "T", videos, {"A": runs_of(videos[0])}, format="got10k")
    with pytest.raises(ResultError, match="1 of 2: .*no file of B"):
        write_submission(tmp_path, "T", videos)


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
