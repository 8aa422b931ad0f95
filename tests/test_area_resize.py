import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from siamfc_jax.area_resize import resize_squares
from siamfc_jax.crops import Frames

PAD = (10.0, 20.0, 30.0)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 70, 3), np.uint8)


def resize(image, corner, side, out, room):
    canvas = np.zeros((1, 64, 96, 3), np.uint8)
    canvas[0, : image.shape[0], : image.shape[1]] = image
    frames = Frames(jnp.asarray(canvas), jnp.asarray([image.shape[1::-1]], jnp.int32))
    return resize_squares(
        frames,
        jnp.zeros(1, jnp.int32),
        jnp.asarray([[corner]], jnp.float32),
        jnp.asarray([[side]], jnp.float32),
        jnp.asarray([PAD], jnp.float32),
        jnp.asarray([[out]], jnp.float32),
        room,
    )[0, 0, :out, :out]


def padded_square(image, corner, side):
    square = np.empty((side, side, 3), np.float32)
    square[:] = PAD
    for row in range(side):
        for column in range(side):
            y, x = corner[1] + row, corner[0] + column
            if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]:
                square[row, column] = image[y, x]
    return square


@pytest.mark.parametrize(("corner", "side", "out"), [((5, 8), 20, 31), ((-9, -4), 30, 41)])
def test_a_growing_square_is_resized_bilinearly(image, corner, side, out):
    square = padded_square(image, corner, side)
    bilinear = [
        np.asarray(Image.fromarray(square[..., c]).resize((out, out), Image.Resampling.BILINEAR))
        for c in range(3)
    ]
    ours = resize(image, corner, side, out, room=45)
    np.testing.assert_allclose(ours, np.stack(bilinear, -1), atol=0.05)


@pytest.mark.parametrize(("corner", "side", "out"), [((5, 8), 40, 23), ((50, 40), 33, 15)])
def test_a_shrinking_square_is_averaged_by_area(image, corner, side, out):
    square = padded_square(image, corner, side)
    # Pixels cut into `out` parts each: an output pixel is the mean of side x side whole parts.
    fine = square.repeat(out, 0).repeat(out, 1)
    means = fine.reshape(out, side, out, side, 3).mean((1, 3))
    ours = resize(image, corner, side, out, room=45)
    np.testing.assert_allclose(ours, means, atol=0.05)


def test_a_square_of_the_final_size_is_copied(image):
    copied = resize(image, (4, 6), 25, 25, room=30)
    np.testing.assert_allclose(copied, image[6:31, 4:29], atol=1e-3)
