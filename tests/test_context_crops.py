import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_worlds import picture
from PIL import Image

from siamfc_jax.data.context_crops import box_in_crop, context_crop, context_side, mean_colour

BOXES = st.tuples(
    st.floats(-60, 120), st.floats(-60, 100), st.floats(0.5, 150), st.floats(0.5, 150)
)


def crop_from_padded_image(image, box, out_size):
    """Pads the whole image with its mean, far beyond the crop, then cuts."""
    x, y, w, h = (float(value) for value in np.float32(box))
    side = context_side(w, h) * out_size / 127
    pad = int(side) + 200
    width, height = image.shape[1] + 2 * pad, image.shape[0] + 2 * pad
    colour = tuple(np.round(image.mean((0, 1))).astype(int).tolist())
    padded = Image.new("RGB", (width, height), colour)
    padded.paste(Image.fromarray(image), (pad, pad))
    left, top = x + w / 2 - side / 2 + pad, y + h / 2 - side / 2 + pad
    bounds = (left, top, left + side, top + side)
    return np.asarray(padded.resize((out_size, out_size), Image.Resampling.BILINEAR, box=bounds))


@settings(max_examples=40)
@given(box=BOXES)
def test_a_crop_is_that_of_the_image_padded_without_end(box):
    image = picture(3)
    fast = context_crop(image, np.float32(box), out_size=143).astype(int)
    np.testing.assert_allclose(fast, crop_from_padded_image(image, box, 143), atol=2)


@settings(max_examples=40)
@given(box=BOXES)
def test_the_exemplar_is_the_middle_of_the_search_image(box):
    image = picture(5)
    search = context_crop(image, np.float32(box), out_size=287)
    exemplar = context_crop(image, np.float32(box), out_size=143)
    difference = np.abs(search[72:215, 72:215].astype(int) - exemplar)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01


@given(box=BOXES)
def test_the_box_in_the_crop_covers_what_the_box_covers(box):
    _, _, w, h = np.float32(box)
    inner = box_in_crop(w, h, out_size=287)
    scale = 127 / context_side(w, h)
    np.testing.assert_allclose(inner[2:], [w * scale, h * scale], rtol=1e-5)
    np.testing.assert_allclose(inner[:2] + inner[2:] / 2, [143.5, 143.5], rtol=1e-5)


def test_the_mean_colour_is_the_images():
    image = np.random.default_rng(0).integers(0, 256, (300, 41, 3), np.uint8)
    np.testing.assert_array_equal(mean_colour(image), np.round(image.mean((0, 1))))
