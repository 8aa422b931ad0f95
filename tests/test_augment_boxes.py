"""Boxes follow the search image through its augmentation: drawn, carried and measured."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamfc_jax.training.augment import (
    Augmentation,
    augment_pairs,
    carry_boxes,
    rooms_for,
    validation_pairs,
)

EXEMPLAR, SIZE, COUNT = 31, 95, 32
PLAIN = Augmentation(stretch=0.0, shift=0.0, colour=0.0, grey=0.0)
STRONG = dataclasses.replace(PLAIN, search_stretch=0.25, scale=0.2, shift=16.0, flip=True)
ROOM = rooms_for(STRONG, EXEMPLAR, SIZE)[1]
MIDDLE = np.tile([ROOM // 2 - 8, ROOM // 2 - 8, 16, 16], (COUNT, 1))


def drawn(boxes):
    """Crops with a white rectangle each on black."""
    crops = np.zeros((len(boxes), ROOM, ROOM, 3), np.uint8)
    for crop, (x, y, w, h) in zip(crops, boxes, strict=True):
        crop[y : y + h, x : x + w] = 255
    return crops


def measured(search):
    """(cx, cy, w, h) from the centre of the image of a white rectangle on black."""
    bright = np.asarray(search, np.float64).mean(-1)
    place = np.arange(SIZE) + 0.5 - SIZE / 2
    profiles = [bright.sum(axis) / bright.sum(axis).max() for axis in (0, 1)]
    sides = [profile.sum() for profile in profiles]
    return [*(p @ place / side for p, side in zip(profiles, sides, strict=True)), *sides]


@functools.partial(jax.jit, static_argnames=("how",))
def augmented(seed, crops, boxes, how):
    """Pairs and their boxes; `how` is an Augmentation, or "validation"."""
    keys = jax.random.split(jax.random.key(seed), COUNT)
    images = (keys, crops[:, :EXEMPLAR, :EXEMPLAR], crops)
    sizes = {"exemplar_size": EXEMPLAR, "search_size": SIZE}
    if how == "validation":
        pairs = validation_pairs(*images, shift=16.0, stretch=0.25, **sizes)
    else:
        pairs = augment_pairs(*images, how, **sizes)
    return pairs, carry_boxes(boxes.astype(jnp.float32), ROOM, pairs)


@settings(max_examples=4)
@given(seed=st.integers(0, 2**31), how=st.sampled_from([STRONG, "validation"]))
def test_the_carried_box_is_where_the_rectangle_is_seen(seed, how):
    random = np.random.default_rng(seed)
    corners = MIDDLE[:, :2] + random.integers(-8, 9, (COUNT, 2))
    boxes = np.concatenate([corners, random.integers(10, 24, (COUNT, 2))], 1)
    pairs, carried = augmented(seed, drawn(boxes), boxes, how)
    for search, box in zip(pairs.search, np.asarray(carried), strict=True):
        np.testing.assert_allclose(measured(search), box, atol=0.6)


def test_boxes_are_shifted_stretched_scaled_and_mirrored():
    pairs, carried = augmented(0, drawn(MIDDLE), MIDDLE, STRONG)
    aspect = carried[:, 2] / carried[:, 3]
    assert aspect.min() < 0.75 and aspect.max() > 1.33
    area = carried[:, 2] * carried[:, 3] / 16**2
    assert area.min() < 0.6 and area.max() > 1.6
    assert np.abs(carried[:, :2]).max(0).min() > 12
    assert 4 < (pairs.zoom[:, 0] < 0).sum() < 28 and (pairs.zoom[:, 1] > 0).all()


@functools.partial(jax.jit, static_argnames=("how", "part"))
def part_of_pairs(part, how):
    """Only what is asked for is computed."""
    keys = jax.random.split(jax.random.key(0), COUNT)
    crops = jnp.zeros((COUNT, 64, 64, 3), jnp.uint8).at[:, 30:].set(200)
    pairs = augment_pairs(keys, crops, crops, how, exemplar_size=31, search_size=31)
    return getattr(pairs, part)


def test_the_search_image_may_be_stretched_alone():
    of_search = dataclasses.replace(PLAIN, search_stretch=0.1)
    assert np.abs(part_of_pairs("zoom", of_search) - 1).max() > 0.09
    still, also = (part_of_pairs("exemplar", how) for how in (PLAIN, of_search))
    np.testing.assert_array_equal(still, also)


def test_a_scale_leaves_the_other_numbers_as_they_were():
    stretched = dataclasses.replace(PLAIN, stretch=0.1)
    scaled = dataclasses.replace(stretched, search_stretch=0.1, scale=0.3)
    ratio = part_of_pairs("zoom", scaled) / part_of_pairs("zoom", stretched)
    np.testing.assert_allclose(ratio[:, 0], ratio[:, 1], rtol=1e-5)
    assert ratio.min() < 0.8 and ratio.max() > 1.2


def test_the_rooms_are_those_of_released_code():
    released = dataclasses.replace(PLAIN, stretch=0.05, search_stretch=0.18, shift=64.0)
    exemplar, search = rooms_for(released, 127, 255)
    assert exemplar == 143 and 255 + 2 * 64 < search <= 511


@pytest.mark.parametrize("wrong", [{"search_stretch": -0.1}, {"scale": 1.5}])
def test_scales_out_of_range_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} is .* it must be within"):
        Augmentation(**wrong)
