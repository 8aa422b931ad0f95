"""Data parallelism: every device holds all parameters and computes a share of each batch.

The step runs inside `jax.shard_map`, so that no compiler decides how the correlation is split:
XLA's partitioner gathers a batch-sharded grouped convolution on every device.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from siamfc_jax.models.network import Network
from siamfc_jax.training.objective import AXIS, Batch
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.step import make_train_step, make_validation_step

Tree = Any


def data_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A mesh of one axis over the devices; by default those of all hosts."""
    chosen = jax.devices() if devices is None else devices
    return jax.make_mesh((len(chosen),), (AXIS,), (AxisType.Auto,), devices=chosen)


def data_parallel_step(network: Network, settings: TrainSettings, mesh: Mesh) -> Any:
    """`make_train_step`, jitted over the mesh; the state's buffers are donated.

    Raises:
      ValueError: the batch cannot be split evenly over the devices, or a device's share is too
        small for the batch negatives.
    """
    if settings.batch % mesh.size:
        raise ValueError(
            f"a batch of {settings.batch} does not split over {mesh.size} devices; use a multiple"
        )
    if settings.batch_negatives >= max(settings.batch // mesh.size, 1):
        raise ValueError(
            f"batch_negatives is {settings.batch_negatives}; a device sees {settings.batch} / "
            f"{mesh.size} pairs of a batch and needs more than that"
        )
    # With `check_vma` the custom gradients of the models would need annotations of their own.
    step = jax.shard_map(
        make_train_step(network, settings),
        mesh=mesh,
        in_specs=(P(), P(), P(AXIS)),
        out_specs=(P(), P()),
        check_vma=False,
    )
    return jax.jit(step, donate_argnums=0)


def data_parallel_validation(network: Network, settings: TrainSettings, mesh: Mesh) -> Any:
    """`make_validation_step`, jitted over the mesh."""
    step = jax.shard_map(
        make_validation_step(network, settings),
        mesh=mesh,
        in_specs=(P(), P(AXIS)),
        out_specs=(P(), P(AXIS)),
        check_vma=False,
    )
    return jax.jit(step)


def put_batch(batch: Sequence[np.ndarray], mesh: Mesh) -> Batch:
    """This host's share of a batch, laid over its devices."""
    sharding = NamedSharding(mesh, P(AXIS))
    return Batch(*(jax.make_array_from_process_local_data(sharding, array) for array in batch))


def replicate(tree: Tree, mesh: Mesh) -> Tree:
    """Arrays that are the same on every host, copied to every device."""
    sharding = NamedSharding(mesh, P())

    def put(leaf: Any) -> jax.Array:
        host = np.asarray(leaf)
        return jax.make_array_from_process_local_data(sharding, host, host.shape)

    return jax.tree.map(put, tree)
