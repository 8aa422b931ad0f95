import numpy as np
import pytest

from siamfc_jax.evaluation.protocols.region_noise import noise_of, region_noise
from siamfc_jax.evaluation.regions import RegionError

RECTANGLE = np.array([100.0, 50, 40, 20])


def perturbed(count=4000):
    random = np.random.default_rng(0)
    return np.stack([region_noise(RECTANGLE, random).reshape(4, 2) for _ in range(count)])


def test_the_shift_is_up_to_a_tenth_of_width_and_height():
    shifts = perturbed().mean(1) - [120, 60]
    assert np.abs(shifts).max(0) == pytest.approx([4, 2], rel=0.01)
    assert np.abs(shifts.mean(0)).max() < 0.1
    assert shifts.std(0) == pytest.approx([4 / 3**0.5, 2 / 3**0.5], rel=0.05)


def test_the_region_turns_by_up_to_a_tenth_of_a_radian_and_is_scaled_along_both_axes():
    corners = perturbed()
    along, across = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    # Lengths of the images of (40, 0) and (0, 20): scale * cos, and the sine unscaled.
    angles = np.arcsin(along[:, 1] / 40)
    scales = along[:, 0] / 40 / np.cos(angles), across[:, 1] / 20 / np.cos(angles)
    assert (angles.min(), angles.max()) == pytest.approx((-0.1, 0.1), abs=1e-3)
    for scale in scales:
        assert (scale.min(), scale.max()) == pytest.approx((0.9, 1.1), abs=1e-3)
    assert abs(np.corrcoef(scales)[0, 1]) < 0.05
    np.testing.assert_allclose(across[:, 0] / 20, -np.sin(angles))


def test_a_polygon_keeps_its_corners_around_its_own_centre():
    polygon = np.array([100.0, 50, 140, 55, 135, 75, 95, 70])
    noisy = region_noise(polygon, np.random.default_rng(1))
    assert noisy.shape == (8,) and np.abs(noisy - polygon).max() < 12


def test_noise_is_a_function_of_sequence_repetition_and_seed():
    def first(*key):
        return region_noise(RECTANGLE, noise_of(*key)).tolist()

    assert first("ball", 3) == first("ball", 3)
    others = [first("ball", 3), first("ball", 4), first("ball2", 3), first("ball", 3, 1)]
    assert len({tuple(one) for one in others}) == 4


def test_an_unknown_region_cannot_be_perturbed():
    with pytest.raises(RegionError, match="unknown"):
        region_noise(np.full(4, np.nan), np.random.default_rng(0))
