"""Which anchors SiamRPN learns from, against loops over the single anchors."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamfc_jax import boxes
from siamfc_jax.models.anchors import Anchors, decode
from siamfc_jax.training.siamrpn_settings import RPNTraining
from siamfc_jax.training.siamrpn_targets import anchor_targets, draw, overlaps

ANCHORS, CELLS = Anchors(), 17
GRID = ANCHORS.grid(CELLS)
RELEASED = RPNTraining()
TARGET, OTHER = False, True


@functools.partial(jax.jit, static_argnames=("how",))
def jitted_targets(keys, box, other, how):
    return anchor_targets(keys, ANCHORS, CELLS, box, other, how)


def targets_of(box, *, other=TARGET, how=RELEASED, seed=0):
    """Targets of pairs with these boxes; or of one box, without the axis of pairs."""
    rows = np.atleast_2d(np.asarray(box, np.float32))
    keys = jax.random.split(jax.random.key(seed), len(rows))
    targets = jitted_targets(keys, rows, np.full(len(rows), other), how)
    return jax.tree.map(
        lambda array: np.asarray(array).reshape(
            *np.shape(box)[:-1], *GRID.shape[:3], *array.shape[4:]
        ),
        targets,
    )


def random_boxes(seed, count=16):
    random = np.random.default_rng(seed)
    return np.concatenate(
        [random.uniform(-64, 64, (count, 2)), random.uniform(10, 160, (count, 2))], 1
    )


def by_corner(centred):
    centred = np.asarray(centred, np.float64)
    return np.concatenate([centred[..., :2] - centred[..., 2:] / 2, centred[..., 2:]], -1)


@given(st.integers(0, 2**31))
def test_overlaps_are_those_of_boxes_by_their_corners(seed):
    a, b = random_boxes(seed), random_boxes(seed + 1)
    expected = boxes.iou(by_corner(a), by_corner(b))
    np.testing.assert_allclose(overlaps(jnp.asarray(a), jnp.asarray(b)), expected, atol=1e-5)


@settings(max_examples=5)
@given(st.integers(0, 2**31))
def test_anchors_are_positive_above_and_negative_below_the_thresholds(seed):
    targets = targets_of(random_boxes(seed), seed=seed)
    for number, box in enumerate(random_boxes(seed)):
        positive, negative = targets.positive[number], targets.negative[number]
        overlap = boxes.iou(by_corner(GRID), by_corner(box))
        np.testing.assert_allclose(targets.overlap[number], overlap, atol=1e-5)
        assert (overlap[positive] > 0.6 - 1e-5).all() and (overlap[negative] < 0.3 + 1e-5).all()
        # Float32 rounds at the threshold.
        least, most = (min(16, np.count_nonzero(overlap > 0.6 + e)) for e in (1e-5, -1e-5))
        assert least <= positive.sum() <= most and negative.sum() == 48


@settings(max_examples=5)
@given(st.integers(0, 2**31))
def test_the_offsets_lead_from_the_positive_anchors_to_the_box(seed):
    targets = targets_of(random_boxes(seed))
    pairs, *cells = np.nonzero(targets.positive)
    found = decode(jnp.asarray(targets.offsets[targets.positive]), jnp.asarray(GRID[*cells]))
    np.testing.assert_allclose(found, random_boxes(seed)[pairs], rtol=1e-4, atol=1e-3)
    assert (targets.offsets[~targets.positive] == 0).all()


def test_a_mean_over_all_samples_fills_up_with_negatives():
    few, many = (0, 0, 104, 16), (0, 0, 64, 64)
    easy = {"positive_iou": 0.4}
    balanced = targets_of([few, many], how=RPNTraining(**easy))
    assert balanced.positive.sum((1, 2, 3)).tolist() == [9, 16]
    assert balanced.negative.sum((1, 2, 3)).tolist() == [48, 48]
    filled = targets_of([few, many], how=RPNTraining(classification="mean", **easy))
    np.testing.assert_array_equal(filled.positive, balanced.positive)
    assert filled.negative.sum((1, 2, 3)).tolist() == [64 - 9, 64 - 16]


def test_another_object_makes_anchors_around_it_negative():
    targets = targets_of((16, -24, 60, 60), other=OTHER)
    assert targets.positive.sum() == 0 and targets.negative.sum() == 16
    rows, columns, _ = np.nonzero(targets.negative)
    assert rows.min() >= 5 - 3 and rows.max() <= 5 + 3
    assert columns.min() >= 10 - 3 and columns.max() <= 10 + 3


@pytest.mark.parametrize("other", [TARGET, OTHER])
def test_a_box_without_area_teaches_nothing(other):
    nan, inf = np.nan, np.inf
    targets = targets_of(
        [(0, 0, 0, 40), (0, 0, 40, -1), (nan, 0, 9, 9), (0, 0, inf, 9)], other=other
    )
    assert not targets.positive.any() and not targets.negative.any()
    assert np.isfinite(targets.offsets).all() and np.isfinite(targets.overlap).all()


def test_a_box_of_almost_no_width_has_no_positive_anchor():
    targets = targets_of((0, 0, 1e-37, 60))
    assert not targets.positive.any() and targets.negative.sum() == 48
    assert np.isfinite(targets.offsets).all()


def test_a_draw_takes_each_of_the_elements_as_often_as_another():
    among = np.random.default_rng(0).random((3, 4)) < 0.5
    keys = jax.random.split(jax.random.key(0), 2000)
    drawn = np.asarray(draw(keys, jnp.tile(jnp.asarray(among), (2000, 1, 1)), jnp.asarray(2)))
    assert (drawn.sum((1, 2)) == 2).all()
    shares = drawn.mean(0)
    np.testing.assert_allclose(shares[among], 2 / among.sum(), atol=0.04)
    assert not shares[~among].any()


def test_a_draw_takes_all_where_there_are_few_and_none_where_none_are_wanted():
    among = jnp.asarray([[True, False, True], [True, True, True]])
    keys = jax.random.split(jax.random.key(0), 2)
    np.testing.assert_array_equal(draw(keys, among, jnp.asarray(5)), among)
    assert draw(keys, among, jnp.asarray([0, 1])).sum(-1).tolist() == [0, 1]


def test_a_pair_is_drawn_alike_in_whatever_batch_it_is():
    keys, box = jax.random.split(jax.random.key(3), 16), np.float32(random_boxes(0))
    other = np.arange(16) % 3 == 0
    whole = jitted_targets(keys, box, other, RELEASED)
    half = jitted_targets(keys[12:], box[12:], other[12:], RELEASED)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[12:], b), whole, half)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"positive_iou": 0.2}, "negative_iou 0.3 is above positive_iou 0.2"),
        ({"most_positives": 64}, "must be less than most_samples 64"),
        ({"sigma": 0.0}, "sigma is 0.0; it must be within"),
        ({"regression_weight": float("nan")}, "regression_weight is nan"),
        ({"most_samples": 1}, "most_samples is 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        RPNTraining(**wrong)
