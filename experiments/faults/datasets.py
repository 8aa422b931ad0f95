"""Damaged datasets of pairs, as the input pipeline and `make_shards --verify` see them."""

import hashlib
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from data_prep.shards.check import check_shards
from experiments.faults.damage import flipped, random_bit, replaced
from experiments.faults.outcomes import (
    SURVIVED,
    Outcome,
    Row,
    Trial,
    has_remedy,
    judge_call,
    judge_result,
    worst,
)
from experiments.faults.quiet import quiet
from siamfc_jax.data.dataset import PairDataset, open_pairs, split_names
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings

Damage = tuple[Path, AbstractContextManager[None]]


def read_pairs(folder: Path) -> str:
    """SHA-256 of all that the input pipeline makes of all records of all splits."""
    datasets = [open_pairs(folder, split) for split in split_names(folder)]
    return "".join(map(_read_pass, datasets))


def check_pairs(folder: Path, names: Sequence[str | Path]) -> Trial:
    """What `make_shards --verify` says of a damaged dataset: SURVIVED if nothing."""
    lines: list[str] = []

    def check() -> list[str]:
        with quiet():
            return check_shards(folder, workers=0, show=lines.append)

    trial, faults = judge_call(check, names)
    if faults is None:
        return trial
    if not faults:
        return SURVIVED
    named = [line for line in faults if any(str(name) in line for name in names)]
    if not named:
        return Trial(Outcome.SILENT, f"--verify names another file: {faults[0]}")
    if not any(map(has_remedy, lines)):
        return Trial(Outcome.SILENT, f"--verify names no remedy: {lines[-1]}")
    return Trial(Outcome.DETECTED, named[0])


def dataset_faults(shards: Path, flips: int, chance: random.Random) -> Iterator[Row]:
    """Rows of a dataset that is sound, and is so again afterwards."""
    whole = read_pairs(shards)
    files = sorted(shards.glob("*.tfrecord-*"))
    offsets = sorted(shards.glob("*.offsets.npy"))
    manifest = shards / "pairs.json"

    def seen(file: Path) -> Trial:
        """By both."""
        read = judge_result(lambda: read_pairs(shards), whole, [file.name])
        return worst([read, check_pairs(shards, [file.name])])

    def row(fault: str, damages: Iterable[Damage]) -> Row:
        return Row(fault, tuple(_trials(damages, seen)), Outcome.DETECTED)

    few = max(flips // 5, 1)
    yield row("truncated shard", _cut(files, 5, chance))
    yield row("grown shard", _grown(files, chance))
    yield row("missing shard", ((file, replaced(file, None)) for file in files))
    yield row("flipped bit of a shard", _flips(files, flips, chance))
    yield row("missing or truncated pairs.json", [_missing(manifest), *_cut([manifest], 8, chance)])
    yield row("flipped bit of pairs.json", _flips([manifest], few, chance))
    yield row("changed number in pairs.json", _other_numbers(manifest))
    yield row("missing or truncated offsets", [*map(_missing, offsets), *_cut(offsets, 4, chance)])
    yield row("flipped bit of the offsets", _flips(offsets, few, chance))
    yield Row(
        "shard truncated while it is being read",
        tuple(_cut_when_open(shards, file) for file in files if "train" in file.name),
        Outcome.DETECTED,
    )


def _read_pass(dataset: PairDataset) -> str:
    digest = hashlib.sha256()
    with Pipeline(dataset, PipelineSettings(batch=1, workers=1)) as pipeline:
        for _ in range(dataset.records):
            for column in next(pipeline):
                digest.update(column.tobytes())
    return digest.hexdigest()


def _trials(damages: Iterable[Damage], seen: Callable[[Path], Trial]) -> Iterator[Trial]:
    for file, damage in damages:
        with damage:
            yield seen(file)


def _missing(file: Path) -> Damage:
    return file, replaced(file, None)


def _flips(files: Sequence[Path], count: int, chance: random.Random) -> Iterator[Damage]:
    for _ in range(count):
        file, byte, bit = random_bit(chance, files)
        yield file, flipped(file, byte, bit)


def _cut(files: Sequence[Path], times: int, chance: random.Random) -> Iterator[Damage]:
    """Each file without its last byte, of some random lengths, in its first header, empty."""
    for file in files:
        content = file.read_bytes()
        lengths = [len(content) - 1, *(chance.randrange(len(content)) for _ in range(times)), 11, 0]
        yield from ((file, replaced(file, content[:length])) for length in lengths)


def _grown(files: Sequence[Path], chance: random.Random) -> Iterator[Damage]:
    for file in files:
        content = file.read_bytes()
        for more in (b"\0", chance.randbytes(1000), content):
            yield file, replaced(file, content + more)


def _other_numbers(manifest: Path) -> Iterator[Damage]:
    """Every number that tells of a shard's size, one too large."""
    for key in ("records", "bytes", "crc32c"):
        content = json.loads(manifest.read_bytes())
        content["splits"]["train"]["shards"][0][key] += 1
        yield manifest, replaced(manifest, json.dumps(content).encode())


def _cut_when_open(shards: Path, file: Path) -> Trial:
    dataset = open_pairs(shards, "train")
    whole = _read_pass(dataset)
    with replaced(file, file.read_bytes()[: file.stat().st_size // 2]):
        return judge_result(lambda: _read_pass(dataset), whole, [file.name])
