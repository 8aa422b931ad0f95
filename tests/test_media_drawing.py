import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_samples import noise_frames
from PIL import Image

from siamfc_jax.media.contact_sheet import FrameSampler, contact_sheet, write_image
from siamfc_jax.media.heatmap import draw_response
from siamfc_jax.media.overlay import draw_boxes, draw_rectangle
from siamfc_jax.media.palette import HEAT_TABLE, target_colour

WHITE = (255, 255, 255)


def black(width=24, height=18):
    return np.zeros((height, width, 3), np.uint8)


def outline_by_counting_samples(box, thickness, width, height, samples=16):
    """The share of each pixel covered by the outline, from a grid of points in every pixel."""
    x, y, w, h = box
    xs = (np.arange(width * samples) + 0.5) / samples
    ys = (np.arange(height * samples) + 0.5) / samples

    def inside(grow):
        along_x = (xs >= x - grow) & (xs < x + w + grow)
        along_y = (ys >= y - grow) & (ys < y + h + grow)
        return np.outer(along_y, along_x)

    points = inside(thickness / 2) & ~inside(-thickness / 2)
    return points.reshape(height, samples, width, samples).mean((1, 3))


@settings(deadline=None)
@given(
    x=st.floats(-10, 26),
    y=st.floats(-10, 20),
    w=st.floats(0.1, 40),
    h=st.floats(0.1, 40),
    thickness=st.floats(0.5, 5),
)
def test_every_pixel_of_an_outline_is_blended_by_its_covered_share(x, y, w, h, thickness):
    canvas = black()
    draw_rectangle(canvas, np.array([x, y, w, h]), thickness, WHITE)
    expected = 255 * outline_by_counting_samples((x, y, w, h), thickness, 24, 18)
    # Each of four edges may miss by one of sixteen rows of sample points.
    assert np.abs(canvas[..., 0] - expected).max() <= 255 * 4 / 16 + 1
    assert np.abs(canvas[..., 0] - expected).mean() <= 255 / 16


def test_a_whole_pixel_line_on_whole_pixels_is_sharp():
    canvas = black()
    draw_rectangle(canvas, np.array([3.5, 4.5, 10, 8]), 1.0, WHITE)
    expected = black()
    expected[4:13, 3:14] = 255
    expected[5:12, 4:13] = 0
    np.testing.assert_array_equal(canvas, expected)


def test_boxes_are_drawn_into_a_copy_each_in_its_colour():
    image = noise_frames(1, width=200, height=150)[0]
    before = image.copy()
    boxes = np.float32([[20.5, 40.5, 50, 60], [110.5, 50.5, 60, 70]])
    drawn = draw_boxes(image, boxes, np.float32([0.5, 0.75]))
    np.testing.assert_array_equal(image, before)
    for target, (x, y, _, h) in enumerate(boxes):
        np.testing.assert_array_equal(drawn[int(y + h / 2), int(x)], target_colour(target))


def test_a_lost_target_is_dashed_with_its_corners_drawn():
    boxes = np.float32([[20.5, 40.5, 80, 60]])
    kept, lost = (
        draw_boxes(black(200, 150), boxes, np.float32([0.1]), np.bool_([is_lost]))[:, :, 0]
        for is_lost in (False, True)
    )
    bright = target_colour(0)[0]
    for line in (np.s_[40, 22:100], np.s_[100, 22:100], np.s_[42:100, 20], np.s_[42:100, 100]):
        assert (kept[line] == bright).all()
        assert 0.3 < (lost[line] == bright).mean() < 0.7 and lost[line].min() == 0
    assert (lost[[40, 40, 100, 100], [20, 100, 20, 100]] > bright / 2).all()


@pytest.mark.parametrize(
    "box",
    [[-500, -500, 20, 20], [5, 5, 0.01, 0.01], [-1e7, -1e7, 2e7, 2e7], [np.nan, 1, 2, 3]],
)
def test_any_box_can_be_drawn(box):
    for lost in (False, True):
        drawn = draw_boxes(
            black(200, 150), np.float32([box]), np.float32([np.nan]), np.array([lost])
        )
        assert drawn.shape == (150, 200, 3)


def test_the_first_thirty_targets_have_distinct_colours():
    colours = np.array([target_colour(target) for target in range(30)], int)
    distances = np.abs(colours[:, None] - colours[None]).sum(-1) + 1000 * np.eye(30)
    assert distances.min() >= 12


def test_lightness_rises_along_the_heat_table():
    assert HEAT_TABLE.shape == (256, 3)
    assert (np.diff(HEAT_TABLE @ [0.299, 0.587, 0.114]) >= 0).all()


def test_a_response_is_brightest_where_its_cell_lies():
    response = np.zeros((4, 4), np.float32)
    response[1, 2] = 1
    # Cells are 10 pixels wide: this one spans 52..62 across and 31..41 down, its centre 57, 36.
    drawn = draw_response(black(120, 100), response, np.float32([32, 21, 40, 40]))
    inside = drawn[22:60, 33:71].sum(-1)
    rows, columns = np.nonzero(inside == inside.max())
    assert (rows.mean() + 22.5, columns.mean() + 33.5) == (36, 57)


def test_a_response_leaves_what_is_outside_its_region():
    image = noise_frames(1, width=120, height=100)[0]
    drawn = draw_response(
        image, np.random.default_rng(0).random((5, 5)), np.array([30, 20, 40, 40])
    )
    outside = np.ones((100, 120), bool)
    outside[19:61, 29:71] = False
    np.testing.assert_array_equal(drawn[outside], image[outside])
    assert (drawn != image).any()


@pytest.mark.parametrize(
    "region",
    [[-50, -50, 60, 60], [500, 500, 10, 10], [0, 0, 0, 0], [np.nan, 0, 9, 9], [-9, -9, 900, 900]],
)
def test_a_response_may_lie_anywhere(region):
    response = np.random.default_rng(0).random((17, 17))
    assert draw_response(black(), response, np.float32(region)).shape == black().shape


def test_a_flat_response_is_invisible_but_for_its_outline():
    drawn = draw_response(black(60, 60), np.ones((3, 3)), np.array([10, 10, 40, 40]))
    assert not drawn[12:48, 12:48].any()


@settings(deadline=None, max_examples=40)
@given(n_frames=st.integers(1, 700), n_tiles=st.integers(1, 12))
def test_the_sampler_keeps_evenly_spaced_frames_in_bounded_memory(n_frames, n_tiles):
    sampler = FrameSampler(n_tiles, tile_width=4)
    most = 0
    for _ in range(n_frames):
        sampler.add(np.zeros((2, 2, 3), np.uint8))
        most = max(most, len(sampler._kept))
    places = [index for index, _ in sampler.tiles()]
    assert most <= 4 * n_tiles
    assert len(places) == min(n_tiles, n_frames)
    assert places[0] == 0
    gaps = np.diff(places)
    if len(gaps):
        assert gaps.max() <= 2 * gaps.min()
        assert n_frames - places[-1] <= gaps.max() + n_frames / n_tiles


def test_a_sheet_shows_the_frames_row_by_row():
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    frames = [np.full((30, 40, 3), colour, np.uint8) for colour in colours]
    sheet = contact_sheet(frames, columns=2, width=400, captions=["a", "b", "c"])
    height, width = sheet.shape[:2]
    assert width == 400
    for (row, column), colour in zip([(0, 0), (0, 1), (1, 0)], colours, strict=True):
        y, x = height * (2 * row + 1) // 4, width * (2 * column + 1) // 4
        np.testing.assert_array_equal(sheet[y, x], colour)


@pytest.mark.parametrize(("name", "tolerance"), [("a.png", 0), ("a.jpg", 12)])
def test_a_picture_is_written_by_its_suffix(tmp_path, name, tolerance):
    picture = np.full((16, 16, 3), (10, 100, 200), np.uint8)
    write_image(tmp_path / name, picture)
    with Image.open(tmp_path / name) as image:
        assert np.abs(np.array(image, int) - picture).max() <= tolerance
    assert [path.name for path in tmp_path.iterdir()] == [name]
