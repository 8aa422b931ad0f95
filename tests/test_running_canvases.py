"""Which runs share a canvas, and how frames are decoded."""

import numpy as np
import pytest
from PIL import Image

from siamfc_jax.evaluation.running.canvases import Group, by_canvas
from siamfc_jax.evaluation.running.decoding import decode_frame
from siamfc_jax.evaluation.running.jobs import Job
from siamfc_jax.evaluation.sequences import SequenceError, read_frame


def group(name, n_frames, size):
    return Group([Job(name, tuple(range(n_frames)), None)], size)


def whole(size):
    return size[::-1]


def test_one_lane_keeps_the_order_and_every_size_has_its_canvas():
    groups = [group("a", 5, (30, 20)), group("b", 9, (40, 20)), group("c", 7, (30, 20))]
    canvases = by_canvas(groups, whole, 1)
    assert {size: [g.jobs[0].sequence for g in members] for size, members in canvases.items()} == {
        (20, 30): ["a", "c"],
        (20, 40): ["b"],
    }


def test_more_lanes_share_canvases_of_similar_size_longest_first():
    groups = [
        group("small", 5, (32, 24)),
        group("wide", 9, (64, 48)),
        group("high", 7, (48, 64)),
        group("huge", 3, (640, 480)),
    ]
    canvases = by_canvas(groups, whole, 4)
    assert {size: [g.jobs[0].sequence for g in members] for size, members in canvases.items()} == {
        (480, 640): ["huge"],
        (64, 64): ["wide", "high"],
        (24, 32): ["small"],
    }


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_frames_decode_to_pillows_pixels(tmp_path, mode, subsampling):
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    file = tmp_path / "frame.jpg"
    Image.fromarray(noise).convert(mode).save(file, subsampling=subsampling)
    np.testing.assert_array_equal(decode_frame(file), read_frame(file))


def test_half_a_frame_is_no_frame(tmp_path):
    file = tmp_path / "frame.jpg"
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(SequenceError, match=r"frame.jpg: not a readable image"):
        decode_frame(file)
