"""Which of the result files in a folder are read."""

import os

import pytest
from result_samples import all_same, runs_of, video, write

from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.writing import (
    write_results,
    write_sequence,
)
from siamfc_jax.evaluation.runs import ResultError, Run


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
