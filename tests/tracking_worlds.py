"""A tiny network and a simple scene, in which tracking is easy and everything is fast."""

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.siamfc import SiamFCNetwork

NETWORK = SiamFCNetwork(AlexNetConfig((8, 16, 16, 16, 16)), gain=1.0)


GREY = 110


def matching_params():
    """Folded random parameters whose features of the flat background are zero.

    The correlation of an exemplar with the same object elsewhere is then greatest where they
    coincide (Cauchy-Schwarz), so that the untrained network tracks.
    """
    params = fold_batch_norm(NETWORK.init(jax.random.key(3)))
    flat = NETWORK.embed(params, jnp.full((1, 127, 127, 3), float(GREY)))
    conv5 = params["conv5"]
    scale = 1e-2 / jnp.abs(flat).mean()
    bias = (conv5["bias"] - flat[0, 0, 0]) * scale
    params["conv5"] = {"kernel": conv5["kernel"] * scale, "bias": bias}
    return params


def scene(n_frames=6, size=(120, 160), start=(60, 50), velocity=(3, 2), side=24):
    """A textured square moves over a flat background: frames [n, H, W, 3] and boxes [n, 4]."""
    height, width = size
    coarse = np.random.default_rng(7).integers(0, 256, (4, 4, 3), np.uint8)
    texture = np.asarray(Image.fromarray(coarse).resize((side, side)))
    background = np.full((height, width, 3), GREY, np.uint8)
    frames, boxes = [], []
    for t in range(n_frames):
        x, y = start[0] + velocity[0] * t, start[1] + velocity[1] * t
        frame = background.copy()
        frame[y : y + side, x : x + side] = texture
        frames.append(frame)
        boxes.append((x, y, side, side))
    return np.stack(frames), np.asarray(boxes, np.float32)
