"""Result files of OTB, LaSOT and GOT-10k: written, and read back."""

import errno
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from result_samples import all_same, runs_of, tables, video, write

from siamfc_jax.durable import StorageError
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.writing import (
    FORMATS,
)
from siamfc_jax.evaluation.runs import ResultError, Run

ONE_RUN = [name for name in FORMATS if name not in ("otb-mat", "otb-json", "npz", "got10k")]
one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)


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
