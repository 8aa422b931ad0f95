"""Frames by number: whatever is asked for first, a frame is the one that reading in order gives."""

import itertools
import time

import numpy as np
import pytest
from media_samples import cut_short, noise_frames, video_frames, write_exact_video, write_video
from PIL import Image

from siamfc_jax.media import footage as footage_module
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.footage_reading import open_footage
from siamfc_jax.media.live_footage import LiveFootage
from siamfc_jax.media.source import FrameSource
from siamfc_jax.media.video_footage import VideoFootage

ORDER = [0, 1, 2, 70, 71, 5, 99, 40, 39, 38, 0, 98, 99, 3]


@pytest.fixture(params=["b_frames.mp4", "stream.ts", "every_key.avi", "web.webm"])
def video(request, tmp_path):
    path, frames = tmp_path / request.param, noise_frames(100)
    if path.suffix == ".avi":
        return write_video(path, frames, codec="mjpeg", pix_fmt="yuvj420p")
    if path.suffix == ".webm":
        return write_video(path, frames, codec="libvpx")
    return write_video(path, frames)


def test_any_order_gives_the_frames_of_reading_in_order(video):
    expected = video_frames(video)
    with open_footage(video) as footage:
        assert (footage.n_frames, footage.width, footage.height) == (100, 64, 48)
        assert footage.fps == pytest.approx(25)
        footage._kept.clear()
        for index in ORDER:
            np.testing.assert_array_equal(footage.frame(index), expected[index], f"frame {index}")
        assert footage.problem is None


def test_frames_kept_are_bounded_and_dropped_ones_are_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(footage_module, "_CACHE_BYTES", 5 * 64 * 48 * 3)
    frames = noise_frames(40)
    with open_footage(write_exact_video(tmp_path / "clip.mkv", frames)) as footage:
        for index in itertools.chain(range(40), range(39, -1, -1)):
            np.testing.assert_array_equal(footage.frame(index), frames[index])
            assert len(footage._kept) <= 5


@pytest.mark.parametrize("index", [-1, 12])
def test_there_is_nothing_beyond_the_ends(tmp_path, index):
    with (
        open_footage(write_exact_video(tmp_path / "clip.mkv", noise_frames(12))) as footage,
        pytest.raises(IndexError),
    ):
        footage.frame(index)


def test_a_video_cut_short_says_so_and_gives_its_good_frames(tmp_path):
    path = tmp_path / "clip.mkv"
    cut_short(write_exact_video(path, noise_frames(50)))
    with open_footage(path) as footage:
        assert "breaks off after" in footage.problem
        assert 20 < footage.n_frames < 40
        np.testing.assert_array_equal(footage.frame(20), noise_frames(50)[20])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "is empty"), (b"words\n" * 99, "no video|not a video"), (None, "no such file")],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path, content, complaint):
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=complaint) as caught:
        open_footage(path)
    assert "\n" not in str(caught.value)


def test_only_the_formats_that_are_named_are_read(tmp_path):
    path = write_exact_video(tmp_path / "clip.mkv", noise_frames(3))
    VideoFootage(path, only_formats=("matroska", "webm")).close()
    with pytest.raises(MediaError, match="cannot be opened as a video"):
        VideoFootage(path, only_formats=("mov", "mp4"))


def test_image_files_are_frames_in_natural_order_and_of_one_size(tmp_path):
    frames = noise_frames(11)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    with open_footage(tmp_path) as footage:
        np.testing.assert_array_equal(footage.frame(10), frames[10])
        assert (footage.n_frames, footage.fps) == (11, None)
    Image.fromarray(frames[0][:10]).save(tmp_path / "11.png")
    with open_footage(str(tmp_path / "*.png")) as footage, pytest.raises(MediaError, match="64x10"):
        footage.frame(11)


def camera(frames, pause=0.002):
    def slowly():
        for frame in frames:
            time.sleep(pause)
            yield frame

    return LiveFootage(FrameSource("camera:0", "camera0", slowly(), lambda: None, 30.0))


def test_a_camera_gives_its_newest_frame_and_counts_what_was_asked_for():
    frames = [np.full((4, 6, 3), value, np.uint8) for value in range(200)]
    with camera(frames) as live:
        assert live.n_frames is None
        first = live.frame(0)
        time.sleep(0.05)
        assert live.frame(1)[0, 0, 0] > first[0, 0, 0] + 2
        np.testing.assert_array_equal(live.frame(0), first)


def test_what_is_left_of_a_camera_can_be_read_while_it_goes_on(monkeypatch):
    monkeypatch.setattr(footage_module, "_CACHE_BYTES", 5 * 72)
    frames = [np.full((4, 6, 3), value, np.uint8) for value in range(200)]
    with camera(frames) as live:
        shown = [live.frame(index) for index in range(8)]
        recent = live.again()
        live.frame(8)
        assert (recent.first, recent.n_frames) == (3, 8)
        np.testing.assert_array_equal(recent.frame(7), shown[7])
        with pytest.raises(MediaError, match="too long ago"):
            live.frame(1)


def test_a_camera_that_stops_says_so():
    frames = [np.zeros((4, 6, 3), np.uint8)] * 2
    with camera(frames) as live, pytest.raises(MediaError, match="connect it again"):
        for index in range(4):
            live.frame(index)
