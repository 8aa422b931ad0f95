"""Damaged images while crops are cut, and damaged crops while shards are written."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from data_prep.crops.settings import CropSettings
from data_prep.crops.stage import CropRequest, make_crops
from data_prep.shards.request import ShardRequest
from data_prep.shards.stage import make_shards
from data_prep.sources import SourceSpec
from experiments.faults.damage import flipped, random_bit, replaced
from experiments.faults.outcomes import (
    SILENT,
    SURVIVED,
    Outcome,
    Row,
    Trial,
    judge_call,
    judge_result,
)
from experiments.faults.quiet import quiet
from experiments.faults.world import digest

_SETTINGS = CropSettings(search_room=175)


def image_faults(clips: Path, work: Path, times: int, chance: random.Random) -> Iterator[Row]:
    """Rows of a folder of clips, of which one is cut, and which is afterwards as it was."""
    source = work / "images"
    shutil.copytree(sorted(path for path in clips.iterdir() if path.is_dir())[0], source / "clip")
    images = sorted(source.rglob("*.jpg"))
    whole = _crop(source, work / "crops", 0.0, lambda _: None)
    shutil.rmtree(work / "crops")

    def seen(image: Path, cut: bool, allowed: float) -> Trial:
        content = image.read_bytes()
        rest = content[: chance.randrange(len(content))] if cut else None
        with replaced(image, rest):
            return _judge_crops(source, work / "crops", image, allowed, whole)

    for fault, cut in (("missing", False), ("truncated", True)):
        # As few as are allowed to be broken, and more.
        trials = [
            seen(chance.choice(images), cut, allowed)
            for _ in range(times)
            for allowed in (0.1, 0.0)
        ]
        yield Row(f"{fault} image while crops are cut", tuple(trials))
    shutil.rmtree(source)


def pack_faults(crops: Path, work: Path, flips: int, chance: random.Random) -> Iterator[Row]:
    """Rows of a folder of crops, which is afterwards as it was."""
    whole = _shards(crops, work / "pairs")
    shutil.rmtree(work / "pairs")
    packs = sorted(crops.glob("packs/*.tfrecord"))

    def seen(damage: AbstractContextManager[None]) -> Trial:
        with damage:
            trial = judge_result(lambda: _shards(crops, work / "pairs"), whole, [crops])
        shutil.rmtree(work / "pairs", ignore_errors=True)
        return trial

    places = [random_bit(chance, packs) for _ in range(flips)]
    yield Row(
        "flipped bit of stored crops, then shards of them",
        tuple(seen(flipped(*place)) for place in places),
    )
    index = [crops / "crops.json", *sorted(crops.glob("index-*/*"))]
    places = [random_bit(chance, [file]) for file in index for _ in range(max(flips // 5, 1))]
    yield Row(
        "flipped bit of the crops' index, then shards of them",
        tuple(seen(flipped(*place)) for place in places),
    )
    missing = [replaced(pack, None) for pack in packs]
    cut = [replaced(pack, pack.read_bytes()[: 1 << 18]) for pack in packs]
    yield Row("missing or truncated pack of crops", tuple(seen(damage) for damage in missing + cut))


def repair_faults(crops: Path, work: Path, chance: random.Random) -> Iterator[Row]:
    """The remedy of damaged shards, `make_shards` again: it must give the same bytes."""
    out = work / "repaired"
    whole = _shards(crops, out)
    trials = []
    for file in sorted(out.glob("toy-*")) + [out / "pairs.json"]:
        content = file.read_bytes()
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        for damaged in (content[: len(content) // 2], bytes(changed), content + content, None):
            with replaced(file, damaged):
                trials.append(judge_result(lambda: _shards(crops, out), whole, [file.name]))
    shutil.rmtree(out)
    yield Row("damaged dataset, then make_shards again", tuple(trials), Outcome.SURVIVED)


def _judge_crops(source: Path, out: Path, image: Path, allowed: float, whole: list[str]) -> Trial:
    """DETECTED where the image, or the file with its boxes, is named as one that was left out."""
    lines: list[str] = []
    trial, found = judge_call(lambda: _crop(source, out, allowed, lines.append), [image.name])
    problems = (out / "problems.txt").read_text().splitlines()
    shutil.rmtree(out)
    if found is None:
        return trial
    named = [line for line in [*problems, *lines] if image.name in line or "groundtruth" in line]
    if named:
        return Trial(Outcome.DETECTED, named[0])
    return SURVIVED if found == whole else SILENT


def _crop(source: Path, out: Path, allowed: float, show: Callable[[str], None]) -> list[str]:
    """Cut all crops of a folder; digests of the packs, in order."""
    request = CropRequest(
        sources=[SourceSpec("toy", "box_folders", source)],
        out=out,
        settings=_SETTINGS,
        workers=0,
        max_unreadable=allowed,
    )
    with quiet():
        make_crops(request, show=show)
    packs = (name for name in digest(out / "packs").items() if name[0].endswith(".tfrecord"))
    return [sha256 for _, sha256 in sorted(packs)]


def _shards(crops: Path, out: Path) -> dict[str, str]:
    """Write a dataset, or complete it; digests of its files."""
    request = ShardRequest(crops=crops, out=out, name="toy", pairs=120, shards=2, workers=0)
    with quiet():
        make_shards(request, show=lambda _: None)
    return digest(out)
