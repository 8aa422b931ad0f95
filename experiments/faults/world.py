"""The chain that faults are injected into: synthetic clips, crops, shards, and a tiny training."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.synthetic import ClipSet, SceneConfig, write_clips
from experiments.faults.outcomes import Ended
from experiments.faults.quiet import quiet

ROOT = Path(__file__).parents[2]
SCENE = SceneConfig(
    width=160, height=120, n_frames=30, n_targets=3, size_range=(24.0, 40.0), speed=1.5
)
CLIPS = 7
"""With 90 boxes each: more than a pack of crops holds."""

CROP_FLAGS = ("--search_room=175", "--workers=2")
SHARD_FLAGS = (
    "--name=toy", "--pairs=48", "--validation_pairs=8", "--validation=.3", "--shards=2",
    "--workers=2",
)  # fmt: skip
TRAIN_FLAGS = (
    "--network=tiny", "--epochs=2", "--pairs_per_epoch=24", "--batch=2", "--search_size=159",
    "--stretch=0", "--shift=4", "--checkpoint_every=2", "--log_every=2", "--keep=2", "--workers=2",
)  # fmt: skip
_DEADLINE = 600.0


class CommandError(OSError):
    """A command failed though nothing disturbed it."""


def environment(root: Path) -> dict[str, str]:
    """Of all commands: nothing but faults differs between them, and what one of them compiles, the
    others find."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(root / "compiled"),
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


@dataclass(frozen=True)
class World:
    """The chain in a folder of its own.

    Attributes:
      root: the folder; whatever is written lies in it.
      clips: 7 synthetic clips with three targets each.
    """

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def clips(self) -> Path:
        return self.root / "clips"

    @property
    def crops(self) -> Path:
        return self.root / "crops"

    @property
    def shards(self) -> Path:
        return self.root / "shards"

    @property
    def undisturbed(self) -> Path:
        """Folder of the undisturbed training."""
        return self.root / "undisturbed"

    def crop_command(self, out: Path, *flags: str) -> list[str]:
        source = f"--source=toy=box_folders:{self.clips}"
        return _command("data_prep.make_crops", source, f"--out={out}", *CROP_FLAGS, *flags)

    def shard_command(self, out: Path, *flags: str) -> list[str]:
        crops = f"--crops={self.crops}"
        return _command("data_prep.make_shards", crops, f"--out={out}", *SHARD_FLAGS, *flags)

    def train_command(self, out: Path, *flags: str, data: Path | None = None) -> list[str]:
        shards = f"--data={data or self.shards}"
        return _command("experiments.train", shards, f"--out={out}", *TRAIN_FLAGS, *flags)

    def start(self, command: Sequence[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            env=self.env,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def run_command(self, command: Sequence[str]) -> Ended:
        return finish(self.start(command))


def finish(process: "subprocess.Popen[str]") -> Ended:
    """Wait for a command, and for the processes that it left behind."""
    try:
        out, err = process.communicate(timeout=_DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise CommandError(f"{' '.join(process.args)}: hangs; look at it") from None  # type: ignore[arg-type]
    return Ended(process.returncode, out, err)


def make_data(root: Path, clips: int = CLIPS) -> World:
    """Clips, crops and shards.

    Raises:
      CommandError: one of the commands fails.
    """
    world = World(root, environment(root))
    with quiet():
        write_clips(world.clips, ClipSet(SCENE, clips, 0))
    must(world, world.crop_command(world.crops))
    must(world, world.shard_command(world.shards))
    return world


def must(world: World, command: Sequence[str]) -> Ended:
    """Run a command that nothing disturbs."""
    ended = world.run_command(command)
    if ended.code:
        last = (ended.err.strip() or "nothing said").splitlines()[-1]
        raise CommandError(f"{' '.join(command)}: exit code {ended.code} ({last}); run it by hand")
    return ended


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its name, but for locks."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != ".lock"
    }


def _command(module: str, *flags: str) -> list[str]:
    return [sys.executable, "-m", module, *flags]
