"""Clips of real cut-outs: what their pixels and boxes are, and what is refused."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_prep.sources.box_folders import read_box_folders
from data_prep.synthetic import ClipSet, SceneConfig, write_clips
from data_prep.synthetic.cutouts import read_cast
from data_prep.synthetic.render import draw, render_masks
from data_prep.synthetic.scene import build_scene
from data_prep.tracks import Report, SourceError

RED, GREEN, BLUE, YELLOW = (220, 20, 20), (20, 220, 20), (20, 20, 220), (220, 220, 20)
STILL = SceneConfig(width=160, height=120, n_frames=40, size_range=(50.0, 50.0))
MOVING = dataclasses.replace(STILL, speed=1.0, rotation=40.0, scale=0.3, deformation=0.05)


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(picture, np.uint8)).save(path)


def ellipse(width=80, height=60, radii=(30, 20)):
    y, x = np.mgrid[:height, :width] + 0.5
    return ((x - width / 2) / radii[0]) ** 2 + ((y - height / 2) / radii[1]) ** 2 < 1


def save_look(picture, mask, colour, there):
    """An object of one colour before green."""
    save(picture, np.where(there[..., None], colour, GREEN))
    save(mask, 255 * there)


@pytest.fixture
def world(tmp_path):
    """A photograph of a red ellipse, a video of one that turns from red to yellow, and a wall."""
    for name, colour in (("a", RED), ("b", RED)):
        stills = tmp_path / "stills"
        save_look(stills / f"images/{name}.png", stills / f"masks/{name}.png", colour, ellipse())
    for number, colour in enumerate((RED, YELLOW)):
        video = tmp_path / "videos" / "ball"
        save_look(video / f"{number}.png", video / f"mask/{number}.png", colour, ellipse())
    save(tmp_path / "walls" / "wall.png", np.full((90, 120, 3), BLUE))
    return tmp_path


def cast_of(world: Path, *cutouts, **options):
    return read_cast([world / name for name in cutouts], [world / "walls"], **options)


def is_hue(image, channels):
    """Pixels in which just these of red, green and blue are strong, however lit."""
    strong = image > 0.5 * image.max(-1, keepdims=True)
    return (strong == np.isin(np.arange(3), channels)).all(-1)


def test_boxes_are_tight_around_the_turned_and_bent_silhouette(world):
    cast = cast_of(world, "stills")
    for seed in range(4):
        scene = build_scene(MOVING, seed, cast)
        for t in (0, 17, 39):
            mask = render_masks(MOVING, seed, t, cast)[0]
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            x, y, w, h = draw(scene, t).boxes[0]
            found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            np.testing.assert_allclose(found, [x, y, x + w, y + h], atol=1.5)


@pytest.mark.parametrize("smallest", [8.0, 40.0])
def test_a_large_picture_of_a_small_object_ends_where_its_box_ends(world, smallest):
    large = ellipse(700, 500, (300, 200))
    stills = world / "large"
    save_look(stills / "images/a.png", stills / "masks/a.png", RED, large)
    config = dataclasses.replace(STILL, size_range=(smallest, smallest), scale=0.0)
    scene = build_scene(config, 1, cast_of(world, "large"))
    frame = draw(scene, 0)
    mask = render_masks(config, 1, 0, cast_of(world, "large"))[0]
    x, y, w, h = frame.boxes[0]
    assert np.sqrt(w * h) == pytest.approx(smallest, rel=0.05)
    outside = np.ones(mask.shape, bool)
    outside[int(y) - 1 : int(y + h) + 2, int(x) - 1 : int(x + w) + 2] = False
    assert mask.any() and not mask[outside].any()
    assert is_hue(frame.image.astype(int), [2])[outside].all()


@pytest.mark.parametrize("size", [(640, 480), (854, 480), (333, 777)])
def test_photographs_of_any_shape_cover_the_view(world, size):
    save(world / "walls" / "wall.png", np.full((size[1], size[0], 3), BLUE))
    cast, rng = cast_of(world, "stills"), np.random.default_rng(0)
    for width, height in ((767, 627), (481, 361), (100, 900)):
        assert cast.background(rng, width, height).size == (width, height)


def test_masks_that_count_their_objects_from_1_are_understood(world):
    save(world / "stills/masks/a.png", ellipse())
    save(world / "stills/masks/b.png", ellipse())
    scene = build_scene(STILL, 1, cast_of(world, "stills"))
    assert draw(scene, 0).visible[0] == 1


def test_the_object_is_pasted_without_its_old_background(world):
    frame = draw(build_scene(STILL, 1, cast_of(world, "stills")), 0)
    x, y, w, h = np.round(frame.boxes[0]).astype(int)
    image = frame.image.astype(int)
    red, blue, green = (is_hue(image, [channel]) for channel in (0, 2, 1))
    assert red[y : y + h, x : x + w].sum() > 0.8 * np.pi / 4 * w * h
    assert not green.any()
    outside = np.ones(red.shape, bool)
    outside[y - 1 : y + h + 1, x - 1 : x + w + 1] = False
    assert blue[outside].all()


def test_a_video_shows_its_looks_in_turn(world):
    scene = build_scene(dataclasses.replace(STILL, n_frames=60), 0, cast_of(world, "videos"))
    is_red = [is_hue(draw(scene, t).image.astype(int), [0]).any() for t in range(60)]
    changes = np.count_nonzero(np.diff(is_red))
    assert 2 <= changes <= 60 * 0.4 + 1


def test_look_alikes_are_of_the_same_cut_out_as_often_as_the_likeness_says(world):
    cast, rng = cast_of(world, "stills", "videos"), np.random.default_rng(0)
    role = cast.target(rng)
    same = [cast.look_alike(rng, role, 0.7).cutout == role.cutout for _ in range(500)]
    # Others are drawn from all, of which one in three is the same.
    assert 0.75 < np.mean(same) < 0.85


def test_videos_that_are_left_out_are_never_seen(world):
    cast = cast_of(world, "stills", "videos", left_out=["ball"])
    assert {look.picture.parent.name for cutout in cast.cutouts for look in cutout} == {"images"}
    with pytest.raises(SourceError, match="bal: no such folder"):
        cast_of(world, "videos", left_out=["bal"])


def test_single_pictures_can_be_left_out_too(world):
    cast = cast_of(world, "stills", "videos", left_out=["stills"])
    assert {look.picture.parent.name for cutout in cast.cutouts for look in cutout} == {"ball"}


def test_clips_do_not_depend_on_the_number_of_workers(world):
    config = dataclasses.replace(STILL, n_frames=4)
    clips = ClipSet(config, 2, 0, cast_of(world, "stills", "videos"), every=3)
    alone = write_clips(world / "alone", clips)
    together = write_clips(world / "together", clips, workers=2)
    for one, other in zip(alone, together, strict=True):
        names = sorted(path.name for path in one.iterdir())
        assert names == ["000001.jpg", "000002.jpg", "groundtruth.txt", "recipe.json"]
        for name in names:
            assert (one / name).read_bytes() == (other / name).read_bytes()


def test_small_and_frame_filling_masks_are_passed_over(world):
    stills = world / "stills"
    save_look(stills / "images/a.png", stills / "masks/a.png", YELLOW, ellipse(radii=(8, 8)))
    cast, rng = cast_of(world, "stills"), np.random.default_rng(0)
    assert {cast.target(rng).cutout[0].mask.name for _ in range(40)} == {"b.png"}


def test_masks_none_of_which_can_be_used_are_refused(world):
    for name in "ab":
        save(world / f"stills/masks/{name}.png", np.full((60, 80), 255))
    with pytest.raises(SourceError, match=r"too small or too large; an object is at least 32"):
        cast_of(world, "stills").target(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda w: (w / "stills/images/a.png").unlink(), r"masks/a\.png: no picture .*images/a"),
        (lambda w: shutil.rmtree(w / "stills/images"), r"masks/a\.png: no picture .*images/a"),
        (lambda w: (w / "walls/wall.png").unlink(), "walls: no pictures here"),
        (lambda w: [f.unlink() for f in (w / "stills/masks").iterdir()], "no masks here"),
        (lambda w: (w / "stills/masks/a.png").write_bytes(b"no PNG"), "a.png: not a readable"),
        (lambda w: save(w / "stills/images/a.png", np.zeros((5, 5, 3))), r"a.png: 80 x 60 pixels"),
    ],
    ids=[
        "picture missing",
        "no pictures",
        "no backgrounds",
        "no masks",
        "mask broken",
        "other size",
    ],
)
def test_faults_are_named(world, spoil, message):
    spoil(world)
    with pytest.raises(SourceError, match=message):
        for seed in range(20):
            build_scene(STILL, seed, cast_of(world, "stills")).actors[0].looks.at(0)


def test_the_command_writes_what_the_reader_of_box_folders_reads(world):
    command = [sys.executable, "-m", "data_prep.synthetic", f"--out={world / 'clips'}"]
    options = [f"--cutouts={world / 'stills'}", f"--backgrounds={world / 'walls'}", "--every=48"]
    result = subprocess.run(
        [*command, "--clips=2", "--preset=composite", "--workers=0", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    report = Report()
    tracks = list(read_box_folders(world / "clips", report))
    assert len(tracks) == 2 and not report.counts
    result = subprocess.run([*command, options[0]], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error: --cutouts and --backgrounds go")
