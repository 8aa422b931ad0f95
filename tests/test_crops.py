import jax.numpy as jnp
import numpy as np
import pytest

from siamfc_jax.crops import Frames, context_side, crop_regions, crop_squares, mean_colour
from siamfc_jax.data.context_crops import context_crop


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


def frames_of(*images, height=64, width=64):
    canvas = np.zeros((len(images), height, width, 3), np.uint8)
    for row, image in zip(canvas, images, strict=True):
        row[: image.shape[0], : image.shape[1]] = image
    sizes = np.asarray([image.shape[1::-1] for image in images], np.int32)
    return Frames(jnp.asarray(canvas), jnp.asarray(sizes))


def crop_one(frames, corner, side, out_size, pad=(1.0, 2.0, 3.0), stream=0):
    return np.asarray(
        crop_squares(
            frames,
            jnp.asarray([stream], jnp.int32),
            jnp.asarray([[corner]], jnp.float32),
            jnp.asarray([[side]], jnp.float32),
            jnp.asarray([pad], jnp.float32),
            out_size,
        )
    )[0, 0]


def crop_by_loop(image, corner, extent, pad, out_size):
    """Pads without end, then samples bilinearly, pixel by pixel."""

    def pixel(x, y):
        inside = 0 <= y < image.shape[0] and 0 <= x < image.shape[1]
        return image[y, x].astype(float) if inside else np.asarray(pad, float)

    out = np.zeros((out_size, out_size, 3))
    for row in range(out_size):
        for column in range(out_size):
            x = corner[0] + (column + 0.5) * extent[0] / out_size - 0.5
            y = corner[1] + (row + 0.5) * extent[1] / out_size - 0.5
            x0, y0 = int(np.floor(x)), int(np.floor(y))
            fx, fy = x - x0, y - y0
            top = (1 - fx) * pixel(x0, y0) + fx * pixel(x0 + 1, y0)
            bottom = (1 - fx) * pixel(x0, y0 + 1) + fx * pixel(x0 + 1, y0 + 1)
            out[row, column] = (1 - fy) * top + fy * bottom
    return out


@pytest.mark.parametrize("corner", [(5.25, 7.5), (-9.5, -3.0), (30.0, 25.75), (80.0, 80.0)])
def test_a_crop_equals_the_loop_inside_and_beyond_the_frame(image, corner):
    extent, pad = (23.0, 17.5), (10.0, 20.0, 30.0)
    fast = crop_regions(
        frames_of(image),
        jnp.zeros(1, jnp.int32),
        jnp.asarray([[corner]], jnp.float32),
        jnp.asarray([[extent]], jnp.float32),
        jnp.asarray([pad], jnp.float32),
        13,
    )[0, 0]
    np.testing.assert_allclose(fast, crop_by_loop(image, corner, extent, pad, 13), atol=2e-2)


def test_a_crop_of_whole_pixels_is_a_copy(image):
    crop = crop_one(frames_of(image), (7, 9), 16, 16)
    np.testing.assert_array_equal(crop, image[9:25, 7:23])


def test_the_canvas_does_not_change_a_crop(image):
    small = crop_one(frames_of(image, height=40, width=50), (30, 20), 31.5, 20)
    large = crop_one(frames_of(image, height=128, width=96), (30, 20), 31.5, 20)
    np.testing.assert_array_equal(small, large)


def test_each_target_reads_its_own_stream(image):
    frames = frames_of(image, image[::-1])
    crop = crop_one(frames, (7, 9), 16, 16, stream=1)
    np.testing.assert_array_equal(crop, image[::-1][9:25, 7:23])


def test_mean_colour_ignores_the_canvas(image):
    frames = frames_of(image, image[:10, :10])
    expected = [image.mean((0, 1)), image[:10, :10].mean((0, 1))]
    np.testing.assert_allclose(mean_colour(frames), expected, rtol=1e-6)


def test_context_side_gives_the_area_of_equation_7():
    w, h = 30.0, 50.0
    p = (w + h) / 4
    side = float(context_side(jnp.asarray([[w, h]]), 0.5)[0])
    assert side**2 == pytest.approx((w + 2 * p) * (h + 2 * p), rel=1e-6)


def test_the_crop_for_training_equals_the_trackers_crop_when_it_enlarges(image):
    box = np.asarray([20.5, 12.0, 8.0, 6.0], np.float32)
    stored = context_crop(image, box, out_size=127, exemplar_size=127)
    side = float(context_side(jnp.asarray([box[2:]]), 0.5)[0])
    corner = box[:2] + box[2:] / 2 - side / 2
    live = crop_one(frames_of(image), corner, side, 127, pad=image.mean((0, 1)))
    assert np.abs(stored - live).max() <= 1.0


def test_the_crop_for_training_pads_with_the_images_mean():
    image = np.full((40, 50, 3), 200, np.uint8)
    image[:20] = 100
    crop = context_crop(image, (0, 0, 10, 10), out_size=255)
    np.testing.assert_array_equal(crop[:60, :60], np.full((60, 60, 3), 150, np.uint8))
