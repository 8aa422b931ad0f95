# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Track your video
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/siamfc-jax/siamfc_jax/blob/main/experiments/notebooks/track_your_video.ipynb)
#
# Choose a video, draw a box around anything in its first frame, and the box follows it. Run the
# cells one after the other; as they stand, they track the demo clip.

# %%
import importlib.util
import os
import shutil
import subprocess
import sys

if importlib.util.find_spec("siamfc_jax") is None:
    # Colab's own JAX already suits its machine.
    needs_cuda = "google.colab" not in sys.modules and shutil.which("nvidia-smi")
    extras = "notebooks,cuda" if needs_cuda else "notebooks"
    package = f"siamfc-jax[{extras}] @ git+https://github.com/siamfc-jax/siamfc_jax"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)

import jax

from experiments.compilation_cache import use_compilation_cache

use_compilation_cache()
print(jax.devices()[0].platform, jax.devices()[0].device_kind)

# %%
# Tests set SIAMFC_SHORT=1 to run every cell on less.
SHORT = os.environ.get("SIAMFC_SHORT") == "1"
MAX_FRAMES = 12 if SHORT else None

# %% [markdown]
# ## 1. The video
#
# `SOURCE` is one of
# - `"demo"`: the clip of the package;
# - `"upload"`: a file from your computer (in Colab a dialog; elsewhere a button appears, and the
#   next cell takes what you gave it);
# - `"camera"`: some seconds from a camera: in Colab your browser's, elsewhere that of the computer
#   on which the notebook runs;
# - the path of a video file, a folder or a quoted glob of images.

# %%
SOURCE = "demo"
CAMERA_SECONDS = 6

# %%
from pathlib import Path

import ipywidgets
from IPython.display import FileLink, Image, Javascript, Video, display

from siamfc_jax.media.reading import open_frames
from siamfc_jax.media.video_writer import VideoWriter

IN_COLAB = "google.colab" in sys.modules

# Records a clip in the browser, where the camera is; the notebook's machine may be far away.
RECORD = """
async function record(seconds) {
  const stream = await navigator.mediaDevices.getUserMedia({video: true});
  const preview = document.createElement('video');
  preview.srcObject = stream;
  preview.muted = true;
  document.body.appendChild(preview);
  await preview.play();
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.ondataavailable = event => parts.push(event.data);
  const stopped = new Promise(resolve => recorder.onstop = resolve);
  recorder.start();
  await new Promise(resolve => setTimeout(resolve, 1000 * seconds));
  recorder.stop();
  await stopped;
  stream.getTracks().forEach(track => track.stop());
  preview.remove();
  const reader = new FileReader();
  reader.readAsDataURL(new Blob(parts));
  await new Promise(resolve => reader.onloadend = resolve);
  return reader.result.split(',')[1];
}
"""


def recorded_in_colab(seconds):
    """A clip from the reader's camera as a file; the browser asks for leave first."""
    import base64

    from google.colab.output import eval_js

    display(Javascript(RECORD))
    recorded, path = Path("camera.webm"), Path("camera.mp4")
    recorded.write_bytes(base64.b64decode(eval_js(f"record({seconds})")))
    # Browsers do not write down how many frames a second they record.
    with open_frames(recorded) as clip:
        frames = list(clip)
    with VideoWriter(path, len(frames) / seconds) as video:
        for frame in frames:
            video.write(frame)
    return path


def recorded_here(seconds):
    """A clip from this computer's first camera as a file."""
    import time

    from siamfc_jax.media.camera import open_camera

    path = Path("camera.mp4")
    with open_camera("camera:0") as camera, VideoWriter(path, camera.fps) as video:
        end = time.monotonic() + seconds
        for frame in camera:
            video.write(frame)
            if time.monotonic() > end:
                break
    return path


uploader = ipywidgets.FileUpload(accept="video/*,image/*", description="a video")
if SOURCE == "upload" and not IN_COLAB:
    display(uploader)

# %%
from siamfc_jax.media.demo import demo_clip


def chosen_source():
    """The path of what SOURCE names."""
    if SOURCE == "demo":
        return demo_clip()[0]
    if SOURCE == "camera":
        return (recorded_in_colab if IN_COLAB else recorded_here)(CAMERA_SECONDS)
    if SOURCE != "upload":
        return SOURCE
    if IN_COLAB:
        from google.colab import files

        return next(iter(files.upload()))
    if not uploader.value:
        raise ValueError("no file yet: press the button of the cell above, then run this cell")
    uploaded = uploader.value[0]
    path = Path(Path(uploaded.name).name)
    path.write_bytes(uploaded.content)
    return path


source = chosen_source()
with open_frames(source) as video:
    first_frame = next(video)
    rate = f"{video.fps:.4g} frames/s" if video.fps else "no frame rate"
    length = f"about {video.n_frames} frames" if video.n_frames else "unknown length"
    print(f"{video.location}: {video.width} x {video.height}, {rate}, {length}")

# %% [markdown]
# ## 2. The box
#
# Drag a box around the target; drag its sides to correct it. Several boxes are several targets,
# tracked together. Or write numbers into `BOXES`: $(x, y, w, h)$ in pixels of the first frame,
# upper-left corner, width and height.

# %%
import io

import numpy as np
import PIL.Image
from jupyter_bbox_widget import BBoxWidget

BOXES = []  # for example [(466, 121, 119, 94)]

if IN_COLAB:
    from google.colab import output

    output.enable_custom_widget_manager()
picture = io.BytesIO()
PIL.Image.fromarray(first_frame).save(picture, "PNG")
drawing = BBoxWidget(image_bytes=picture.getvalue(), classes=["target"], hide_buttons=True)
drawing

# %%
from siamfc_jax.boxes import check_boxes
from siamfc_jax.media.overlay import draw_boxes


def chosen_boxes():
    """BOXES, or what was drawn; for the demo clip also its own."""
    drawn = [(box["x"], box["y"], box["width"], box["height"]) for box in drawing.bboxes]
    if not (BOXES or drawn) and SOURCE == "demo":
        drawn = [demo_clip()[1]]
    if not (BOXES or drawn):
        raise ValueError("no box yet: draw one above, or write it into BOXES, then run this cell")
    return check_boxes(BOXES or drawn, first_frame.shape[1], first_frame.shape[0])


boxes = chosen_boxes()
print("boxes (x, y, w, h):", *(np.round(box, 1).tolist() for box in boxes))
PIL.Image.fromarray(draw_boxes(first_frame, boxes, np.ones(len(boxes))))

# %% [markdown]
# ## 3. Tracking
#
# `RESPONSES = True` draws the response map, too: where the network sees the target. With
# `REDETECT = True` a lost target is looked for over the whole frame.

# %%
import siamfc_jax
from siamfc_jax.media.session import track_video

MODEL = "siamfc-3s"  # or the path of a weight file
RESPONSES = False
REDETECT = False

tracker = siamfc_jax.load_multi(MODEL, redetect=REDETECT)
done = ipywidgets.IntProgress(description="frames", max=MAX_FRAMES or video.n_frames or 1)
display(done)


def advance(count):
    done.value += count


summary = track_video(
    source,
    boxes,
    tracker,
    "tracked",
    model=MODEL,
    response_overlay=RESPONSES,
    max_frames=MAX_FRAMES,
    progress=advance,
)
print(summary.text())

# %%
Video(str(summary.paths.video), embed=True, html_attributes="controls loop width=720")

# %% [markdown]
# The score is the logistic function of the response's peak. It compares frames of one network:
# where it falls, the target is hidden, has changed, or is lost. Calibrated on videos that were not
# trained on, it becomes the probability that the box is on the target; where that is too low to
# trust (shaded), the target counts as lost, and its box in the video is dashed.

# %%
import matplotlib.pyplot as plt

from siamfc_jax.media.palette import target_colour

figure, axes = plt.subplots(figsize=(9, 2.6), layout="constrained")
for target in range(len(boxes)):
    colour = np.divide(target_colour(target), 255 * 1.15)
    axes.plot(summary.scores[:, target], color=colour, lw=1.6, label=f"target {target}")
    lost = summary.lost[:, target]
    axes.fill_between(range(len(lost)), 0, 1.02, where=lost, step="mid", color=colour, alpha=0.2)
axes.set(xlabel="frame", ylabel="score", ylim=(0, 1.02), xlim=(0, max(1, summary.n_frames - 1)))
axes.grid(alpha=0.3)
if len(boxes) > 1:
    axes.legend()

# %%
Image(str(summary.paths.sheet), width=1000)

# %% [markdown]
# ## 4. Downloads
#
# The video with its boxes; the boxes and scores as CSV and as JSON, which also says what they mean.

# %%
paths = (summary.paths.video, summary.paths.csv, summary.paths.json)
if IN_COLAB:
    from google.colab import files

    for path in paths:
        files.download(str(path))
else:
    display(*(FileLink(str(path)) for path in paths))

# %% [markdown]
# Next: [how it works](how_siamfc_works.ipynb), [train on your data](train_on_your_data.ipynb),
# [evaluate and compare](evaluate_and_compare.ipynb).
