import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import (
    SHARED_VIDEO,
    cut_short,
    noise_frames,
    video_frames,
    write_exact_video,
    write_video,
)
from PIL import Image

from siamfc_jax.media import camera
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.images import natural_order, read_image
from siamfc_jax.media.reading import open_frames
from siamfc_jax.media.source import FrameSource


def read_until_error(source):
    """The frames that were delivered, and the text of the error that ended them."""
    frames = []
    with open_frames(source) as opened, pytest.raises(MediaError) as caught:
        for frame in opened:
            frames.append(frame)
    return frames, str(caught.value)


def test_a_lossless_video_comes_back_exactly(tmp_path):
    frames = noise_frames(7)
    with open_frames(write_exact_video(tmp_path / "clip.mkv", frames)) as source:
        assert source.name == "clip"
        assert source.width is None
        np.testing.assert_array_equal(list(source), frames)
        assert (source.width, source.height, source.fps) == (64, 48, 25.0)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.avi", "mpeg4"), ("a.mpg", "mpeg1video"), ("a.webm", "libvpx")],
)
def test_common_formats_give_every_frame_in_order(tmp_path, name, codec):
    frames = noise_frames(30)
    with open_frames(write_video(tmp_path / name, frames, codec)) as source:
        read = list(source)
    assert len(read) == 30
    distance = [[np.abs(a.astype(int) - b).mean() for b in frames] for a in read[::5]]
    assert np.argmin(distance, axis=1).tolist() == list(range(0, 30, 5))


def test_a_clip_recorded_by_a_browser_has_no_rate(tmp_path):
    stamped = tmp_path / "clip.webm"
    with av.open(stamped, "w") as output:
        stream = output.add_stream("libvpx", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
            frame.pts, frame.time_base = 33 * index, Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with open_frames(stamped) as source:
        assert source.fps is None and source.n_frames is None
        assert len(list(source)) == 3


def test_the_television_rate_is_kept(tmp_path):
    path = write_video(tmp_path / "a.mp4", noise_frames(4), fps=Fraction(30000, 1001))
    with open_frames(path) as source:
        assert source.fps == 30000 / 1001


@pytest.mark.parametrize(("clockwise", "matrix"), [(90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1))])
def test_a_video_filmed_sideways_comes_upright(tmp_path, clockwise, matrix):
    path = write_video(tmp_path / "phone.mp4", noise_frames(2))
    content = bytearray(path.read_bytes())
    a, b, c, d = (value << 16 for value in matrix)
    place = content.find(b"tkhd") + 44
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    stored = video_frames(path)[0]
    path.write_bytes(content)
    with open_frames(path) as source:
        np.testing.assert_array_equal(next(source), np.rot90(stored, -clockwise // 90))


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.avi", "mpeg4"), ("a.mkv", "libx264")]
)
def test_a_video_that_is_cut_short_gives_its_good_frames_then_says_so(tmp_path, name, codec):
    options = {"movflags": "faststart"} if name.endswith("mp4") else {}
    path = write_video(tmp_path / name, noise_frames(100), codec, **options)
    whole = video_frames(path)
    frames, message = read_until_error(cut_short(path))
    assert 25 < len(frames) < 75
    np.testing.assert_array_equal(frames, whole[: len(frames)])
    assert f"{name}: breaks off after {len(frames)} frames" in message


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.avi", "mpeg4"), ("a.mkv", "libx264")]
)
def test_a_video_with_a_hole_in_its_data_is_not_taken_for_a_whole_one(tmp_path, name, codec):
    path = write_video(tmp_path / name, noise_frames(100, width=320, height=240), codec)
    content = bytearray(path.read_bytes())
    hole = slice(len(content) * 5 // 10, len(content) * 8 // 10)
    content[hole] = bytes(len(content[hole]))
    whole = video_frames(path)
    path.write_bytes(content)
    frames, message = read_until_error(path)
    assert f"breaks off after {len(frames)} frames" in message
    np.testing.assert_array_equal(frames[:25], whole[:25])


def test_a_video_that_changes_its_size_stops_there(tmp_path):
    small = write_video(tmp_path / "small.h264", noise_frames(5))
    large = write_video(tmp_path / "large.h264", noise_frames(5, width=96))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    frames, message = read_until_error(both)
    assert len(frames) == 5
    assert "frame 5 is 96x48, the frames before it are 64x48" in message


def no_such_file(path):
    return path / "none.mp4"


def empty_file(path):
    (path / "empty.mp4").touch()
    return path / "empty.mp4"


def text_file(path):
    (path / "notes.txt").write_text("1,2,3,4\n" * 100)
    return path / "notes.txt"


def video_without_index(path):
    return cut_short(write_video(path / "unfinished.mp4", noise_frames(20)))


def sound(path):
    with av.open(path / "sound.wav", "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        samples.sample_rate = 8000
        container.mux(stream.encode(samples))
    return path / "sound.wav"


def folder_without_images(path):
    (path / "empty_folder").mkdir()
    return path / "empty_folder"


def glob_without_match(path):
    return path / "*.jpg"


def no_image(path):
    (path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    return path / "broken.png"


@pytest.mark.parametrize(
    "make",
    [
        no_such_file,
        empty_file,
        text_file,
        video_without_index,
        sound,
        folder_without_images,
        glob_without_match,
        no_image,
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path, make):
    path = make(tmp_path)
    frames, message = [], None
    with pytest.raises(MediaError) as caught, open_frames(path) as source:
        frames = list(source)
    message = str(caught.value)
    assert not frames
    assert str(path) in message
    assert "\n" not in message


def test_a_source_without_frames_is_an_error():
    source = FrameSource("clip.mp4", "clip", iter(()), lambda: None)
    with pytest.raises(MediaError, match=r"clip\.mp4: has no frames"):
        next(source)


def test_a_folder_is_read_in_natural_order(tmp_path):
    for number in (10, 9, 1):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(tmp_path / f"img{number}.png")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "._img1.png").touch()
    with open_frames(tmp_path) as source:
        assert (source.n_frames, source.fps, source.name) == (3, None, tmp_path.name)
        assert [frame[0, 0, 0] for frame in source] == [1, 9, 10]


def test_a_glob_picks_images(tmp_path):
    for name in ("a2", "a10", "b1"):
        Image.new("RGB", (8, 6), (len(name), 0, 0)).save(tmp_path / f"{name}.png")
    with open_frames(str(tmp_path / "a*.png")) as source:
        assert [frame[0, 0, 0] for frame in source] == [2, 3]


def test_a_sequence_in_a_folder_called_img_has_the_name_of_its_sequence(tmp_path):
    folder = tmp_path / "Surfer" / "img"
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 6)).save(folder / "0001.png")
    with open_frames(folder) as source:
        assert source.name == "Surfer"


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_is_numeric_order(numbers):
    paths = [Path(f"clip_v2/frame{number}.jpg") for number in numbers]
    expected = [Path(f"clip_v2/frame{number}.jpg") for number in sorted(numbers)]
    assert natural_order(paths) == expected


def test_a_damaged_image_comes_after_the_good_ones_before_it(tmp_path):
    image = Image.fromarray(noise_frames(1)[0])
    for number in range(9):
        image.save(tmp_path / f"{number}.jpg")
    cut_short(tmp_path / "7.jpg", 0.5)
    frames, message = read_until_error(tmp_path)
    assert len(frames) == 7
    assert "7.jpg: cannot be read as an image" in message


def test_images_of_two_sizes_stop_at_the_first_of_the_second_size(tmp_path):
    for number, width in enumerate((8, 8, 9)):
        Image.new("RGB", (width, 6)).save(tmp_path / f"{number}.png")
    frames, message = read_until_error(tmp_path)
    assert len(frames) == 2
    assert "frame 2 is 9x6, the frames before it are 8x6; bring all frames to one size" in message


GREY_RAMP = np.arange(0, 256, dtype=np.uint8).reshape(16, 16)


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(GREY_RAMP),
        Image.fromarray(GREY_RAMP).convert("RGBA"),
        Image.fromarray(GREY_RAMP).convert("LA"),
        Image.fromarray(GREY_RAMP).convert("P"),
        Image.fromarray(GREY_RAMP.astype(np.uint16) * 257),
    ],
    ids=["grey", "rgba", "grey-alpha", "palette", "16-bit"],
)
def test_every_kind_of_image_becomes_rgb_bytes(tmp_path, image):
    image.save(tmp_path / "a.png")
    expected = np.repeat(GREY_RAMP[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


def test_an_image_taken_sideways_comes_upright(tmp_path):
    picture = noise_frames(1)[0]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture).save(tmp_path / "phone.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "phone.png"), np.rot90(picture, -1))


@pytest.mark.parametrize(
    ("platform", "source", "device"),
    [
        ("linux", "camera:1", ("/dev/video1", "v4l2")),
        ("linux", "/dev/video2", ("/dev/video2", "v4l2")),
        ("darwin", "camera:0", ("0", "avfoundation")),
        ("win32", "camera:USB Camera", ("video=USB Camera", "dshow")),
    ],
)
def test_a_camera_is_opened_the_way_of_its_system(monkeypatch, tmp_path, platform, source, device):
    clip = av.open(write_exact_video(tmp_path / "clip.mkv", noise_frames(3)))
    opened = []
    monkeypatch.setattr(camera.sys, "platform", platform)
    monkeypatch.setattr(
        camera.av, "open", lambda file, format: opened.append((file, format)) or clip
    )
    with open_frames(source) as frames:
        assert len(list(frames)) == 3
        assert frames.n_frames is None
    assert opened == [device]


def test_a_camera_that_is_not_there_is_named():
    with pytest.raises(MediaError, match="camera:97: the camera cannot be opened"):
        open_frames("camera:97")


@pytest.mark.skipif(not SHARED_VIDEO.is_dir(), reason="the shared videos are not here")
@pytest.mark.parametrize(
    ("name", "n_frames"), [("pedestrian1.mpg", 140), ("bag.avi", 196), ("MOT20-05.mp4", 127)]
)
def test_real_videos_are_read_to_their_end(name, n_frames):
    with open_frames(SHARED_VIDEO / name) as source:
        assert sum(1 for _ in source) == n_frames
        assert abs(source.n_frames - n_frames) <= 1
