"""SiamRPN's loss of a batch of pairs (paper §3.2 and §3.3)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from siamfc_jax.models.anchors import decode
from siamfc_jax.models.layers import AVERAGES_DECAY
from siamfc_jax.models.rpn_heads import Proposals
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.training.augment import Pairs, carry_boxes
from siamfc_jax.training.batch_pairs import pairs_of
from siamfc_jax.training.embedding import training_embedding
from siamfc_jax.training.objective import AXIS, Batch, Shown
from siamfc_jax.training.response_metrics import response_aucs
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.siamrpn_losses import classification_loss, regression_loss
from siamfc_jax.training.siamrpn_settings import RPNTraining
from siamfc_jax.training.siamrpn_targets import AnchorTargets, anchor_targets, overlaps

Tree = Any

_VALIDATION_SHIFT = 32.0
_VALIDATION_STRETCH = 0.1


class RPNMetrics(NamedTuple):
    """Means over a batch.

    Attributes:
      loss: classification + lambda * regression (eq. 5).
      classification: cross-entropy of the chosen anchors.
      regression: distance of the positive anchors' offsets from the true ones (eq. 6).
      centre_error: distance in search pixels of the best anchor's box from the target. This and
        the following leave out pairs of different objects.
      iou: overlap of that box with the target's.
      auc: area under the ROC curve of the response's cells, those with a positive anchor against
        those with negative ones only.
    """

    loss: jax.Array
    classification: jax.Array
    regression: jax.Array
    centre_error: jax.Array
    iou: jax.Array
    auc: jax.Array


@dataclass(frozen=True)
class SiamRPNObjective:
    """Cross-entropy of chosen anchors, and the distance of the positive ones' boxes from the
    truth; an `Objective`.

    In validation the target is up to 32 pixels off the centre, as far as the stored crops have
    room, and each of its sides up to a tenth longer or shorter than in the exemplar.

    Raises:
      ValueError: the sizes of the images do not suit the network, see `SiamRPNNetwork.cells`.
    """

    network: SiamRPNNetwork
    settings: TrainSettings

    def __post_init__(self) -> None:
        self.network.cells(self.settings.exemplar_size, self.settings.search_size)

    def loss(
        self, params: Tree, averages: Tree, batch: Batch, keys_B: jax.Array, *, train: bool
    ) -> tuple[jax.Array, tuple[Tree, RPNMetrics, Shown]]:
        """See `Objective.loss`."""
        of_image, of_anchors = jax.vmap(jax.random.split)(keys_B).T
        pairs = pairs_of(
            batch,
            of_image,
            self.settings,
            train=train,
            shift=_VALIDATION_SHIFT,
            stretch=_VALIDATION_STRETCH,
        )
        proposals, averages = self._propose(params, averages, pairs, train=train)
        cells = proposals.logits.shape[1]
        box = carry_boxes(batch.search_box, batch.search.shape[1], pairs)
        rpn, anchors = self.settings.rpn, self.network.anchors
        targets = anchor_targets(of_anchors, anchors, cells, box, batch.negative, rpn)

        classification = classification_loss(proposals, targets, rpn)
        regression = regression_loss(proposals, targets, rpn)
        loss = classification + rpn.regression_weight * regression
        margin = proposals.logits[..., 1] - proposals.logits[..., 0]
        boxes = decode(proposals.offsets, jnp.asarray(anchors.grid(cells))[None])
        metrics = RPNMetrics(
            *lax.pmean((loss, classification, regression), AXIS),
            *_measured(margin, boxes, box, targets, batch.negative, rpn),
        )
        response = jax.nn.sigmoid(margin.max(-1))
        return loss, (averages, metrics, Shown(pairs.exemplar, pairs.search, response))

    def _propose(
        self, params: Tree, averages: Tree, pairs: Pairs, *, train: bool
    ) -> tuple[Proposals, Tree]:
        backbone = self.network.backbone, self.settings, params["backbone"]
        search, new_averages = training_embedding(*backbone, train=train)(pairs.search, averages)
        # A norm of the exemplars' own would train another network than the one that tracks: it
        # leaves logits that are off by several units, always to the same side.
        of_search = statistics_of_batch(averages, new_averages) if train else averages
        template, _ = training_embedding(*backbone, train=False)(pairs.exemplar, of_search)
        module = self.network.head_module(AXIS if self.settings.sync_norm else None)
        own = {name: averages[name] for name in averages if name in params["head"]}
        proposals, new = module.apply(
            {"params": params["head"], "batch_stats": own},
            template,
            search,
            train=train,
            mutable=["batch_stats"],
        )
        return proposals, {**new_averages, **new.get("batch_stats", {})}


def statistics_of_batch(averages: Tree, new_averages: Tree) -> Tree:
    """The batch's own means and variances, by which the running averages became the new ones."""

    def of_batch(old: jax.Array, new: jax.Array) -> jax.Array:
        return (new - AVERAGES_DECAY * old) / (1 - AVERAGES_DECAY)

    return jax.tree.map(of_batch, averages, new_averages)


def _measured(
    margin: jax.Array,
    boxes: jax.Array,
    truth_Bx4: jax.Array,
    targets: AnchorTargets,
    negative_B: jax.Array,
    settings: RPNTraining,
) -> jax.Array:
    """Centre error, IoU and AUC [3] of the whole batch; NaN where it has no pair to measure."""
    best = _best(margin, boxes)
    distance = jnp.linalg.norm(best[:, :2] - truth_Bx4[:, :2], axis=-1)
    aucs = response_aucs(
        margin.max(-1),
        (targets.overlap > settings.positive_iou).any(-1),
        (targets.overlap < settings.negative_iou).all(-1),
    )
    values = jnp.stack([distance, overlaps(best, truth_Bx4), aucs])
    measured = jnp.isfinite(values) & ~negative_B[None]
    counts = lax.psum(measured.astype(jnp.float32).sum(-1), AXIS)
    return lax.psum(jnp.where(measured, values, 0.0).sum(-1), AXIS) / counts


def _best(margin_BxYxXxk: jax.Array, boxes_BxYxXxkx4: jax.Array) -> jax.Array:
    """The box [B, 4] whose anchor is most probably in the foreground."""
    batch = len(margin_BxYxXxk)
    best = jnp.argmax(margin_BxYxXxk.reshape(batch, -1), -1)[:, None, None]
    return jnp.take_along_axis(boxes_BxYxXxkx4.reshape(batch, -1, 4), best, 1)[:, 0]
