"""What the networks answer in training, and the losses of that for targets which stay the same.

Modules of exemplars [B, 3, E, E] and search images [B, 3, S, S], float32 RGB in 0..255. The target
is in the middle of every search image.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.torch_baseline.backbones import embedding
from experiments.torch_baseline.heads import Maps, rpn_head
from experiments.torch_baseline.layers import Layers
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.training.labels import response_labels
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.siamrpn_targets import AnchorTargets, anchor_targets

_TARGET_SIDE = 64.0


class SiamFCLoss(nn.Module):
    """Response maps [B, Y, X], and their balanced logistic loss."""

    sign: Tensor
    weight: Tensor

    def __init__(self, network: SiamFCNetwork, layers: Layers, settings: TrainSettings) -> None:
        super().__init__()
        self.backbone, self.gain = embedding(network.backbone, layers), network.gain
        self.bias = nn.Parameter(torch.tensor(float(layers["head"]["bias"])))
        output_size = network.backbone.output_size
        cells = output_size(settings.search_size) - output_size(settings.exemplar_size) + 1
        labels = response_labels(cells, jnp.zeros((1, 2)), radius=settings.radius)[0]
        positive = torch.from_numpy(np.array(labels))
        share = torch.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum())
        self.register_buffer("sign", torch.where(positive, 1.0, -1.0))
        self.register_buffer("weight", share / settings.batch)

    def forward(self, exemplar: Tensor, search: Tensor) -> Tensor:
        template, features = self.backbone(exemplar), self.backbone(search)
        side_by_side = features.reshape(1, -1, *features.shape[2:])
        return F.conv2d(side_by_side, template, groups=len(template))[0] * self.gain + self.bias

    def loss(self, response: Tensor) -> Tensor:
        return (F.softplus(-self.sign * response.float()) * self.weight).sum()


class SiamRPNLoss(nn.Module):
    """Maps of proposals, the cross-entropy of the chosen anchors and the distance of the positive
    ones' offsets from the true ones.

    As in our training, exemplars are embedded with the statistics of the search images; but they
    are constants for the gradient, as in PyTorch's batch norm.
    """

    sign: Tensor
    share: Tensor
    share_of_positive: Tensor
    offsets: Tensor

    def __init__(self, network: SiamRPNNetwork, layers: Layers, settings: TrainSettings) -> None:
        super().__init__()
        self.backbone = embedding(network.backbone, layers)
        self.head: Any = rpn_head(network.head, layers)
        for module in self.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        cells = network.cells(settings.exemplar_size, settings.search_size)
        self.rpn = settings.rpn
        self._set_targets(fixed_targets(network, settings, cells))

    def forward(self, exemplar: Tensor, search: Tensor) -> Maps:
        features = self.backbone.train()(search)
        template = self.backbone.eval()(exemplar)
        return self.head.respond(self.head.template(template), features)

    def loss(self, maps: Maps) -> Tensor:
        logits, offsets = (
            leaf.permute(0, 2, 3, 1).float().reshape(*self.sign.shape, -1)
            for leaf in (maps.cls, maps.loc)
        )
        margin = logits[..., 1] - logits[..., 0]
        classification = (F.softplus(-self.sign * margin) * self.share).sum()
        # Where the parabola is nothing, the smooth L1 distance is the L1 distance.
        parabola = self.rpn.sigma**-2 if self.rpn.regression == "smooth-l1" else 0.0
        distance = F.smooth_l1_loss(offsets, self.offsets, reduction="none", beta=parabola)
        regression = (distance.sum(-1) * self.share_of_positive).sum()
        return classification + self.rpn.regression_weight * regression

    def _set_targets(self, targets: AnchorTargets) -> None:
        positive, negative = (
            torch.from_numpy(np.array(leaf)).flatten(1)
            for leaf in (targets.positive, targets.negative)
        )
        offsets = torch.from_numpy(np.array(targets.offsets)).flatten(1, 3)
        if self.rpn.classification == "mean":
            share = _share(positive | negative)
        else:
            share = 0.5 * _share(positive) + 0.5 * _share(negative)
        of_pair = positive.sum(1, keepdim=True).clamp(min=1) * len(positive)
        self.register_buffer("sign", torch.where(positive, 1.0, -1.0))
        self.register_buffer("share", share)
        self.register_buffer("share_of_positive", positive / of_pair)
        self.register_buffer("offsets", offsets)


def fixed_targets(network: SiamRPNNetwork, settings: TrainSettings, cells: int) -> AnchorTargets:
    """Of a square in the middle of each search image of a batch."""
    batch = settings.batch
    box = jnp.tile(jnp.asarray([0.0, 0.0, _TARGET_SIDE, _TARGET_SIDE]), (batch, 1))
    keys, other = jax.random.split(jax.random.key(0), batch), jnp.zeros(batch, bool)

    @jax.jit
    def targets(keys: jax.Array) -> AnchorTargets:
        return anchor_targets(keys, network.anchors, cells, box, other, settings.rpn)

    return targets(keys)


def _share(chosen: Tensor) -> Tensor:
    return chosen / chosen.sum().clamp(min=1)
