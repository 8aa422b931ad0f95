"""SiamFC's loss of a batch of pairs (v2 paper §2.2)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.xcorr import xcorr
from siamfc_jax.training.augment import Pairs
from siamfc_jax.training.batch_pairs import pairs_of
from siamfc_jax.training.embedding import training_embedding
from siamfc_jax.training.labels import response_labels
from siamfc_jax.training.losses import balanced_logistic_loss, logistic_loss
from siamfc_jax.training.objective import AXIS, Batch, Shown
from siamfc_jax.training.response_metrics import centre_errors, response_aucs
from siamfc_jax.training.settings import TrainSettings

Tree = Any

_VALIDATION_SHIFT = 16.0


class ResponseMetrics(NamedTuple):
    """Means over a batch.

    Attributes:
      loss: of all pairs.
      centre_error: distance in search pixels of the response's peak from the target.
      auc: area under the ROC curve of the response's cells. This and the last leave negative
        pairs out.
    """

    loss: jax.Array
    centre_error: jax.Array
    auc: jax.Array


@dataclass(frozen=True)
class SiamFCObjective:
    """The balanced logistic loss of the response map; an `Objective`.

    In validation the target is up to 16 pixels off the centre, so that a network which always
    answers "the centre" shows.
    """

    network: SiamFCNetwork
    settings: TrainSettings

    def loss(
        self, params: Tree, averages: Tree, batch: Batch, keys_B: jax.Array, *, train: bool
    ) -> tuple[jax.Array, tuple[Tree, ResponseMetrics, Shown]]:
        """See `Objective.loss`."""
        pairs = pairs_of(batch, keys_B, self.settings, train=train, shift=_VALIDATION_SHIFT)
        embed = training_embedding(
            self.network.backbone, self.settings, params["backbone"], train=train
        )
        template, averages = embed(pairs.exemplar, averages)
        search, averages = embed(pairs.search, averages)
        response = self._respond(params, template, search)
        loss, metrics = _judge(response, pairs, batch.negative, self.settings)
        if train and self.settings.batch_negatives:
            weight = self.settings.batch_negative_weight
            loss += weight * self._loss_of_batch_negatives(params, template, search, batch)
            metrics = metrics._replace(loss=lax.pmean(loss, AXIS))
        return loss, (averages, metrics, Shown(pairs.exemplar, pairs.search, response))

    def _respond(self, params: Tree, template: jax.Array, search: jax.Array) -> jax.Array:
        return self.network.gain * xcorr(template, search) + params["head"]["bias"]

    def _loss_of_batch_negatives(
        self, params: Tree, template: jax.Array, search: jax.Array, batch: Batch
    ) -> jax.Array:
        """Every exemplar over the search images of the next pairs, if they show nothing of it.

        That is known of the positive pairs of other videos: what a negative pair's search image
        shows is of any video.
        """
        shifts = range(1, self.settings.batch_negatives + 1)
        others = jnp.stack([jnp.roll(search, shift, 0) for shift in shifts], 1)
        strange = jnp.stack(
            [
                (jnp.roll(batch.video, shift) != batch.video) & ~jnp.roll(batch.negative, shift)
                for shift in shifts
            ],
            1,
        )
        response = self._respond(params, template[:, None], others)
        losses = logistic_loss(response, jnp.zeros(response.shape, bool)).mean((2, 3))
        count = strange.astype(jnp.float32).sum()
        return jnp.where(strange, losses, 0.0).sum() / jnp.maximum(count, 1.0)


def _judge(
    response: jax.Array, pairs: Pairs, negative_B: jax.Array, settings: TrainSettings
) -> tuple[jax.Array, ResponseMetrics]:
    """This share's loss, and the metrics of the whole batch."""
    of_target = response_labels(response.shape[-1], pairs.displacement, radius=settings.radius)
    loss = balanced_logistic_loss(response, of_target & ~negative_B[:, None, None]).mean()
    counts = (~negative_B).astype(jnp.float32)
    measured = jnp.stack(
        [
            counts,
            counts * centre_errors(response, pairs.displacement),
            counts * response_aucs(response, of_target),
        ]
    )
    count, error, auc = lax.psum(measured.sum(1), AXIS)
    return loss, ResponseMetrics(lax.pmean(loss, AXIS), error / count, auc / count)
