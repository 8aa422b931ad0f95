"""SiamRPN as pure functions: embed both images, correlate in two branches (SiamRPN paper §3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.anchors import A5, Anchors
from siamfc_jax.models.backbone import Backbone, Compute, Layers, init_backbone, join_layers
from siamfc_jax.models.rpn_heads import (
    DEPTHWISE,
    UP_CHANNEL,
    BranchKernels,
    HeadModule,
    Proposals,
    RPNHead,
    UpChannelHead,
    folded_layers,
    prepare_head,
)

Params = Mapping[str, Any]

ALEXNET_UNGROUPED = AlexNetConfig(groups=(1, 1, 1, 1, 1), norm_last=True)
"""The backbone of all released SiamRPN networks: "a modified AlexNet" (§5.1) without groups and
padding. They pool before the ReLU, which is the same."""


@dataclass(frozen=True)
class SiamRPNNetwork:
    """A Siamese embedding and a region proposal head.

    Attributes:
      backbone: the embedding phi.
      head: how exemplar and search features meet.
      anchors: what the head's offsets are relative to.

    Raises:
      ValueError: the strides of the backbone and the anchors differ.
    """

    backbone: Backbone = ALEXNET_UNGROUPED
    head: RPNHead = UP_CHANNEL
    anchors: Anchors = A5

    def __post_init__(self) -> None:
        if self.backbone.stride != self.anchors.stride:
            raise ValueError(
                f"anchors have a stride of {self.anchors.stride} pixels, but the backbone one of "
                f"{self.backbone.stride}"
            )

    def head_module(self, norm_axis: str | None = None) -> HeadModule:
        """The head as it is trained; its parameters are the layers "head_..." of `init`."""
        return HeadModule(self.head, self.anchors.count, norm_axis)

    def cells(self, exemplar_size: int, search_size: int) -> int:
        """Cells a side of the response to images of these sides in pixels.

        Raises:
          ValueError: an image is too small, or the two differ by no whole number of strides: the
            response would lie off the search image's centre, where no anchor is.
        """
        if (search_size - exemplar_size) % self.backbone.stride:
            raise ValueError(
                f"search_size {search_size} is not exemplar_size {exemplar_size} and a multiple of "
                f"{self.backbone.stride}, so the response is off the centre"
            )
        output_size = self.backbone.output_size
        return output_size(search_size) - output_size(exemplar_size) + 1

    def init(self, key: jax.Array) -> Layers:
        """Fresh parameters in training form: those of the backbone and the head's, "head_..."."""
        of_backbone, of_head = jax.random.split(key)
        cells = self.backbone.output_size(127)
        features = jnp.zeros((1, cells, cells, self.backbone.channels), jnp.float32)
        module = self.head_module()
        initialise = jax.jit(lambda key: module.init(key, features, features, train=False))
        variables = initialise(of_head)
        layers = join_layers(variables["params"], variables.get("batch_stats", {}))
        return {**init_backbone(self.backbone, of_backbone), **layers}

    def embed(self, params: Params, image_BxHxWx3: jax.Array) -> jax.Array:
        """phi with folded parameters; see `Backbone.embed`."""
        return self.backbone.embed(params, image_BxHxWx3)

    def prepare(self, params: Params, compute: Compute = "float32") -> dict[str, Any]:
        """Folded parameters, made ready once for many calls; the head computes in float32."""
        return prepare_head(self.backbone.prepare(params, compute))

    def template(self, params: Params, features: jax.Array) -> BranchKernels:
        """What tracking keeps of exemplars with features [T, h, w, C]: the kernels of both
        branches. 127 pixels: 6 x 6 cells, kernels of 4 x 4."""
        return self.head.template(folded_layers(params), features)

    def respond(self, params: Params, template: BranchKernels, search: jax.Array) -> Proposals:
        """What is proposed in search features [T, H, W, C] (eq. 2). Search images of 255, 271 and
        287 pixels give 17, 19 and 21 cells a side."""
        return self.head.respond(folded_layers(params), template, search)


SIAMRPN = SiamRPNNetwork()
SIAMRPN_DEPTHWISE = SiamRPNNetwork(head=DEPTHWISE)

SIAMRPN_TINY = SiamRPNNetwork(
    AlexNetConfig((8, 16, 16, 16, 16), (1, 1, 1, 1, 1), norm_last=True), UpChannelHead(16)
)
"""Of no paper: to try out a training in seconds."""
