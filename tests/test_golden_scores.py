"""Scores of published raw results, against the scores that were published with them."""

import time

import numpy as np
import pytest

from experiments.published import golden
from siamfc_jax.evaluation.metrics.lasot import score_lasot
from siamfc_jax.evaluation.metrics.otb import first_runs, score_otb
from siamfc_jax.evaluation.runs import ResultError


@pytest.fixture(scope="module")
def otb(shared_golden):
    return shared_golden / "otb"


@pytest.fixture(scope="module")
def sequences(otb):
    return golden.otb_sequences(otb)


@pytest.fixture(scope="module")
def siamfc_3s(otb, sequences):
    return golden.otb_siamfc_3s(otb, sequences)


def in_percent(scores):
    return round(100 * scores.auc, 2), round(100 * scores.precision_at_20, 2)


def test_matlabs_curves_come_out_exactly(otb, sequences):
    expected = golden.otb_matlab_curves(otb)
    results = golden.otb_matlab_raw(otb)
    by_name = {sequence.name: sequence for sequence in sequences}
    for row, tracker in enumerate(expected.trackers):
        ordered = [by_name[name] for name in expected.names]
        scores = score_otb(tracker, ordered, results[tracker], benchmark="OTB-100")
        assert scores.names == expected.names and not scores.problems
        np.testing.assert_array_equal(scores.success, expected.success[row])
        np.testing.assert_array_equal(scores.precision, expected.precision[row])
        assert scores.invalid.sum() == 10


@pytest.mark.parametrize("benchmark", ["OTB-2013", "OTB-50", "OTB-100"])
@pytest.mark.parametrize("protocol", ["OPE", "TRE"])
def test_siamfc_3s_scores_as_published(otb, sequences, siamfc_3s, benchmark, protocol):
    names = golden.otb_lists(otb)[benchmark]
    chosen = [sequence for sequence in sequences if sequence.name in names]
    results = siamfc_3s if protocol == "TRE" else first_runs(siamfc_3s)
    scores = score_otb("SiamFC-3s", chosen, results, benchmark=benchmark, protocol=protocol)
    assert in_percent(scores) == golden.OTB_PUBLISHED["SiamFC-3s", protocol, benchmark]
    assert len(scores.names) == len(names)


def test_text_results_score_as_published(otb, sequences):
    for tracker, results in golden.otb_text(otb).items():
        scores = score_otb(tracker, sequences, results, benchmark="OTB-100")
        assert in_percent(scores) == golden.OTB_PUBLISHED[tracker, "OPE", "OTB-100"]


def test_lasot_scores_as_published(shared_golden):
    sequences = golden.lasot_sequences(shared_golden / "lasot")
    for tracker, results in golden.lasot_runs(shared_golden / "lasot").items():
        scores = score_lasot(tracker, sequences, results)
        found = (scores.auc, scores.normalised_precision_at_02, scores.precision_at_20)
        published = np.asarray(golden.LASOT_PUBLISHED[tracker]) / 100
        np.testing.assert_allclose(found, published, atol=5e-4)
        assert len(scores.names) == 280 and scores.invalid.sum() == 3


def test_scoring_is_quick(sequences, siamfc_3s):
    def seconds(results, protocol):
        began = time.process_time()
        score_otb("SiamFC-3s", sequences, results, benchmark="OTB-100", protocol=protocol)
        return time.process_time() - began

    assert seconds(first_runs(siamfc_3s), "OPE") < 1
    assert seconds(siamfc_3s, "TRE") < 5


def test_a_folder_without_the_results_is_named(tmp_path):
    for reader in (golden.otb_sequences, golden.otb_matlab_raw, golden.lasot_runs):
        with pytest.raises(ResultError, match="no such file; give the folder"):
            reader(tmp_path)
