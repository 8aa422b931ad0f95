"""Scores of the frames that carry a tag."""

import numpy as np
import pytest
from vot_worlds import (
    HALF,
    TRUTH,
    code,
    overlap_of,
    results_of,
    score,
    supervised_run,
    vot_sequence,
)

from siamfc_jax.evaluation.runs import INITIALISED, VotRun


def test_burn_in_of_a_tag_counts_tagged_frames_only():
    # Tagged: every second frame, so that ten tagged frames from the start on reach to frame 19.
    tags = {"motion_change": np.arange(40) % 2 == 0}
    regions = [code(INITIALISED), *[HALF] * 19, *[TRUTH] * 20]
    scores = score([vot_sequence(40, tags=tags)], results_of(car=[VotRun(tuple(regions))]))
    assert scores.accuracy == pytest.approx((10 * overlap_of(HALF) + 20) / 30)
    assert scores.tags["motion_change"][0] == 1


def test_a_start_burns_in_frames_of_a_tag_only_if_it_carries_the_tag():
    results = results_of(car=[supervised_run(40, [15], region=HALF)])  # starts again in frame 20
    for first_tagged, accuracy in ((20, np.nan), (21, overlap_of(HALF))):
        tags = {"occlusion": np.isin(np.arange(40), range(first_tagged, 30))}
        scores = score([vot_sequence(40, tags=tags)], results)
        np.testing.assert_allclose(scores.tags["occlusion"][0], accuracy)


def test_failures_count_for_the_tags_of_their_frame():
    tags = {"occlusion": np.arange(60) < 30, "size_change": np.zeros(60)}
    scores = score([vot_sequence(60, tags=tags)], results_of(car=[supervised_run(60, [12, 45])]))
    assert {tag: values[1] for tag, values in scores.tags.items()} == {"occlusion": 1, "empty": 1}


def test_frames_without_any_tag_are_empty_and_a_benchmark_without_tags_has_none():
    tagged = vot_sequence(30, "a", {"occlusion": np.arange(30) < 3})
    bare = vot_sequence(30, "b")
    results = results_of(a=[supervised_run(30)], b=[supervised_run(30)])
    assert list(score([tagged, bare], results).tags) == ["occlusion", "empty"]
    assert score([bare], results).tags == {}
