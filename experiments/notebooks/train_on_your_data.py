# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Train on your data
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/siamfc-jax/siamfc_jax/blob/main/experiments/notebooks/train_on_your_data.ipynb)
#
# From a folder of videos with boxes to a tracker: look at the data, cut crops, draw pairs, train,
# track. Each stage is the function behind a command (`data_prep.verify`, `make_crops`,
# `make_shards`, `experiments.train`), writes whole files, and goes on where it was interrupted.

# %%
import importlib.util
import os
import shutil
import subprocess
import sys

if importlib.util.find_spec("siamfc_jax") is None:
    # Colab's own JAX already suits its machine.
    needs_cuda = "google.colab" not in sys.modules and shutil.which("nvidia-smi")
    extras = "notebooks,train,cuda" if needs_cuda else "notebooks,train"
    package = f"siamfc-jax[{extras}] @ git+https://github.com/siamfc-jax/siamfc_jax"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)

from experiments.compilation_cache import use_compilation_cache
from experiments.repeatable import only_repeatable_algorithms

# Before JAX starts: a run that is interrupted then goes on to the very same parameters.
only_repeatable_algorithms()

import jax

use_compilation_cache()
print(jax.devices()[0].platform, jax.devices()[0].device_kind)

# %%
# Tests set SIAMFC_SHORT=1 to run every cell on less.
SHORT = os.environ.get("SIAMFC_SHORT") == "1"
N_CLIPS, N_FRAMES, N_PAIRS = (4, 6, 24) if SHORT else (24, 40, 2000)

# %% [markdown]
# ## 1. Videos with boxes
#
# The layout `box_folders`: a folder for each video with its frames as images, and beside them
# `groundtruth.txt`, a row `x,y,w,h` for each frame (pixels; upper-left corner, counted from 0; a row
# of `nan` where the object is absent). Several objects have a `groundtruth.NAME.txt` each.
#
# ```
# VIDEOS/dog/000001.jpg, 000002.jpg, ...
# VIDEOS/dog/groundtruth.txt
# ```
#
# Set `VIDEOS` to such a folder, or to a `.zip` of one (in Colab drag it into the file browser).
# Unless you do, clips with exact boxes are rendered. Other layouts (ImageNet VID, GOT-10k, LaSOT,
# COCO, MOT, ...) are read too: give their name as `KIND`.

# %%
VIDEOS = None
KIND = "box_folders"

# %%
import dataclasses
from pathlib import Path

from data_prep.sources import SOURCES, SourceSpec
from data_prep.synthetic import DEMO, ClipSet, write_clips

# All that is made. For other settings name another folder, or delete this one.
WORK = Path("training") / ("rendered" if VIDEOS is None else Path(VIDEOS).stem)


def unpacked(path):
    """The folder itself, or what the zip file holds."""
    if path.suffix != ".zip":
        return path
    shutil.unpack_archive(path, WORK / path.stem)
    return WORK / path.stem


if VIDEOS is None:
    scene = dataclasses.replace(
        DEMO, width=320, height=240, n_frames=N_FRAMES, size_range=(40.0, 70.0), pan=45.0
    )
    write_clips(WORK / "clips", ClipSet(scene, N_CLIPS, seed=0))
    videos = SourceSpec("rendered", "box_folders", WORK / "clips")
else:
    videos = SourceSpec("mine", KIND, unpacked(Path(VIDEOS).expanduser()))
print(videos, "; kinds:", ", ".join(SOURCES))

# %% [markdown]
# ## 2. Look before hours are spent
#
# `verify` reads all annotations and some frames, and says what is there and what is wrong.

# %%
from data_prep.checks.verification import format_verification, verify

print(format_verification(verify(videos, (), decode="ends"), workers=os.cpu_count() or 1))

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from data_prep.frame_images import decoded
from data_prep.sources import read_source
from data_prep.tracks import Report


def images_of(track, count):
    """Its first frames, uint8 [H, W, 3] each."""
    return [image for _, image in decoded(track.frames[:count])]


tracks = list(read_source(videos, Report()))
shown = [tracks[i] for i in np.linspace(0, len(tracks) - 1, min(4, len(tracks))).astype(int)]
figure, axes = plt.subplots(1, len(shown), figsize=(11, 2.4), layout="constrained", squeeze=False)
for each, track in zip(axes[0], shown, strict=True):
    (image,) = images_of(track, 1)
    each.imshow(image, extent=(0, image.shape[1], image.shape[0], 0))
    x, y, w, h = track.boxes[0]
    each.add_patch(Rectangle((x, y), w, h, fill=False, ec="gold", lw=2))
    each.set(title=track.name, xticks=[], yticks=[])

# %% [markdown]
# ## 3. Crops
#
# "Exemplar and search images for every frame are extracted offline" (§2.4.1): squares around each
# box at the scale of eq. 7, with some room for augmentation.

# %%
from data_prep.crops.settings import CropSettings
from data_prep.crops.stage import CropRequest, make_crops

index = make_crops(
    CropRequest(
        sources=[videos],
        out=WORK / "crops",
        settings=CropSettings(search_room=171 if SHORT else 287),
        workers=0,
    )
)

# %% [markdown]
# ## 4. Pairs
#
# An exemplar and a search image of one video, at most $T$ frames apart (§2.2). The paper does not
# print $T$; here it is 100, the default of `make_shards`. Whole videos are held out for validation,
# here every fourth.

# %%
from data_prep.shards.plan import SplitSettings
from data_prep.shards.request import ShardRequest
from data_prep.shards.stage import make_shards

names = sorted({f"{videos.label}/{track.video}" for track in tracks})
held_out = names[3::4] or names[1:2]
manifest = make_shards(
    ShardRequest(
        crops=WORK / "crops",
        out=WORK / "shards",
        name="pairs",
        pairs=N_PAIRS,
        validation_pairs=max(8, N_PAIRS // 20) if held_out else 0,
        split=SplitSettings(validation_videos=held_out),
        workers=0,
    )
)

# %%
from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings

dataset = open_pairs(WORK / "shards", "train")
with Pipeline(dataset, PipelineSettings(batch=6, workers=1)) as batches:
    batch = next(batches)
figure, axes = plt.subplots(2, 6, figsize=(11, 3.9), layout="constrained", height_ratios=(1, 2))
for (above, below), exemplar, search in zip(axes.T, batch.exemplar, batch.search, strict=True):
    above.imshow(exemplar)
    below.imshow(search)
    for each in (above, below):
        each.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("exemplar")
axes[1, 0].set_ylabel("search image")
plt.show()
# %% [markdown]
# ## 5. Training
#
# `TrainingPlan` says all about a run; its folder is `plan.out`. `siamfc` is the paper's network;
# `tiny`, a toy, trains in seconds on a CPU. A few hundred steps on a few clips are enough to see the
# loss fall and a tracker come out, not to be good: the paper trains on 2.5 million pairs (§4.1).
# With `INITIAL` the run starts from the weights of another.

# %%
from experiments.held_out import held_out_tracks
from experiments.training_plan import TrainingPlan
from siamfc_jax.models.network import NETWORKS
from siamfc_jax.training.augment import Augmentation
from siamfc_jax.training.settings import TrainSettings

on_cpu = jax.default_backend() == "cpu"
NETWORK = "tiny" if SHORT or on_cpu else "siamfc"
INITIAL = None  # or Path("weights.safetensors")

settings = TrainSettings(
    epochs=2 if SHORT else 5,
    pairs_per_epoch=16 if SHORT else 400 if on_cpu else 2000,
    batch=2 if SHORT else 8,
    search_size=159 if SHORT else 239,
    augmentation=Augmentation(stretch=0.0, shift=6.0),
)
plan = TrainingPlan(
    data=WORK / "shards",
    out=WORK / f"run_{NETWORK}",
    network=NETWORKS[NETWORK],
    settings=settings,
    initial=INITIAL,
    videos=tuple(held_out_tracks([str(videos)], held_out, "VIDEOS")),
    checkpoint_every=settings.steps_per_epoch,
    log_every=2 if SHORT else 10,
)
print(f"{NETWORK}: {settings.steps} steps of {settings.batch} pairs")

# %% [markdown]
# The run writes `metrics.jsonl`, a line for each `log_every` steps; the curves below are drawn from
# it while the run goes on. Interrupt the cell to stop: a checkpoint is saved, and the same cell goes
# on from there. What is drawn: the loss; the distance of the response's peak from the target; and
# AUC, the chance that a cell of the target scores higher than another.

# %%
import threading
from concurrent.futures import ThreadPoolExecutor, wait

from IPython.display import Image, display

from experiments.metric_log import read_metrics
from experiments.training_run import train

CURVES = {"loss": "loss", "centre_error": "centre error (search px)", "auc": "AUC of cells"}


def read_curves():
    """The lines of the log so far: of training, and of validation at the end of each epoch."""
    return {kind: read_metrics(plan.out, kind) for kind in ("train", "validation")}


def draw_curves(curves):
    """A figure that is not shown at once, as pyplot would."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained")
    for (kind, lines), marker in zip(curves.items(), ("-", "o-"), strict=True):
        for each, (name, label) in zip(axes, CURVES.items(), strict=True):
            points = [(line["step"], line[name]) for line in lines if line[name] is not None]
            each.plot(*np.reshape(points, (-1, 2)).T, marker, ms=4, lw=1.4, label=kind)
            each.set(xlabel="step", ylabel=label, xlim=(0, settings.steps))
    for each in axes:
        each.grid(alpha=0.3)
    axes[0].legend()
    plt.close(figure)
    return figure


curves, stop = read_curves(), threading.Event()
shown = display(draw_curves(curves), display_id=True)
with ThreadPoolExecutor(max_workers=1) as beside:
    running = beside.submit(train, plan, should_stop=stop.is_set)
    try:
        while not running.done():
            wait([running], timeout=2)
            if curves != read_curves():
                curves = read_curves()
                shown.update(draw_curves(curves))
    except KeyboardInterrupt:
        stop.set()
result = running.result()
shown.update(draw_curves(read_curves()))
print("finished" if result.finished else "stopped", f"after step {result.step}: {result.weights}")
for name, value in {**result.pairs, **result.videos}.items():
    print(f"{name}: {value:.3f}")

# %% [markdown]
# Pairs of the held-out videos with the response of the trained network:

# %%
if held_out:
    display(Image(str(plan.out / "responses.png"), width=700))

# %% [markdown]
# ## 6. Tracking with the result
#
# The first of the held-out videos, from its first box; the ground truth is dashed.

# %%
import siamfc_jax
from siamfc_jax.boxes import iou

track = (plan.videos or tracks)[0]
images = images_of(track, 6 if SHORT else 200)
tracker = siamfc_jax.load(result.weights)
tracker.init(images[0], track.boxes[0])
boxes = np.stack([track.boxes[0], *(tracker.update(image) for image in images[1:])])
overlap = iou(boxes, track.boxes[: len(boxes)])
print(f"{track.name}: mean overlap {overlap.mean():.3f} over {len(boxes)} frames")

figure, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for each, i in zip(axes, np.linspace(0, len(images) - 1, 4).astype(int), strict=True):
    height, width = images[i].shape[:2]
    each.imshow(images[i], extent=(0, width, height, 0))
    for (x, y, w, h), colour, style in (
        (boxes[i], "#e0263c", "-"),
        (track.boxes[i], "#12e070", "--"),
    ):
        each.add_patch(Rectangle((x, y), w, h, fill=False, ec=colour, lw=2, ls=style))
    each.set(title=f"frame {track.numbers[i]}: IoU {overlap[i]:.2f}", xticks=[], yticks=[])

# %% [markdown]
# ## Where to go next
#
# - `python -m experiments.train --flagfile=experiments/flagfiles/siamfc_3s.flags --data=SHARDS
#   --out=runs/first` trains the paper's network at full length; other files there are for small
#   data, CPUs, ResNets and SiamRPN, and say what they cost and score.
# - `python -m experiments.tune` finds the tracking settings on held-out videos.
# - The weight file opens everywhere a model is named: `MODEL` in
#   [track your video](track_your_video.ipynb), `--model=` of `experiments.track`.
# - [Evaluate and compare](evaluate_and_compare.ipynb) tells how good it is.
