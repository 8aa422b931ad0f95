"""The embedding of a Siamese network, whichever it is, and its layers in training form."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import jax
import jax.numpy as jnp
from flax import linen as nn

Params = Mapping[str, Any]

Compute = Literal["float32", "bfloat16"]
"""Type of the embedding's activations and kernels at inference."""

Layers = dict[str, dict[str, jax.Array]]
"""Layers by name, each a dict of arrays. In training form "convX" may have a batch norm "bnX" of
the same X ("scale", "bias" and the running averages "mean", "var"); names of a head's layers begin
with "head". Weight files hold this form."""


class Backbone(Protocol):
    """An embedding phi: a frozen, hashable dataclass of what a weight file says of its shape."""

    @property
    def stride(self) -> int:
        """Pixels between neighbouring cells of the features."""

    @property
    def channels(self) -> int:
        """Of the features."""

    def output_size(self, size: int) -> int:
        """Side of the features of a size x size image; raises ValueError if it is too small."""

    def module(self, norm_axis: str | None = None) -> nn.Module:
        """The Linen module that is trained: `module(image_BxHxWx3, train=...)` -> features.

        Its parameters are the layers convX and bnX; its batch norms (`nn.BatchNorm`, collection
        "batch_stats") average over the mapped axis `norm_axis`, if any.
        """

    def prepare(self, params: Params, compute: Compute = "float32") -> dict[str, Any]:
        """Folded parameters, made ready once for many calls of `embed`, which then computes in this
        type."""

    def embed(self, params: Params, image_BxHxWx3: jax.Array) -> jax.Array:
        """Features float32 [B, h, w, C] of RGB images float32 in 0..255.

        `params` are folded (`folding.fold_batch_norm`), as they are or from `prepare`, and their
        type is computed in; what is of
        no layer of the embedding is ignored.
        """


def init_backbone(backbone: Backbone, key: jax.Array) -> Layers:
    """Fresh layers in training form."""
    module = backbone.module()
    image = jnp.zeros((1, 127, 127, 3), jnp.float32)
    # Jitted, the forward pass that would only show shapes is never computed.
    variables = jax.jit(lambda key: module.init(key, image, train=False))(key)
    return join_layers(variables["params"], variables["batch_stats"])


def join_layers(params: Params, averages: Params) -> Layers:
    """Flax parameters and running averages as one dict of layers."""
    return {name: {**layer, **averages.get(name, {})} for name, layer in params.items()}


def split_layers(layers: Params) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inverse of `join_layers`."""
    params: dict[str, Any] = {}
    averages: dict[str, Any] = {}
    for name, layer in layers.items():
        arrays = {key: jnp.asarray(value) for key, value in layer.items()}
        if is_norm(layer):
            averages[name] = {key: arrays.pop(key) for key in ("mean", "var")}
        params[name] = arrays
    return params, averages


def is_norm(layer: Params) -> bool:
    """Whether a layer in training form is a batch norm."""
    return "var" in layer


def norm_of(name: str) -> str:
    """Name of the batch norm after the convolution "convX": "bnX"."""
    return name.replace("conv", "bn")


def is_of_head(name: str) -> bool:
    return name.startswith("head")
