# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Evaluate and compare
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/siamfc-jax/siamfc_jax/blob/main/experiments/notebooks/evaluate_and_compare.ipynb)
#
# Success (§4.3 of the SiamFC paper) and precision, as the OTB papers define them, for two trackers
# on the same sequences: tables, plots, a paired comparison with its confidence interval, and the
# worst cases in pictures. It is `experiments.eval_otb`, called from a notebook.

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
N_SEQUENCES, N_FRAMES, WIDTH, HEIGHT = (3, 6, 160, 120) if SHORT else (10, 40, 320, 240)

# %% [markdown]
# ## 1. Sequences
#
# Set `OTB` to a folder in the benchmark's own layout: `NAME/img/0001.jpg, ...` and
# `NAME/groundtruth_rect.txt` with a row `x,y,w,h` for each frame, pixels counted from 1. Unless you
# do, sequences with exact boxes are rendered in that layout. They tell how this notebook works,
# not how good a tracker is: real videos are harder in other ways.

# %%
OTB = None

# %%
import dataclasses
from pathlib import Path

import numpy as np
import PIL.Image

from data_prep.synthetic import HARD, render_clip
from siamfc_jax.boxes import to_one_based

WORK = Path("evaluated")


def render_sequence(folder, seed):
    """One target of a rendered clip as a sequence of OTB."""
    scene = dataclasses.replace(
        HARD, width=WIDTH, height=HEIGHT, n_frames=N_FRAMES, n_targets=1, size_range=(20.0, 60.0),
        wander=50.0, pan=60.0,
    )  # fmt: skip
    clip = render_clip(scene, seed)
    (folder / "img").mkdir(parents=True)
    for number, frame in enumerate(clip.frames, 1):
        PIL.Image.fromarray(frame).save(folder / "img" / f"{number:04d}.jpg", quality=92)
    rows = np.round(to_one_based(clip.boxes[:, 0])).astype(int)
    np.savetxt(folder / "groundtruth_rect.txt", rows, "%d", ",")


otb = Path(OTB).expanduser() if OTB else WORK / "rendered"
for number in range(0 if OTB else N_SEQUENCES):
    if not (otb / f"Rendered{number:02d}").exists():
        render_sequence(otb / f"Rendered{number:02d}", seed=number)

# %%
from siamfc_jax.evaluation.benchmarks.otb import read_otb

sequences = read_otb(otb)
print(f"{len(sequences)} sequences, {sum(len(one.truth) for one in sequences)} frames")

# %% [markdown]
# ## 2. Two trackers
#
# The shipped model with its own settings, and the same weights with the settings of the paper
# (3 scales, §4.2). The first call runs the latter; its result files are given to the second, which
# runs the former and compares. A weight file of your own goes into `models`, result files of any
# other tracker into `results`. What was run is kept in `evaluated/` and not run again. "no motion" holds the first box still: what
# is not clearly above it does not track.

# %%
import contextlib
import io

from experiments.evaluation.options import Options
from experiments.evaluation.otb import evaluate_otb

with contextlib.redirect_stdout(io.StringIO()):
    evaluate_otb(
        otb,
        Options(name="paper-settings", tracking="siamfc-3s-paper", out=WORK, baseline=False),
    )
paper_results = f"paper-settings={WORK / 'OTB' / 'paper-settings'}"
evaluated = evaluate_otb(
    otb, Options(models=("shipped=siamfc-3s",), results=(paper_results,), out=WORK)
)

# %% [markdown]
# ## 3. Success and precision
#
# Success rate: the share of frames whose overlap (IoU) with the ground truth is above a threshold,
# over all thresholds; trackers are ranked by the area under that curve (AUC, in brackets).
# Precision: the share of frames whose centre lies within so many pixels of the true one; ranked at
# 20 pixels. Both are averaged over sequences.

# %%
# %matplotlib inline
from IPython.display import display

from siamfc_jax.evaluation.presentation.plots import curve_plot, kinds_of

for kind in kinds_of(evaluated):
    display(curve_plot(evaluated, kind))

# %% [markdown]
# ## 4. Paired comparison
#
# Sequences differ more than trackers do, so trackers are compared on each sequence, and the
# uncertainty is that of the mean difference: over random samples of the sequences (bootstrap), 95 %
# of the means lie in the interval. Where it contains 0, these sequences do not tell which is better.

# %%
import matplotlib.pyplot as plt

from siamfc_jax.evaluation.statistics import paired_comparison

by_name = {one.tracker: one for one in evaluated}
first, second = by_name["shipped"], by_name["paper-settings"]
auc = {one.tracker: one.success.mean(1) for one in (first, second)}
compared = paired_comparison(auc["shipped"], auc["paper-settings"])
print(f"shipped less paper-settings: {compared.difference:+.3f} of AUC, 95 % interval", end=" ")
print(f"[{compared.low:+.3f}, {compared.high:+.3f}]; better on {compared.wins}, worse on", end=" ")
print(f"{compared.losses} sequences; Wilcoxon's p = {compared.p_value:.2g}")

difference = auc["shipped"] - auc["paper-settings"]
order = np.argsort(difference)
height = 1.2 + 0.24 * len(order)
figure, axes = plt.subplots(figsize=(7.5, height), layout="constrained")
axes.barh(range(len(order)), difference[order], color="#7f9fd0", height=0.7)
axes.set_yticks(range(len(order)), [first.names[i] for i in order])
axes.axvspan(
    compared.low, compared.high, color="#e0263c", alpha=0.18, label="95 % interval of the mean"
)
axes.axvline(compared.difference, color="#e0263c", lw=1.6, label="mean")
axes.axvline(0, color="black", lw=0.8)
axes.set(xlabel="difference of AUC, shipped less paper-settings")
axes.legend(loc="lower right")
plt.show()
# %% [markdown]
# ## 5. Worst cases
#
# Of the sequences with the lowest AUC: the last frame before the target was lost (or that with the
# least overlap), that frame, and some after it. Ground truth green and dashed, tracker red.

# %%
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.presentation.pictures import jpeg, worst_frames

results = read_results(WORK / "OTB" / "shipped", sequences)
pictures = list(worst_frames(sequences, results.runs, first, count=3, per_sequence=4))
names = list(dict.fromkeys(picture.sequence for picture in pictures))
figure, axes = plt.subplots(
    len(names), 4, figsize=(11, 2.3 * len(names)), layout="constrained", squeeze=False
)
for row, name in zip(axes, names, strict=True):
    for each in row:
        each.set(xticks=[], yticks=[])
        each.set_frame_on(False)
    own = [picture for picture in pictures if picture.sequence == name]
    for each, picture in zip(row, own, strict=False):
        each.imshow(PIL.Image.open(io.BytesIO(jpeg(picture))))
        each.set_title(f"frame {picture.frame}: IoU {picture.overlap:.2f}")
    row[0].set_ylabel(name)

# %% [markdown]
# More of it: `python -m experiments.eval_otb --help`; with `--report=report.html` all of this in one
# file, with `--protocol=ope,tre,sre` robustness to the start, with `--published=all` the published
# scores beside yours. LaSOT, GOT-10k and VOT have commands of their own.
