"""Scores of a tracker on OTB: what is scored, what becomes a problem, and how sequences add up."""

import math

import numpy as np
import pytest

from siamfc_jax.evaluation.metrics.curve_scores import by_attribute
from siamfc_jax.evaluation.metrics.otb import first_runs, score_otb
from siamfc_jax.evaluation.protocols.perturbations import SHIFTS, perturbed_boxes
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.sequences import Sequence

BOX = [20, 30, 20, 10]


def still(name, frames=30, codes=()):
    return Sequence(name, (), np.tile(np.asarray(BOX, float), (frames, 1)), attributes=codes)


def shifted(sequence, pixels, start=0, **fields):
    boxes = sequence.truth[start:] + [pixels, 0, 0, 0]
    return Run(boxes, start, **fields)


def score(sequences, runs, problems=None, **settings):
    results = Results(runs, problems or {})
    return score_otb("T", sequences, results, benchmark="OTB-100", **settings)


def test_sequences_count_equally_whatever_their_length():
    short, long = still("Short", 10), still("Long", 1000)
    scores = score([short, long], {"Short": (shifted(short, 0),), "Long": (shifted(long, 50),)})
    assert scores.names == ("Short", "Long")
    assert scores.precision_at_20 == pytest.approx((1 + 1 / 1000) / 2)
    assert scores.frames.tolist() == [10, 1000]


def test_a_perfect_tracker_scores_20_of_21():
    dog = still("Dog")
    assert score([dog], {"Dog": (shifted(dog, 0),)}).auc == pytest.approx(20 / 21)


def test_labels_and_attributes_are_kept():
    dog = still("Dog", codes=frozenset({"IV"}))
    scores = score([dog], {"Dog": (shifted(dog, 0),)}, profile="pysot")
    labels = (scores.tracker, scores.benchmark, scores.protocol, scores.profile)
    assert labels == ("T", "OTB-100", "OPE", "pysot")
    assert scores.attributes == (frozenset({"IV"}),)


def test_what_cannot_be_scored_is_named_and_left_out_of_the_mean():
    names = ("Good", "Short", "Absent", "Broken", "Twice")
    good, short, absent, broken, twice = (still(name) for name in names)
    runs = {
        "Good": (shifted(good, 0),),
        "Short": (Run(short.truth[:7]),),
        "Broken": (shifted(broken, 0),),
        "Twice": (shifted(twice, 0),) * 2,
        "Elsewhere": (shifted(good, 0),),
    }
    scores = score([good, short, absent, broken, twice], runs, {"Broken": "b.txt: no numbers"})
    assert scores.names == ("Good",) and scores.auc == pytest.approx(20 / 21)
    assert list(scores.problems) == ["Short", "Absent", "Broken", "Twice"]
    assert "7 boxes for 30 frames" in scores.problems["Short"]
    assert "no result" in scores.problems["Absent"]
    assert scores.problems["Broken"] == "b.txt: no numbers"
    assert "2 runs where the protocol has 1" in scores.problems["Twice"]


@pytest.mark.parametrize("protocol, runs", [("OPE", 1), ("SRE", 12)])
def test_runs_that_leave_out_the_beginning_are_not_scored(protocol, runs):
    dog = still("Dog")
    scores = score([dog], {"Dog": (shifted(dog, 0, 5),) * runs}, protocol=protocol)
    assert "begins on a later frame" in scores.problems["Dog"]


def test_without_any_result_every_sequence_is_a_problem_and_scores_are_nan():
    scores = score([still("Dog"), still("Cat")], {})
    assert list(scores.problems) == ["Dog", "Cat"] and scores.success.shape == (0, 21)
    assert math.isnan(scores.auc) and math.isnan(scores.precision_at_20)
    assert by_attribute(scores) == {}


def test_gaps_and_unusable_annotation_are_counted():
    dog = still("Dog")
    dog.truth[5] = 0
    boxes = shifted(dog, 0).boxes
    boxes[10:14] = np.nan
    scores = score([dog], {"Dog": (Run(boxes),)})
    assert (scores.carried.tolist(), scores.invalid.tolist()) == ([5], [1])


def test_temporal_segments_weigh_by_their_length():
    dog = still("Dog", 40)
    runs = tuple(shifted(dog, 50 if start else 0, start) for start in range(20))
    scores = score([dog], {"Dog": runs}, protocol="TRE")
    hits = 40 + 19  # the first segment, and the first frame of each other one
    assert scores.precision_at_20 == pytest.approx(hits / sum(range(21, 41)))
    assert first_runs(Results({"Dog": runs})).runs["Dog"] == runs[:1]


def test_a_tracker_that_keeps_a_disturbed_size_is_scaled_back():
    dog = still("Dog")
    starts = dict(zip(SHIFTS, perturbed_boxes(BOX, (320, 240)), strict=True))
    runs = tuple(
        Run(np.tile(starts[shift] if shift.startswith("scale") else BOX, (30, 1)))
        for shift in SHIFTS
    )
    scores = score([dog], {"Dog": runs}, protocol="SRE")
    assert scores.auc == pytest.approx(20 / 21) and scores.overlap[0] == 1
    assert scores.frames.tolist() == [12 * 30]
    assert score([dog], {"Dog": runs[::-1]}, protocol="SRE").overlap[0] < 0.95


def test_speed_is_all_known_frames_by_all_their_seconds():
    dog, cat = still("Dog", 10), still("Cat", 10)
    slow = np.full(10, 0.5)
    slow[3] = np.nan
    runs = {
        "Dog": (shifted(dog, 0, seconds=slow),),
        "Cat": (shifted(cat, 0, seconds=np.full(10, 0.1)),),
    }
    assert score([dog, cat], runs).frames_per_second == pytest.approx(19 / 5.5)
    assert score([dog], {"Dog": (shifted(dog, 0),)}).frames_per_second is None


def test_attributes_come_in_the_order_of_otbs_table_then_by_name():
    dog = still("Dog", codes=frozenset({"LR", "OPR", "ZZ"}))
    cat = still("Cat", codes=frozenset({"IV", "LR", "AA"}))
    parts = by_attribute(score([dog, cat], {"Dog": (shifted(dog, 0),), "Cat": (shifted(cat, 50),)}))
    assert list(parts) == ["IV", "OPR", "LR", "AA", "ZZ"]
    assert parts["IV"].names == ("Cat",) and parts["LR"].names == ("Dog", "Cat")
    assert parts["OPR"].precision_at_20 == 1


def test_unknown_protocols_and_profiles_are_refused():
    with pytest.raises(ValueError, match="no protocol 'XRE'; there are OPE, TRE, SRE"):
        score([], {}, protocol="XRE")
    with pytest.raises(ValueError, match="no profile 'vot'"):
        score([], {}, profile="vot")
