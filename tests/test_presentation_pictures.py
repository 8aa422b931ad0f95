"""Worst cases: which sequences and frames are chosen, and what is drawn on them."""

import io

import numpy as np
import pytest
from PIL import Image
from presentation_samples import NAMES, curve_scores, vot_scores

from siamfc_jax.evaluation.presentation.pictures import (
    Picture,
    jpeg,
    worst_frames,
    worst_vot_frames,
)
from siamfc_jax.evaluation.runs import Run, VotRun
from siamfc_jax.evaluation.sequences import Sequence, SequenceError, VotSequence

BOX = np.asarray([11.0, 21.0, 20.0, 10.0])  # 1-based: 10, 20 in continuous pixels
LENGTH = 10


@pytest.fixture
def frames(tmp_path):
    """Ten frames, 64 x 48, whose grey value tells their row."""
    paths = []
    for row in range(LENGTH):
        paths.append(tmp_path / f"{row:04d}.png")
        Image.new("RGB", (64, 48), (row, row, row)).save(paths[-1])
    return tuple(paths)


def rows_shown(pictures):
    return [int(picture.image[0, 0, 0]) for picture in pictures]


def rectangle_case(frames, moved, **changes):
    """Truth stands still; the tracker's box is moved right by `moved` pixels in each frame."""
    sequence = Sequence("Car1", frames, np.tile(BOX, (LENGTH, 1)), first_frame=300)
    boxes = np.tile(BOX, (LENGTH, 1))
    boxes[:, 0] += moved
    return [sequence._replace(**changes)], {"Car1": (Run(boxes),)}


def test_frames_lead_from_before_the_loss_to_the_end(frames):
    moved = np.asarray([0, 0, 2, 15, 40, 40, 40, 40, 40, 40])
    sequences, runs = rectangle_case(frames, moved)
    pictures = list(worst_frames(sequences, runs, curve_scores(), per_sequence=4))
    assert rows_shown(pictures) == [2, 4, 6, 9]
    assert [picture.frame for picture in pictures] == [302, 304, 306, 309]
    assert [picture.overlap > 0.5 for picture in pictures] == [True, False, False, False]


def test_where_nothing_is_lost_the_least_overlap_is_shown(frames):
    moved = np.asarray([0, 0, 0, 0, 0, 8, 0, 0, 0, 0])
    sequences, runs = rectangle_case(frames, moved)
    assert 5 in rows_shown(worst_frames(sequences, runs, curve_scores()))


def test_the_first_frame_where_the_truth_was_given_tells_nothing(frames):
    sequences, runs = rectangle_case(frames, np.full(LENGTH, 4.0))
    assert rows_shown(worst_frames(sequences, runs, curve_scores()))[0] == 1


def test_corners_are_in_pixels_from_the_upper_left_corner(frames):
    sequences, runs = rectangle_case(frames, np.zeros(LENGTH))
    picture = next(worst_frames(sequences, runs, curve_scores()))
    np.testing.assert_array_equal(picture.truth, [[10, 20], [30, 20], [30, 30], [10, 30]])


def test_sequences_come_worst_first_and_those_without_images_are_left_out(frames):
    truth = np.tile(BOX, (LENGTH, 1))
    sequences = [Sequence(name, frames if name != "Car1" else (), truth) for name in NAMES]
    runs = {name: (Run(truth),) for name in NAMES}
    pictures = worst_frames(sequences, runs, curve_scores(), count=2, per_sequence=1)
    assert [picture.sequence for picture in pictures] == ["Girl", "Deer"]


def test_a_frame_without_a_box_or_truth_is_shown_without(frames):
    sequences, runs = rectangle_case(frames, np.zeros(LENGTH))
    runs["Car1"][0].boxes[4:] = np.nan
    sequences[0].truth[9] = 0
    pictures = list(worst_frames(sequences, runs, curve_scores()))
    assert pictures[-1].box is None
    assert np.isnan(pictures[-1].overlap)
    assert 9 not in rows_shown(pictures)


def test_a_run_that_starts_later_shows_its_own_frames(frames):
    sequences, _ = rectangle_case(frames, 0)
    runs = {"Car1": (Run(np.tile(BOX, (4, 1)), start=6),)}
    shown = rows_shown(worst_frames(sequences, runs, curve_scores()))
    assert min(shown) == 7
    assert max(shown) == 9


def test_a_run_longer_than_the_truth_is_shown_as_far_as_that(frames):
    sequences, runs = rectangle_case(frames, np.full(LENGTH, 4.0))
    cut = [sequence._replace(truth=sequence.truth[:7]) for sequence in sequences]
    assert max(rows_shown(worst_frames(cut, runs, curve_scores()))) == 6


def test_a_missing_image_is_named(frames):
    sequences, runs = rectangle_case(frames, np.zeros(LENGTH))
    frames[9].unlink()
    with pytest.raises(SequenceError, match=r"0009\.png"):
        list(worst_frames(sequences, runs, curve_scores()))


def test_vot_shows_a_failure_without_a_region_and_polygons_as_they_are(frames):
    polygon = np.asarray([10.0, 20, 30, 20, 30, 30, 10, 30])
    truth = (polygon,) * LENGTH
    code = [np.asarray([float(value)]) for value in (1, 2, 0)]
    regions = (code[0], polygon, polygon, code[1], *[code[2]] * 4, code[0], polygon)
    sequence = VotSequence("Deer", frames, truth, (64, 48))
    pictures = list(worst_vot_frames([sequence], {"Deer": (VotRun(regions),)}, vot_scores()))
    assert rows_shown(pictures)[:2] == [2, 3]
    assert pictures[0].overlap == 1
    assert pictures[1].box is None
    np.testing.assert_array_equal(pictures[1].truth, polygon.reshape(4, 2))


def test_truth_is_green_and_the_tracker_red_in_a_small_jpeg():
    image = np.full((400, 800, 3), 128, np.uint8)
    square = np.asarray([[0.0, 0], [100, 0], [100, 100], [0, 100]])
    picture = Picture("A", "B", image, square + 50, square + [500, 200], 1, 0.0)
    shown = np.asarray(Image.open(io.BytesIO(jpeg(picture, width=400)))).astype(int)
    assert shown.shape == (200, 400, 3)
    assert excess(shown[20:80, 20:80], channel=1) > 60
    assert excess(shown[95:155, 245:305], channel=0) > 60


def test_around_a_small_target_the_frame_is_enlarged():
    image = np.zeros((300, 600, 3), np.uint8)
    image[:, 300:] = 255
    small = np.asarray([[10.0, 10], [20, 10], [20, 20], [10, 20]])
    shown = np.asarray(Image.open(io.BytesIO(jpeg(Picture("A", "B", image, small, None, 1, 0.0)))))
    assert shown.shape == (200, 400, 3)
    assert shown[100:, 100:].max() < 50


def test_a_box_far_outside_is_no_error():
    far = np.asarray([[-1e30, 0.0], [1e30, 0], [1e30, 1e30], [0, 1e30]])
    assert jpeg(Picture("A", "B", np.zeros((20, 20, 3), np.uint8), None, far, 1, 0.0))


def excess(patch, channel):
    """How far a colour exceeds the others at most."""
    others = np.delete(patch, channel, -1).max(-1)
    return (patch[..., channel] - others).max()
