"""SiamFC as pure functions: embed both images, correlate, scale (v2 paper §2.1, eq. 2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from siamfc_jax.models.alexnet import ALEXNET_V1, ALEXNET_V2, AlexNetConfig
from siamfc_jax.models.backbone import Backbone, Compute, Layers, init_backbone
from siamfc_jax.models.xcorr import xcorr

Params = Mapping[str, Any]


@dataclass(frozen=True)
class SiamFCNetwork:
    """f(z, x) = gain * (phi(z) * phi(x)) + b.

    Attributes:
      backbone: the embedding phi.
      gain: fixed factor of the correlation. The papers write 1 (eq. 2); released code multiplies
        by 1e-3, so that the loss starts near ln 2.
    """

    backbone: Backbone = ALEXNET_V2
    gain: float = 1e-3

    def init(self, key: jax.Array) -> Layers:
        """Fresh parameters in training form: those of the backbone, and head; its bias is 0."""
        layers = init_backbone(self.backbone, key)
        return {**layers, "head": {"bias": jnp.zeros((), jnp.float32)}}

    def embed(self, params: Params, image_BxHxWx3: jax.Array) -> jax.Array:
        """phi with folded parameters; see `Backbone.embed`."""
        return self.backbone.embed(params, image_BxHxWx3)

    def prepare(self, params: Params, compute: Compute = "float32") -> dict[str, Any]:
        """Folded parameters, made ready once for many calls of `embed`; see `Backbone.prepare`."""
        return self.backbone.prepare(params, compute)

    def template(self, params: Params, features: jax.Array) -> jax.Array:
        """What tracking keeps of exemplars whose features are [T, ..., h, w, C]: the features."""
        return features

    def respond(self, params: Params, template: jax.Array, search: jax.Array) -> jax.Array:
        """Response maps [..., H - h + 1, W - w + 1] of templates [..., h, w, C] over search
        features [..., H, W, C]; leading dimensions broadcast (eq. 2). 6 over 22 gives 17 x 17."""
        return self.gain * xcorr(template, search) + params["head"]["bias"]


SIAMFC = SiamFCNetwork(ALEXNET_V2)
SIAMFC_V1 = SiamFCNetwork(ALEXNET_V1)

SIAMFC_TINY = SiamFCNetwork(AlexNetConfig((8, 16, 16, 16, 8)), gain=1e-2)
"""Of no paper: to try out a training in seconds. Fewer channels correlate less, the gain makes up
for it."""
