"""Disturbed trainings: killed, stopped, fed with corrupt pairs, diverging."""

import json
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.faults.damage import flipped
from experiments.faults.kills import Killable, judge_end, kill_often, spread, undisturbed_seconds
from experiments.faults.outcomes import SILENT, SURVIVED, Outcome, Row, Trial, judge_exit
from experiments.faults.world import World, finish
from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.data.record_order import RecordOrder
from siamfc_jax.training.checkpoints import Checkpoints
from siamfc_jax.weights import load_weights

_SAVING = "checkpoints/*tmp*"


def trainer_faults(
    world: World, work: Path, template: Any, kills: int, chance: random.Random
) -> Iterator[Row]:
    """Rows of a training that was undisturbed once, in `world.undisturbed`.

    Args:
      template: a tree of its checkpoints' structure.
    """
    trainer = Killable(
        start=lambda out: world.start(world.train_command(out)),
        result=run_result,
        expected=run_result(world.undisturbed),
        reader=run_result,
        expected_read=run_result(world.undisturbed),
        phase=_phase,
    )
    # One in three while a checkpoint is written, the others from the start-up to the end.
    in_checkpoints = kills // 3
    (seconds,) = undisturbed_seconds(trainer, work / "timed", [""])
    moments = spread(kills - in_checkpoints, seconds, chance)
    moments += spread(in_checkpoints, 0.1, chance, _SAVING)
    chance.shuffle(moments)
    trials, phases = kill_often(trainer, work, "killed", moments)
    yield Row("killed trainer", tuple(trials), Outcome.SURVIVED, phases)
    stops = tuple(_stop(trainer, work / f"stopped-{n}", chance) for n in range(max(kills // 10, 1)))
    yield Row("SIGTERM to the trainer", stops, Outcome.SURVIVED)
    yield Row(
        "flipped bit of the newest checkpoint, then resumed",
        (_damaged(world, work, trainer),),
        Outcome.SURVIVED,
    )
    yield Row("loss that is not a number", (_diverging(world, work, template),), Outcome.DETECTED)
    corrupt = _corrupt(world, work, chance)
    yield Row("corrupt record", (next(corrupt),), Outcome.DETECTED)
    yield Row("corrupt record, --skip_corrupt", (next(corrupt),), Outcome.DETECTED)
    yield Row("missing shard", (_missing_shard(world, work),), Outcome.DETECTED)


def run_result(run: Path) -> object:
    """What is said of the result, and what is there."""
    result = json.loads((run / "result.json").read_text())
    return result, load_weights(run / "weights.safetensors").sha256


def _phase(run: Path) -> str:
    if not (run / "run.json").exists():
        return "in start-up"
    if any(run.glob(_SAVING)):
        return "while a checkpoint was written"
    if not any(run.glob("checkpoints/*.json")):
        return "before the first checkpoint"
    between = "between checkpoints or while resuming"
    return "when all was written" if (run / "result.json").exists() else between


def _stop(trainer: Killable, out: Path, chance: random.Random) -> Trial:
    process = trainer.start(out)
    while process.poll() is None and not (out / "metrics.jsonl").exists():
        time.sleep(0.002)
    time.sleep(chance.uniform(0.0, 2.0))
    process.send_signal(signal.SIGTERM)
    ended = finish(process)
    if ended.code == 0:
        return SURVIVED if run_result(out) == trainer.expected else SILENT
    last = ended.out.strip().splitlines()[-1:]
    if ended.code != 143 or not last or not any(out.glob("checkpoints/*.json")):
        return Trial(Outcome.SILENT, f"exit code {ended.code}, {last}")
    return judge_end(trainer, out, finish(trainer.start(out)))._replace(said=last[0])


def _damaged(world: World, work: Path, trainer: Killable) -> Trial:
    """Of a finished run whose result is deleted."""
    out = Path(shutil.copytree(world.undisturbed, work / "damaged"))
    newest = sorted(out.glob("checkpoints/*.json"))[-1].with_suffix("")
    (out / "result.json").unlink()
    with flipped(newest / "_METADATA", 100, 0):
        ended = finish(trainer.start(out))
    said = [line for line in ended.out.splitlines() if "is damaged" in line]
    trial = judge_end(trainer, out, ended)
    return trial._replace(said=said[0]) if said else SILENT


def _diverging(world: World, work: Path, template: Any) -> Trial:
    """It must stop before such parameters are saved."""
    out = work / "diverging"
    rates = ("--first_rate=1000", "--last_rate=1000")
    trial = judge_exit(world.run_command(world.train_command(out, *rates)), [out, "--first_rate"])
    saved = Checkpoints(out / "checkpoints").restore(template)
    if saved and not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(saved.state)):
        return Trial(Outcome.SILENT, f"saved parameters that are not finite, and: {trial.said}")
    return trial


def _corrupt(world: World, work: Path, chance: random.Random) -> Iterator[Trial]:
    """Without --skip_corrupt, and with it: what is skipped must be counted."""
    data = Path(shutil.copytree(world.shards, work / "corrupt"))
    dataset = open_pairs(data, "train")
    bad = chance.randrange(dataset.records)
    (place,) = dataset.places(np.asarray([bad]))
    file = dataset.shards[place.shard].file
    with flipped(file, place.offset + place.size // 2, 0):
        strict = world.run_command(world.train_command(work / "strict", data=data))
        yield judge_exit(strict, [f"{file.name}: record {place.number} at byte {place.offset}"])
        out = work / "lenient"
        lenient = world.run_command(world.train_command(out, "--skip_corrupt", data=data))
    if lenient.code:
        yield judge_exit(lenient, [file])
        return
    counted = json.loads((out / "result.json").read_text())["skipped"]
    asked = _times_asked_for(bad, data)
    said = f"{file.name}: record {place.number} left out {counted} times, drawn {asked} times"
    yield Trial(Outcome.DETECTED if counted == asked > 0 else Outcome.SILENT, said)


def _times_asked_for(record: int, data: Path) -> int:
    """How often 24 steps of 2 pairs meet a record: as `TRAIN_FLAGS` say."""
    order = RecordOrder(open_pairs(data, "train"), batch=2, seed=0)
    return sum(int((order.records(step, np.arange(2)) == record).sum()) for step in range(24))


def _missing_shard(world: World, work: Path) -> Trial:
    """It must be refused before anything is written."""
    data = Path(shutil.copytree(world.shards, work / "incomplete"))
    shard = sorted(data.glob("*-train.tfrecord-*"))[-1]
    shard.unlink()
    out = work / "refused"
    trial = judge_exit(world.run_command(world.train_command(out, data=data)), [shard])
    begun = (out / "run.json").exists()
    return Trial(Outcome.SILENT, f"{out}: begun nevertheless") if begun else trial
