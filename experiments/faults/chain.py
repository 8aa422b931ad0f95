"""All faults, one family after another."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import jax

from experiments.faults.checkpoints import checkpoint_faults
from experiments.faults.crops import image_faults, pack_faults, repair_faults
from experiments.faults.datasets import dataset_faults
from experiments.faults.disk import Writer, disk_faults
from experiments.faults.outcomes import Row
from experiments.faults.trainer import run_result, trainer_faults
from experiments.faults.world import World, digest, make_data, must
from experiments.faults.writers import writer_faults
from siamfc_jax.models.siamfc import SIAMFC_TINY
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.step import init_state


def all_faults(root: Path, kills: int, flips: int) -> Iterator[Row]:
    """Make the chain in an empty folder, and inject every fault into it.

    Args:
      kills: of the trainer; writers are killed half as often.
      flips: bits, of shards and of checkpoints each; other files get fewer.

    Raises:
      CommandError: the chain cannot be made, though nothing disturbs it.
    """
    chance = random.Random(0)
    world = make_data(root)
    work = root / "work"
    work.mkdir()
    yield from dataset_faults(world.shards, flips, chance)
    yield from repair_faults(world.crops, work, chance)
    yield from image_faults(world.clips, work, max(flips // 100, 1), chance)
    yield from pack_faults(world.crops, work, max(flips // 10, 1), chance)
    yield from writer_faults(world, work, max(kills // 2, 2), chance)
    must(world, world.train_command(world.undisturbed))
    checkpoints = Path(shutil.copytree(world.undisturbed / "checkpoints", work / "checkpoints"))
    template = jax.device_get(init_state(jax.random.key(0), SIAMFC_TINY, TrainSettings()))
    yield from checkpoint_faults(checkpoints, template, flips, chance)
    yield from trainer_faults(world, work, template, kills, chance)
    yield from disk_faults(world, work, _writers(world))


def _writers(world: World) -> list[Writer]:
    return [
        Writer(
            "crops",
            lambda out: world.crop_command(out, "--force"),
            world.crops,
            digest,
            shares=(0.1, 0.6, 0.99),
        ),
        Writer(
            "shards",
            lambda out: world.shard_command(out, "--force"),
            world.shards,
            digest,
            shares=(0.1, 0.6, 0.99),
        ),
        Writer("shards that ask before", world.shard_command, world.shards, digest, shares=(0.5,)),
        Writer(
            "training",
            world.train_command,
            world.undisturbed,
            run_result,
            shares=(0.05, 0.3, 0.55, 0.8),
        ),
    ]
