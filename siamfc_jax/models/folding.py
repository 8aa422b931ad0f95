"""Batch norm folded into the convolution before it, for inference."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

EPSILON = 1e-5


def fold_batch_norm(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, jax.Array]]:
    """Return `layers` with every "bnN" absorbed by its "convN"; equal outputs at inference.

    y = scale * (conv(x) + bias - mean) / sqrt(var + eps) + offset is again a convolution.

    Args:
      layers: {"convN": {"kernel" [kh, kw, in, out], "bias" [out]}, "bnN": {"scale", "bias",
        "mean", "var"} each [out], "head": {"bias" []}}; layers without a bnN pass unchanged.
    """
    folded = {}
    for name, layer in layers.items():
        if name.startswith("bn"):
            continue
        norm = layers.get(name.replace("conv", "bn")) if name.startswith("conv") else None
        if norm is None:
            folded[name] = {key: jnp.asarray(value) for key, value in layer.items()}
            continue
        factor = norm["scale"] / jnp.sqrt(jnp.asarray(norm["var"]) + EPSILON)
        folded[name] = {
            "kernel": jnp.asarray(layer["kernel"]) * factor[None, None, None, :],
            "bias": (jnp.asarray(layer["bias"]) - norm["mean"]) * factor + norm["bias"],
        }
    return folded
