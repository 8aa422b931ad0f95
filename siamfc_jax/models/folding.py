"""Batch norm folded into the convolution before it, for inference."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from siamfc_jax.models.backbone import is_norm, norm_of

EPSILON = 1e-5


def fold_batch_norm(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, jax.Array]]:
    """Return `layers` with every "bnX" absorbed by its "convX"; equal outputs at inference.

    y = scale * (conv(x) + bias - mean) / sqrt(var + eps) + offset is again a convolution.

    Args:
      layers: {"convX": {"kernel" [kh, kw, in, out], "bias" [out]}, "bnX": {"scale", "bias",
        "mean", "var"} each [out], ...}; a convolution may lack its bias, and layers without a
        batch norm pass unchanged. X may be anything; something may stand before (head_convX).
    """
    folded = {}
    for name, layer in layers.items():
        if is_norm(layer):
            continue
        norm = layers.get(norm_of(name))
        if norm is None or norm is layer:
            folded[name] = {key: jnp.asarray(value) for key, value in layer.items()}
            continue
        factor = norm["scale"] / jnp.sqrt(jnp.asarray(norm["var"]) + EPSILON)
        folded[name] = {
            "kernel": jnp.asarray(layer["kernel"]) * factor[None, None, None, :],
            "bias": (jnp.asarray(layer.get("bias", 0.0)) - norm["mean"]) * factor + norm["bias"],
        }
    return folded
