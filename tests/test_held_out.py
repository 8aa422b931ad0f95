"""Videos to choose by: found by their names, and fit to be tracked."""

import numpy as np
import pytest
from PIL import Image

from experiments.held_out import expect_one_size, held_out_tracks


def write_video(folder, sizes):
    folder.mkdir(parents=True)
    for number, (width, height) in enumerate(sizes):
        Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(folder / f"{number:04}.jpg")
    (folder / "groundtruth.txt").write_text("10,10,20,20\n" * len(sizes))


@pytest.fixture
def source(tmp_path):
    write_video(tmp_path / "world" / "plain", [(64, 48)] * 3)
    write_video(tmp_path / "world" / "cut_outs", [(64, 48), (64, 48), (66, 50)])
    return f"world=box_folders:{tmp_path / 'world'}"


def test_videos_are_found_by_label_and_name(source):
    (track,) = held_out_tracks([source], ["world/plain"], "--validation_source")
    assert track.video == "world/plain" and len(track.frames) == 3
    expect_one_size([track])


def test_a_video_that_is_not_there_is_named(source):
    with pytest.raises(ValueError, match="--validation_source: no video world/other"):
        held_out_tracks([source], ["world/plain", "world/other"], "--validation_source")


def test_frames_of_several_sizes_are_refused_before_anything_is_trained(source):
    tracks = held_out_tracks([source], ["world/cut_outs"], "--validation_source")
    with pytest.raises(ValueError, match=r"0002.jpg: 66x50 .* begins with 64x48"):
        expect_one_size(tracks)
