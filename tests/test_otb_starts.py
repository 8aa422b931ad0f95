import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.evaluation.benchmarks.otb_facts import otb_facts
from siamfc_jax.evaluation.protocols.perturbations import (
    SCALE_RATIOS,
    SHIFTS,
    matlab_round,
    perturbed_boxes,
)
from siamfc_jax.evaluation.protocols.segments import segment_starts
from siamfc_jax.evaluation.sequences import Sequence, SequenceError


def sequence_of(truth, **more):
    return Sequence("Made", (), np.asarray(truth, float), **more)


def still(count):
    return [(5, 5, 10, 20)] * count


def test_segments_of_a_plain_sequence_are_spread_from_its_first_frame_to_its_twentieth_last():
    starts = segment_starts(sequence_of(still(400)))
    assert starts.shape == (20,) and starts.dtype == np.int64
    assert starts[0] == 0 and starts[-1] == 380
    assert set(np.diff(starts)) == {20}


def test_no_segment_begins_in_an_omitted_interval_or_on_an_unusable_annotation():
    truth = np.asarray(still(60), float)
    truth[3] = (0, 5, 10, 20)
    truth[4] = np.nan
    omitted = ((300, 302), (311, 320), (335, 999))
    starts = segment_starts(sequence_of(truth, first_frame=300, omitted=omitted))
    assert set(starts).isdisjoint([0, 1, 2, 3, 4, *range(11, 21), *range(35, 60)])
    assert starts[0] == 5 and starts[-1] == 34


def test_intervals_before_the_first_evaluated_frame_omit_nothing():
    starts = segment_starts(sequence_of(still(60), first_frame=6, omitted=((1, 5),)))
    assert starts[0] == 0


def test_a_benchmark_that_counts_from_zero_may_begin_at_zero():
    assert segment_starts(sequence_of([(0, 0, 5, 5)] * 30, first_pixel=0))[0] == 0


def test_a_sequence_with_no_usable_start_is_named():
    with pytest.raises(SequenceError, match="Made: no segment of 20 frames"):
        segment_starts(sequence_of(still(19)))


@given(st.integers(1, 300), st.integers(2, 25))
def test_starts_are_the_toolkits_floor_of_a_colon_range(usable, count):
    step = Fraction(usable, count - 1)
    expected = [math.floor(1 + k * step) - 1 for k in range(count) if 1 + k * step <= usable]
    starts = segment_starts(sequence_of(still(usable + 19)), count)
    assert starts.tolist() == [*expected, usable - 1]


def test_the_segments_of_the_published_tre_results_come_out(shared_golden):
    collected = json.loads((shared_golden / "otb/otb100_meta_gt.json").read_text())
    published = {name: [0] * 20 for name in collected}
    for key in np.load(shared_golden / "otb/SiamFC-3s_TRE.npz").files:
        name, segment, first_frame = key.split("/")
        published[name][int(segment)] = int(first_frame)
    for name, facts in otb_facts().items():
        truth = np.asarray(collected[name]["gt"], float)[facts.skipped :]
        first = facts.first + facts.skipped
        sequence = Sequence(name, (), truth, first_frame=first, omitted=facts.omitted)
        assert (segment_starts(sequence) + first).tolist() == published[name], name


def boxes_by_shift(box, size=(640, 480)):
    disturbed = perturbed_boxes(box, size)
    return dict(zip(SHIFTS, map(tuple, disturbed.tolist()), strict=True))


def test_the_twelve_boxes_of_a_target_inside_the_frame():
    assert boxes_by_shift((100, 50, 40, 20)) == {
        "left": (96, 50, 40, 20),
        "right": (104, 50, 40, 20),
        "up": (100, 48, 40, 20),
        "down": (100, 52, 40, 20),
        "topLeft": (96, 48, 44, 22),
        "topRight": (100, 48, 44, 22),
        "bottomLeft": (96, 50, 44, 22),
        "bottomRight": (100, 50, 44, 22),
        "scale_8": (104, 52, 32, 16),
        "scale_9": (102, 51, 36, 18),
        "scale_11": (98, 49, 44, 22),
        "scale_12": (96, 48, 48, 24),
    }
    assert SCALE_RATIOS == (1,) * 8 + (0.8, 0.9, 1.1, 1.2)


def test_shifts_round_up_and_corners_round_halves_away_from_zero():
    shifts = boxes_by_shift((100, 50, 31, 25))
    assert shifts["left"] == (96, 50, 31, 25) and shifts["down"] == (100, 53, 31, 25)
    assert shifts["topLeft"] == (97, 48, 34, 27)
    assert shifts["bottomRight"] == (100, 50, 34, 28)


def test_boxes_end_with_the_frame_and_move_inside_it():
    shifts = boxes_by_shift((2, 1, 40, 20), size=(42, 20))
    assert shifts["left"] == (1, 1, 40, 20)
    assert shifts["topLeft"] == (1, 1, 42, 20)
    assert shifts["right"] == (6, 1, 37, 20)
    assert shifts["bottomRight"] == (2, 1, 41, 20)


sizes = st.integers(1, 300)
positions = st.integers(1, 400)


@given(positions, positions, sizes, sizes)
def test_no_disturbed_box_leaves_the_frame_and_none_is_empty(x, y, w, h):
    width, height = x + w - 1 + 7, y + h - 1 + 7
    boxes = perturbed_boxes((x, y, w, h), (width, height))
    assert (boxes[:, :2] >= 1).all()
    assert (boxes[:, 0] + boxes[:, 2] - 1 <= width).all()
    assert (boxes[:, 1] + boxes[:, 3] - 1 <= height).all()
    assert (boxes[:, 2:] >= 1).all()
    assert (boxes == np.round(boxes)).all()


@given(positions, positions, sizes, sizes)
def test_a_moved_corner_leaves_the_opposite_one_where_it_was(x, y, w, h):
    shifts = boxes_by_shift((x + 100, y + 100, w, h), (10_000, 10_000))
    left, top, width, height = shifts["topLeft"]
    assert (left + width, top + height) == (x + 100 + w, y + 100 + h)
    assert shifts["bottomRight"][:2] == (x + 100, y + 100)


def test_a_box_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="one finite box"):
        perturbed_boxes((1, 2, np.nan, 4), (640, 480))


def test_matlab_rounds_halves_away_from_zero():
    values = [0.5, 1.5, 2.5, -0.5, -2.5, 0.49999999999999994, 2.4, -2.6, 4503599627370497.0]
    expected = [1, 2, 3, -1, -3, 0, 2, -3, 4503599627370497]
    assert matlab_round(values).tolist() == expected
