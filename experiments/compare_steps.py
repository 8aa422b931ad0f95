"""Does our step do what the tracker behind published raw results did?

    python -m experiments.compare_steps --otb=OTB100 --published=SiamFC-3s_TRE.npz \\
        --model=published.safetensors --tracking=siamfc-3s-release

Scores of whole runs differ by chance: one different frame, and two runs part. Here every step
starts from the published box of the frame before, and its displacement (in upsampled response
pixels, whole numbers) and its scale are compared with the published ones. How often the scale
changes tells of the response's bias, which the penalty multiplies, where a weight file lacks it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from numpy.typing import NDArray
from tqdm import tqdm

from experiments import cli
from siamfc_jax.boxes import Boxes, centres_sizes, from_one_based
from siamfc_jax.crops import context_side
from siamfc_jax.evaluation import sequences
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.loading import load_model
from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.config import PRESETS, SiamFCTracking
from siamfc_jax.tracking.online import Model, compiled_tracker

_OTB = flags.DEFINE_string("otb", None, "Folder with OTB's sequences.", required=True)
_PUBLISHED = flags.DEFINE_string(
    "published", None, "Raw results, .npz with <sequence>/00/<start frame>.", required=True
)
_MODEL = flags.DEFINE_string("model", None, "Weight file.", required=True)
_TRACKING = flags.DEFINE_enum("tracking", "siamfc-3s-release", sorted(PRESETS), "Settings.")
_FRAMES = flags.DEFINE_integer("frames", 25, "Steps per target, evenly spaced.", lower_bound=1)


class Steps(NamedTuple):
    """n steps: displacements [n, 2] in upsampled response pixels, ours minus published; growth of
    the box [n], ours and published (1 where the scale stays)."""

    difference: NDArray[np.float64]
    growth: NDArray[np.float64]
    published_growth: NDArray[np.float64]


def compare_steps(
    model: Model, sequence: sequences.Sequence, published: Boxes, n_steps: int
) -> Steps:
    """Step from the published boxes [n, 4] of `sequence` at n_steps evenly spaced frames.

    Raises SequenceError when a frame cannot be read.
    """
    tracking = model.tracking
    assert isinstance(tracking, SiamFCTracking)
    tracker = compiled_tracker(model.network, tracking)
    params = model.prepared()
    frames = jax.device_put(on_canvas([sequences.read_frame(sequence.frames[0])]))
    boxes = jnp.asarray(published[:1], jnp.float32)
    first, _ = tracker.init(params, frames, boxes, jnp.zeros(1, jnp.int32))
    centres, sizes = centres_sizes(published)
    search = tracking.search_size / tracking.exemplar_size
    differences, growth = [], []
    for index in np.unique(np.linspace(1, len(published) - 1, n_steps).astype(int)):
        size = jnp.asarray(sizes[index - 1 : index])
        side = context_side(size, tracking.context) * search
        state = first._replace(centre=jnp.asarray(centres[index - 1 : index]), size=size, side=side)
        frames = jax.device_put(on_canvas([sequences.read_frame(sequence.frames[index])]))
        after, _ = tracker.step(params, state, frames)
        pixel = tracking.stride / tracking.upsample
        pixel *= np.round(float(side[0])) / tracking.search_size
        differences.append((np.asarray(after.centre[0]) - centres[index]) / pixel)
        before = float(size[0, 0])
        growth.append((float(after.size[0, 0]) / before, float(sizes[index, 0]) / before))
    return Steps(np.stack(differences), *np.asarray(growth).T)


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    model = load_model(_MODEL.value, PRESETS[_TRACKING.value])
    results = np.load(Path(_PUBLISHED.value), allow_pickle=False)
    print(
        f"{'target':<14}{'median |d|':>11}{'mean dx':>9}{'mean dy':>9}{'|d|<=1':>8}"
        f"{'same scale':>12}{'rescaled':>10}{'published':>11}"
    )
    everything = []
    for sequence in tqdm(read_otb(Path(_OTB.value)), unit="target", leave=False):
        names = [name for name in results.files if name.startswith(f"{sequence.name}/00/")]
        if names:
            published = from_one_based(results[names[0]])
            everything.append(compare_steps(model, sequence, published, _FRAMES.value))
            _print(sequence.name, everything[-1])
    _print("all", Steps(*(np.concatenate(parts) for parts in zip(*everything, strict=True))))


def _print(name: str, steps: Steps) -> None:
    worst = np.abs(steps.difference).max(1)
    dx, dy = steps.difference.mean(0)
    ours, published = steps.growth, steps.published_growth
    tqdm.write(
        f"{name:<14}{np.median(worst):>11.1f}{dx:>9.1f}{dy:>9.1f}{np.mean(worst <= 1.01):>8.2f}"
        f"{np.mean(np.abs(ours - published) < 0.005):>12.2f}"
        f"{np.mean(np.abs(ours - 1) > 0.005):>10.2f}"
        f"{np.mean(np.abs(published - 1) > 0.005):>11.2f}"
    )


if __name__ == "__main__":
    cli.run(main)
