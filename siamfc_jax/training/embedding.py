"""A backbone as it is trained: with its batch norms, in the type that the settings compute in."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from siamfc_jax.models.backbone import Backbone
from siamfc_jax.training.objective import AXIS
from siamfc_jax.training.settings import TrainSettings

Tree = Any


def training_embedding(
    backbone: Backbone, settings: TrainSettings, params: Tree, *, train: bool
) -> Callable[[jax.Array, Tree], tuple[jax.Array, Tree]]:
    """The function (images, averages) -> (float32 features, averages).

    Args:
      params: of the backbone's module.
      train: batch norms use the batch, and the averages follow it; else they use the averages.
        These may hold other norms' too, which stay as they are.
    """
    module = backbone.module(AXIS if settings.sync_norm else None)

    def embed(images: jax.Array, averages: Tree) -> tuple[jax.Array, Tree]:
        own = {name: averages[name] for name in averages if name in params}
        variables = {"params": params, "batch_stats": own}
        inputs = images.astype(settings.compute)
        if not train:
            features = module.apply(variables, inputs, train=False)
            return jnp.asarray(features, jnp.float32), averages
        features, new = module.apply(variables, inputs, train=True, mutable=["batch_stats"])
        return jnp.asarray(features, jnp.float32), {**averages, **new["batch_stats"]}

    return embed
