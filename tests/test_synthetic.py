"""The synthetic world: exact boxes, repeatable frames, safe clip folders."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_prep.synthetic import (
    DEMO,
    DEMO_SEED,
    EASY,
    HARD,
    ClipFolderError,
    ClipSet,
    SceneConfig,
    iter_frames,
    render_clip,
    render_frame,
    render_masks,
    write_clips,
)
from data_prep.synthetic.motion import Bend
from data_prep.synthetic.render import draw
from data_prep.synthetic.scene import build_scene
from data_prep.synthetic.sprites import SHADOW_REACH

SMALL = {"width": 160, "height": 120, "n_frames": 12, "size_range": (24.0, 40.0)}
BUSY = dataclasses.replace(HARD, **SMALL, wander=30.0, pan=20.0, n_occluders=2)
TINY = dataclasses.replace(EASY, width=64, height=48, n_frames=3, size_range=(10.0, 14.0))
SEEDS = st.integers(0, 2**31 - 1)


def box_of_mask(mask):
    """(x, y, w, h) of the smallest pixel rectangle around the set pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = columns[0], rows[0]
    return np.array([x, y, columns[-1] + 1 - x, rows[-1] + 1 - y], float)


def corners(box):
    return np.concatenate([box[:2], box[:2] + box[2:]])


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, t=st.integers(0, BUSY.n_frames - 1))
def test_boxes_are_tight_around_independently_sampled_masks(seed, t):
    frame = render_frame(BUSY, seed, t)
    for box, mask in zip(frame.boxes, render_masks(BUSY, seed, t), strict=True):
        x0, y0, x1, y1 = corners(box)
        if x0 >= 0 and y0 >= 0 and x1 <= BUSY.width and y1 <= BUSY.height:
            np.testing.assert_allclose(corners(box_of_mask(mask)), (x0, y0, x1, y1), atol=1.0)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, t=st.integers(0, BUSY.n_frames - 1))
def test_boxes_are_tight_to_a_fraction_of_a_pixel(seed, t):
    scene = build_scene(BUSY, seed)
    boxes = draw(scene, t).boxes
    for actor in scene.actors:
        if actor.target is not None:
            box = boxes[actor.target]
            fine = box_of_mask(silhouette(scene, actor, t, box, samples_per_pixel=8)) / 8
            fine[:2] += np.floor(box[:2]) - 4
            np.testing.assert_allclose(corners(fine), corners(box), atol=0.6)


def silhouette(scene, actor, t, box, samples_per_pixel):
    """The actor's mask on a fine grid that starts 4 pixels left of and above `box`."""
    pose = actor.track.pose(t, scene.camera)
    columns, rows = (
        np.floor(start)
        - 4
        + (np.arange((length + 10) * samples_per_pixel) + 0.5) / samples_per_pixel
        for start, length in zip(box[:2], box[2:], strict=True)
    )
    return actor.looks.at(t).sample(*pose.to_object(columns, rows), pose.scale)[..., 4] > 0.5


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, t=st.integers(0, EASY.n_frames - 1))
def test_the_object_is_painted_where_the_mask_says_and_nowhere_else(seed, t):
    scene = build_scene(EASY, seed)
    with_object = draw(scene, t)
    empty = draw(dataclasses.replace(scene, actors=()), t).image.astype(int)
    changed = np.abs(with_object.image.astype(int) - empty).max(axis=-1) > 1
    mask = render_masks(EASY, seed, t)[0]
    assert changed[mask].mean() > 0.9
    x0, y0, x1, y1 = corners(with_object.boxes[0])
    margin = 3 * SHADOW_REACH * EASY.size_range[1]
    rows, columns = np.nonzero(changed)
    assert columns.min() >= x0 - margin and columns.max() <= x1 + margin
    assert rows.min() >= y0 - margin and rows.max() <= y1 + margin


@settings(max_examples=5, deadline=None)
@given(seed=SEEDS, t=st.integers(0, BUSY.n_frames - 1))
def test_any_frame_can_be_rendered_alone(seed, t):
    clip = render_clip(BUSY, seed)
    build_scene.cache_clear()
    for whole, alone in zip(clip, render_frame(BUSY, seed, t), strict=True):
        np.testing.assert_array_equal(whole[t], alone)


def test_the_seed_decides_every_byte():
    first = render_clip(BUSY, 3)
    build_scene.cache_clear()
    second, other = render_clip(BUSY, 3), render_clip(BUSY, 4)
    assert first.frames.tobytes() == second.frames.tobytes()
    assert first.boxes.tobytes() == second.boxes.tobytes()
    assert (first.frames != other.frames).mean() > 0.5


def test_iter_frames_yields_the_clip():
    clip = render_clip(BUSY, 1)
    frames = list(iter_frames(BUSY, 1))
    np.testing.assert_array_equal(np.stack([frame.image for frame in frames]), clip.frames)
    np.testing.assert_array_equal(np.stack([frame.visible for frame in frames]), clip.visible)


def test_clip_shapes_and_types():
    clip = render_clip(BUSY, 0)
    assert clip.frames.shape == (12, 120, 160, 3) and clip.frames.dtype == np.uint8
    assert clip.boxes.shape == (12, 2, 4) and clip.boxes.dtype == np.float32
    assert clip.visible.shape == (12, 2) and clip.visible.dtype == np.float32
    assert clip.visible.min() >= 0 and clip.visible.max() <= 1


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_without_other_motion_boxes_move_exactly_linearly(seed):
    config = dataclasses.replace(TINY, n_frames=8, speed=1.5)
    clip = render_clip(config, seed)
    boxes = clip.boxes[:, 0].astype(float)
    steps = np.diff(boxes, axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=2e-5)
    np.testing.assert_allclose(np.hypot(*steps[0, :2]), config.speed, atol=2e-5)


def test_with_every_strength_zero_the_clip_is_a_still():
    clip = render_clip(dataclasses.replace(TINY, speed=0.0), 0)
    assert (clip.frames == clip.frames[0]).all()


@pytest.mark.parametrize(
    "strength",
    [
        {"wander": 20.0}, {"scale": 0.4}, {"rotation": 30.0}, {"deformation": 0.15},
        {"global_light": 0.3}, {"local_light": 0.3}, {"pan": 20.0}, {"zoom": 0.2}, {"jitter": 3.0},
        {"n_occluders": 1, "occlusion": 1.0}, {"n_distractors": 2, "speed": 1.0},
    ],
)  # fmt: skip
def test_each_strength_changes_the_picture_over_time(strength):
    config = SceneConfig(**{**SMALL, "n_frames": 40, **strength})
    first, later = (render_frame(config, 5, t).image.astype(int) for t in (0, 20))
    assert np.abs(first - later).max() > 10


def test_motion_blur_smears_a_moving_object_and_leaves_its_box():
    sharp = dataclasses.replace(EASY, speed=6.0, n_frames=10)
    blurred = dataclasses.replace(sharp, blur=1.0)
    first, second = render_frame(sharp, 2, 5), render_frame(blurred, 2, 5)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    x0, y0, x1, y1 = corners(first.boxes[0]).astype(int)

    def detail(image):
        return np.abs(np.diff(image[y0:y1, x0:x1].astype(int), axis=1)).mean()

    assert detail(second.image) < 0.8 * detail(first.image)


@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_visibility_is_the_share_of_the_mask_inside_the_frame(seed):
    # The same object in a frame so small that it sticks out on all sides.
    config = SceneConfig(width=30, height=24, n_frames=1, size_range=(50.0, 50.0))
    frame = render_frame(config, seed, 0)
    inside = render_masks(config, seed, 0)[0].sum()
    scene = build_scene(config, seed)
    whole = silhouette(scene, scene.actors[0], 0, frame.boxes[0], samples_per_pixel=1).sum()
    np.testing.assert_allclose(frame.visible[0], inside / whole, rtol=1e-3)
    assert frame.visible[0] < 1


def test_an_occluder_hides_its_target_once_and_moves_on():
    config = dataclasses.replace(EASY, n_frames=60, n_occluders=1, occlusion=1.3)
    visible = render_clip(config, 0).visible[:, 0]
    hidden = np.flatnonzero(visible < 0.9)
    assert visible.min() < 0.5 and visible[0] == visible[-1] == 1
    assert np.all(np.diff(hidden) == 1)


@given(
    shear=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
    rate=st.tuples(st.floats(1, 6), st.floats(1, 6)),
    stretch=st.floats(-0.3, 0.3),
)
def test_bending_is_undone_exactly(shear, rate, stretch):
    bend = Bend(shear, rate, (0.3, 1.1), stretch)
    points = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    x, y = bend.undo(*bend.apply(points).astype(np.float32).T)
    np.testing.assert_allclose(np.stack([x, y], axis=-1), points, atol=1e-5)


def test_the_demo_starts_in_full_view_and_is_partly_hidden_once():
    # The frames of render_demo, which takes seconds, that surround its occlusion.
    visible = [float(render_frame(DEMO, DEMO_SEED, t).visible[0]) for t in (0, 30, 43, 60, 119)]
    assert 0.3 < visible[2] < 0.7
    assert min(visible[:2] + visible[3:]) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0), ("n_frames", 0), ("n_targets", 0), ("speed", -1.0), ("blur", float("nan")),
        ("size_range", (5.0, 2.0)), ("size_range", (0.0, 2.0)), ("likeness", 1.5),
        ("deformation", 0.9), ("global_light", 1.0),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        SceneConfig(**{field: value})


@pytest.mark.parametrize("t", [-1, EASY.n_frames])
def test_a_frame_outside_the_clip_is_refused(t):
    with pytest.raises(IndexError, match="outside the clip of 40 frames"):
        render_frame(EASY, 0, t)


def test_written_clips_hold_the_frames_and_one_row_per_frame(tmp_path):
    (folder,) = write_clips(tmp_path / "set", ClipSet(TINY, 1, 0))
    assert folder == tmp_path / "set" / "0001"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["000001.jpg", "000002.jpg", "000003.jpg", "groundtruth.txt", "recipe.json"]
    with Image.open(folder / "000001.jpg") as image:
        assert image.size == (TINY.width, TINY.height)
    rows = np.loadtxt(folder / "groundtruth.txt", delimiter=",")
    assert rows.shape == (3, 4) and np.isfinite(rows).all()


def test_several_targets_get_a_file_each_and_hidden_rows_are_nan(tmp_path):
    # Objects far larger than the frame: less than a fifth of each is ever inside.
    config = dataclasses.replace(TINY, n_targets=2, size_range=(250.0, 250.0))
    (folder,) = write_clips(tmp_path, ClipSet(config, 1, 0))
    for target in (0, 1):
        text = (folder / f"groundtruth.{target}.txt").read_text()
        assert text == "nan,nan,nan,nan\n" * config.n_frames


def test_writing_again_keeps_finished_clips_and_repairs_the_rest(tmp_path):
    first, second = write_clips(tmp_path, ClipSet(TINY, 2, 0))
    wanted = (second / "000002.jpg").read_bytes()
    kept = (first / "000001.jpg").stat().st_mtime_ns
    second.rename(tmp_path / "0002.partial")
    (tmp_path / "0002.partial" / "000002.jpg").write_bytes(b"half a pict")
    write_clips(tmp_path, ClipSet(TINY, 3, 0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001", "0002", "0003"]
    assert (second / "000002.jpg").read_bytes() == wanted
    assert (first / "000001.jpg").stat().st_mtime_ns == kept


def test_clips_of_another_recipe_are_not_mixed_in(tmp_path):
    write_clips(tmp_path, ClipSet(TINY, 1, 0))
    with pytest.raises(ClipFolderError, match="0001 holds a clip made with other settings"):
        write_clips(tmp_path, ClipSet(TINY, 2, 1))


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ClipFolderError, match="file.0001"):
        write_clips(tmp_path / "file", ClipSet(TINY, 1, 0))


def test_a_full_disk_leaves_finished_clips_and_says_what_to_do(tmp_path, monkeypatch):
    write_clips(tmp_path, ClipSet(TINY, 1, 0))

    def no_room(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", no_room)
    with pytest.raises(ClipFolderError, match="0002: No space left on device; .*run again"):
        write_clips(tmp_path, ClipSet(TINY, 2, 0))
    assert len(list((tmp_path / "0001").iterdir())) == TINY.n_frames + 2


def test_command_line_reports_mistakes_in_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    command = [sys.executable, "-m", "data_prep.synthetic", f"--out={tmp_path / 'file'}"]
    result = subprocess.run(
        [*command, "--clips=1", "--preset=easy"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "error: cannot write clip" in result.stderr.splitlines()[-1]
