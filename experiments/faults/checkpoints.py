"""Damaged checkpoints, as a run that resumes sees them."""

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.faults.damage import flipped, random_bit, replaced
from experiments.faults.outcomes import SILENT, SURVIVED, Outcome, Row, Trial, judge_call
from siamfc_jax.training.checkpoints import Checkpoints, Restored


def checkpoint_faults(
    folder: Path, template: Any, flips: int, chance: random.Random
) -> Iterator[Row]:
    """Rows of a folder with two checkpoints or more, which is afterwards as it was.

    Args:
      template: a tree of the saved states' structure.
    """
    older, newest = Checkpoints(folder).steps()[-2:]
    place, listing = folder / f"{newest:08d}", folder / f"{newest:08d}.json"
    files = sorted(file for file in place.rglob("*") if file.is_file())
    expected = _restore_older(folder, listing, template)

    def seen() -> Trial:
        return _judge(folder, template, newest, older, expected)

    detected = Outcome.DETECTED
    flipped_bits = tuple(_flips([*files, listing], flips, chance, seen))
    yield Row("flipped bit of a checkpoint or its list", flipped_bits, detected)
    yield Row("missing file of a checkpoint", tuple(_replaced(files, None, seen)), detected)
    yield Row("truncated file of a checkpoint", tuple(_replaced(files, 0.5, seen)), detected)
    yield Row("truncated list of a checkpoint", tuple(_replaced([listing], 0.5, seen)), detected)
    yield Row(
        "checkpoint that was killed before its list",
        (_without_list(folder, listing, template, expected),),
        Outcome.SURVIVED,
    )
    yield Row("all checkpoints damaged", (_all_damaged(folder, template),), detected)


def same_tree(one: Any, other: Any) -> bool:
    """Whether two trees hold the same bits."""
    leaves, structures = zip(*map(jax.tree.flatten, (one, other)), strict=True)
    return bool(structures[0] == structures[1]) and all(
        np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(*leaves, strict=True)
    )


def _judge(folder: Path, template: Any, newest: int, older: int, expected: Restored) -> Trial:
    """DETECTED where the newest was named and the older one taken, to the bit."""
    trial, restored = judge_call(lambda: Checkpoints(folder).restore(template), [folder])
    if not isinstance(restored, Restored):
        # The older one is sound, so that neither an error nor a new start is called for.
        return Trial(Outcome.SILENT, trial.said or "nothing, and training would start anew")
    named = [line for line in restored.damaged if f"{newest:08d}: is damaged" in line]
    if restored.data["step"] == newest:
        return SILENT
    if not named or not same_tree(restored[:2], expected[:2]):
        return SILENT
    return Trial(Outcome.DETECTED, f"{named[0]}; going back to step {older}")


def _restore_older(folder: Path, listing: Path, template: Any) -> Restored:
    """What the newest but one holds."""
    copy = _copy(folder)
    (copy / listing.name).unlink()
    restored = Checkpoints(copy).restore(template)
    shutil.rmtree(copy)
    if restored is None or restored.damaged:
        raise ValueError(f"{folder}: holds no two sound checkpoints; make it anew")
    return restored


def _without_list(folder: Path, listing: Path, template: Any, expected: Restored) -> Trial:
    copy = _copy(folder)
    (copy / listing.name).unlink()
    trial, restored = judge_call(lambda: Checkpoints(copy).restore(template), [copy])
    shutil.rmtree(copy)
    if restored is None:
        return trial
    return SURVIVED if same_tree(restored[:2], expected[:2]) else SILENT


def _all_damaged(folder: Path, template: Any) -> Trial:
    copy = _copy(folder)
    for listing in copy.glob("*.json"):
        listing.write_bytes(listing.read_bytes()[:-1])
    trial, _ = judge_call(lambda: Checkpoints(copy).restore(template), [copy])
    shutil.rmtree(copy)
    if trial.outcome == Outcome.SURVIVED:
        return Trial(Outcome.SILENT, "nothing, and training would go on")
    return trial


def _copy(folder: Path) -> Path:
    copy = folder.with_name(f"{folder.name}-copy")
    return Path(shutil.copytree(folder, copy))


def _flips(
    files: Sequence[Path], count: int, chance: random.Random, seen: Callable[[], Trial]
) -> Iterator[Trial]:
    for _ in range(count):
        with flipped(*random_bit(chance, files)):
            yield seen()


def _replaced(
    files: Sequence[Path], share: float | None, seen: Callable[[], Trial]
) -> Iterator[Trial]:
    """Each file missing, or cut to a share of its length."""
    for file in files:
        content = file.read_bytes()
        rest = None if share is None else content[: int(share * len(content))]
        if rest != content:
            with replaced(file, rest):
                yield seen()
