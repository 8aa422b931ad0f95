"""Killed writers of crops and shards."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from data_prep.crops.index import open_index
from experiments.faults.datasets import read_pairs
from experiments.faults.kills import Killable, judge_end, kill_often, spread, undisturbed_seconds
from experiments.faults.outcomes import SILENT, Outcome, Row, Trial, judge_exit
from experiments.faults.world import World, digest, finish, must

_MANY_PAIRS = ("--pairs=6000", "--shards=8")
"""Which take as long to write as a process to start."""


def writer_faults(world: World, work: Path, kills: int, chance: random.Random) -> Iterator[Row]:
    """Rows of processes that are killed while they write crops or shards."""
    crops = Killable(
        start=lambda out: world.start(world.crop_command(out)),
        result=digest,
        expected=digest(world.crops),
        reader=_read_crops,
        expected_read=_read_crops(world.crops),
        phase=_phase_of_crops,
    )
    yield _killed("killed writer of crops", crops, work, kills, "packs/*", chance)
    yield Row(
        "killed worker of the writer of crops", (_kill_worker(crops, work),), Outcome.SURVIVED
    )
    must(world, world.shard_command(work / "shards", *_MANY_PAIRS))
    shards = Killable(
        start=lambda out: world.start(world.shard_command(out, *_MANY_PAIRS)),
        result=digest,
        expected=digest(work / "shards"),
        reader=_read_shards,
        expected_read=_read_shards(work / "shards"),
        phase=_phase_of_shards,
    )
    yield _killed("killed writer of shards", shards, work, kills, "*.tfrecord-*", chance)


def _killed(
    fault: str, command: Killable, work: Path, kills: int, pattern: str, chance: random.Random
) -> Row:
    """Kill it from the first thing that it writes on; every other time, in its main work."""
    name = fault.replace(" ", "-")
    all_of_it, main_work = undisturbed_seconds(command, work / f"{name}-timed", ["*", pattern])
    moments = spread(kills // 2, all_of_it, chance, "*")
    moments += spread(kills - kills // 2, main_work, chance, pattern)
    trials, phases = kill_often(command, work, name, moments)
    return Row(fault, tuple(trials), Outcome.SURVIVED, phases)


def _read_crops(folder: Path) -> object:
    index = open_index(folder)
    packs = [index.pack(number).read_bytes() for number in range(len(index.packs))]
    return index.content_hash, index.crops.tobytes(), index.tracks.tobytes(), packs


def _read_shards(folder: Path) -> object:
    return read_pairs(folder), (folder / "pairs.json").read_bytes()


def _phase_of_crops(folder: Path) -> str:
    if (folder / "crops.json").exists():
        return "when all was written"
    if any(folder.glob("packs/*.unfinished")):
        return "within a pack"
    return "before the first pack" if not any(folder.glob("packs/*.json")) else "between packs"


def _phase_of_shards(folder: Path) -> str:
    if (folder / "pairs.json").exists():
        return "when all was written"
    if any(folder.glob("*.tfrecord-*.unfinished")):
        return "within a shard"
    return "between shards" if any(folder.glob("*.tfrecord-*")) else "before the first shard"


def _kill_worker(command: Killable, work: Path) -> Trial:
    """The command must say so and end; the same command then completes its work."""
    folder = work / "worker-killed"
    process = command.start(folder)
    while process.poll() is None and not any(folder.glob("packs/*.unfinished")):
        time.sleep(0.002)
    workers = _workers(process)
    for worker in workers[:1]:
        os.kill(worker, signal.SIGKILL)
    told = judge_exit(finish(process), ["worker process"])
    if not workers or told.outcome != Outcome.DETECTED:
        return Trial(Outcome.SILENT, told.said)
    again = judge_end(command, folder, finish(command.start(folder)))
    return again._replace(said=told.said) if again.outcome == Outcome.SURVIVED else SILENT


def _workers(process: "subprocess.Popen[str]") -> list[int]:
    """Processes that multiprocessing started."""
    tasks = Path(f"/proc/{process.pid}/task")
    children = [int(pid) for file in tasks.glob("*/children") for pid in file.read_text().split()]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
