"""Submissions to GOT-10k's server."""

import zipfile

import numpy as np
import pytest
from result_samples import all_same, runs_of, video, write

from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.writing import (
    write_results,
    write_submission,
)
from siamfc_jax.evaluation.runs import ResultError, Run


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
