"""Metrics of a run: one JSON line each in `metrics.jsonl`, and the same for TensorBoard."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np


class MetricLog:
    """Writes scalars and images of a run that may have been resumed at `step`.

    What an earlier process wrote about later steps is dropped, so that a resumed run's log reads
    like an uninterrupted one's.
    """

    def __init__(self, out: Path, step: int) -> None:
        """Raises ModuleNotFoundError without tensorboardX (the extra `train`)."""
        from tensorboardX import SummaryWriter

        self._path = out / "metrics.jsonl"
        kept = [line for line in _lines(self._path) if line["step"] <= step]
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(line) + "\n" for line in kept))
        temporary.replace(self._path)
        self._file = self._path.open("a")
        self._board = SummaryWriter(str(out / "tensorboard"), purge_step=step + 1)

    def write(self, step: int, kind: str, scalars: Mapping[str, float]) -> None:
        """One line {"step", "kind", name: value, ...}; values that are not finite become null."""
        values = {k: v if math.isfinite(v) else None for k, v in scalars.items()}
        self._file.write(json.dumps({"step": step, "kind": kind, **values}) + "\n")
        self._file.flush()
        for name, value in scalars.items():
            self._board.add_scalar(f"{kind}/{name}", value, step)

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """A picture, uint8 [H, W, 3], for TensorBoard."""
        self._board.add_image(name, image, step, dataformats="HWC")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._board.close()


def read_metrics(out: Path, kind: str) -> list[dict[str, float]]:
    """The lines of one kind ("train", "validation") of a run's log, oldest first."""
    return [line for line in _lines(out / "metrics.jsonl") if line["kind"] == kind]


def _lines(path: Path) -> list[dict]:
    """Whole lines; a process that was killed may have left half a line at the end."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines
