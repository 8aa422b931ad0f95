import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from media_samples import cut_short, noise_frames, video_frames, write_exact_video, write_video

from siamfc_jax.media.box_writer import read_boxes_csv

ROOT = Path(__file__).parents[1]
INIT = "--init=4,6,10,12"

# Runs the command line on a tracker that needs neither weights nor JAX, and makes sure that the
# real JAX is not imported while input and output are still being checked.
WITH_FAKE_TRACKER = """
import os, sys, types
sys.path.insert(0, "tests")
from media_samples import FakeTracker
import siamfc_jax
from experiments import cli, track

def load(name, redetect, fast):
    assert not real_jax()
    print("fast" if fast else "usual", flush=True)
    return FakeTracker(float(os.environ.get("SECONDS_PER_FRAME", 0)))

def real_jax():
    return "jaxlib" in sys.modules

device = types.SimpleNamespace(platform="cpu", device_kind="fake")
config = types.SimpleNamespace(values={"jax_compilation_cache_dir": ""}, update=lambda *_: None)
sys.modules["jax"] = types.SimpleNamespace(devices=lambda: [device], config=config)
siamfc_jax.load_multi = load
cli.run(track.main)
"""


def command(*args):
    return [sys.executable, "-c", WITH_FAKE_TRACKER, *map(str, args)]


def track(*args):
    return subprocess.run(command(*args), cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def clip(tmp_path):
    return write_exact_video(tmp_path / "clip.mkv", noise_frames(12))


def test_tracking_two_objects_tells_what_it_did_and_writes_it(clip, tmp_path):
    boxes = tmp_path / "boxes.txt"
    boxes.write_text("20,10,8,8\n")
    done = track(clip, INIT, f"--boxes_file={boxes}", f"--out={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    for text in ("64x48, 25 frames/s", "target 1: x,y,w,h = 20,10,8,8", "on cpu (fake)"):
        assert text in done.stdout
    assert "tracked 12 frames" in done.stdout
    assert "frame/s" in done.stderr
    tracked = read_boxes_csv(tmp_path / "out" / "clip_tracked.csv")
    np.testing.assert_array_equal(tracked.boxes[11, 1], [31, 32, 8, 8])
    assert len(video_frames(tmp_path / "out" / "clip_tracked.mp4")) == 12


@pytest.mark.parametrize(
    ("flags", "loaded", "name"),
    [
        ([], "usual", "siamfc-3s"),
        (["--fast"], "fast", "siamfc-3s+fast"),
        (["--fast", "--redetect"], "fast", "siamfc-3s+fast+redetect"),
    ],
)
def test_the_record_says_how_it_was_tracked(clip, tmp_path, flags, loaded, name):
    done = track(clip, INIT, f"--out={tmp_path}", *flags)
    assert loaded in done.stdout.splitlines(), done.stderr
    assert json.loads((tmp_path / "clip_tracked.json").read_text())["model"] == name


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["no_such.mp4", INIT], "no_such.mp4: no such file"),
        (["CLIP"], "clip.mkv: give the object's box in its first frame, --init=x,y,w,h"),
        (["CLIP", "--init=1,2,3"], "'1,2,3' has 3 numbers"),
        (["CLIP", "--init=400,6,10,12"], "centre outside the frame"),
        (["CLIP", INIT, "--boxes_file=none.txt"], "none.txt: cannot be read"),
        (["CLIP", INIT, "--out=CLIP"], "cannot be written"),
        (["CLIP", INIT, "--max_frames=0"], "max_frames"),
        (["CLIP", INIT, "--no_such_flag"], "no_such_flag"),
        (["CLIP", "CLIP", INIT], "one video at a time"),
    ],
)
def test_a_mistake_is_one_line_on_stderr_and_exit_code_2(clip, args, complaint):
    done = track(*(text.replace("CLIP", str(clip)) for text in args))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr


def test_help_shows_examples_flags_and_exit_codes():
    done = subprocess.run(
        [sys.executable, "-m", "experiments.track", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    for text in ("python -m experiments.track clip.mp4 --init=", "--boxes_file", "Exit codes"):
        assert text in done.stdout


def test_a_video_that_breaks_off_leaves_its_results_and_exit_code_3(tmp_path):
    source = cut_short(write_video(tmp_path / "a.avi", noise_frames(100), "mpeg4"), 0.8)
    done = track(source, INIT, f"--out={tmp_path}")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith(f"error: {source}: breaks off after")
    n_frames = len(read_boxes_csv(tmp_path / "a_tracked.csv").boxes)
    assert f"tracked {n_frames} frames" in done.stdout
    assert len(video_frames(tmp_path / "a_tracked.mp4")) == n_frames


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_finishes_its_files(tmp_path, signum, code):
    clip = write_exact_video(tmp_path / "clip.mkv", noise_frames(400, width=32, height=24))
    process = subprocess.Popen(
        command(clip, INIT, f"--out={tmp_path}"),
        cwd=ROOT,
        env={**os.environ, "SECONDS_PER_FRAME": "0.05"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    partial = tmp_path / "clip_tracked.partial.csv"
    wait_until(lambda: partial.exists() and partial.read_text().count("\n") > 3)
    process.send_signal(signum)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == code
    assert "stopped early" in stderr
    assert "Traceback" not in stderr
    n_frames = len(read_boxes_csv(tmp_path / "clip_tracked.csv").boxes)
    assert 3 <= n_frames < 400
    assert len(video_frames(tmp_path / "clip_tracked.mp4")) == n_frames


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_the_readmes_first_command_tracks_the_demo_with_the_shipped_weights(tmp_path):
    real = [sys.executable, "-m", "experiments.track", f"--out={tmp_path}", "--max_frames=8"]
    done = subprocess.run(real, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tracked 8 frames" in done.stdout
    rows = read_boxes_csv(tmp_path / "demo_tracked.csv")
    assert len(video_frames(tmp_path / "demo_tracked.mp4")) == 8
    assert (tmp_path / "demo_tracked_sheet.png").stat().st_size > 10_000
    assert rows.boxes.shape == (8, 1, 4)
