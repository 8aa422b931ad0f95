"""Published raw results give the published numbers."""

from functools import cache

import numpy as np
import pytest

from experiments.published.golden_vot import vot_sequences
from siamfc_jax.evaluation.metrics.vot_scores import score_vot
from siamfc_jax.evaluation.runs import Results, VotRun


@cache
def sequences_of(golden, year):
    return vot_sequences(golden / f"vot/vot{year}_gt.json.gz")


@cache
def scores_of(golden, year, tracker, profile):
    sequences = sequences_of(golden, year)
    folder = golden / f"vot/results_{year}/{tracker}/baseline"
    runs = {}
    for one in sequences:
        lines = (folder / one.name / f"{one.name}_001.txt").read_text().split()
        runs[one.name] = (VotRun(tuple(np.array(line.split(","), float) for line in lines)),)
    return score_vot(tracker, sequences, Results(runs), benchmark=f"VOT{year}", profile=profile)


def test_dasiamrpn_on_vot2018_as_published(shared_golden):
    scores = scores_of(shared_golden, 2018, "DaSiamRPN", "vot-classic")
    assert scores.accuracy == pytest.approx(0.586, abs=5e-4)
    assert scores.robustness == pytest.approx(0.276, abs=5e-4)
    assert scores.expected_overlap == pytest.approx(0.383, abs=5e-4)
    assert (scores.failures, scores.frames.sum(), scores.problems) == (59, 21356, {})


@pytest.mark.parametrize(
    ("year", "tracker", "profile", "published"),
    [
        (2018, "NanoTrack", "pysot", 0.311),
        (2018, "SiamAPN", "pysot", 0.248),
        (2019, "LightTrack", "pysot", 0.328),
        (2019, "SiamAPN++", "pysot", 0.234),
        (2019, "SiamAPN++", "vot-classic", 0.2355),
        (2018, "DaSiamRPN", "vot-python", 0.372),
    ],
)
def test_expected_average_overlap_as_published(shared_golden, year, tracker, profile, published):
    scores = scores_of(shared_golden, year, tracker, profile)
    assert scores.expected_overlap == pytest.approx(published, abs=5e-4)


def test_rectangles_that_end_a_pixel_earlier_raise_the_scores(shared_golden):
    classic, later = (
        scores_of(shared_golden, 2018, "DaSiamRPN", profile)
        for profile in ("vot-classic", "vot-2019")
    )
    assert 0.002 <= later.accuracy - classic.accuracy <= 0.007
    assert 0.001 <= later.expected_overlap - classic.expected_overlap <= 0.005
