"""Metrics of a run: one JSON line each in `metrics.jsonl`, and the same for TensorBoard."""

import json
import math
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np

from siamfc_jax.data.tfrecord import frame_record
from siamfc_jax.durable import naming, write_whole


class MetricLog:
    """Writes scalars and images of a run that may have been resumed at `step`.

    What an earlier process wrote about later steps is dropped, and its validation of `step` too,
    which is owed again: after a SIGKILL the log of a resumed run has the lines of a run that was
    never interrupted.
    """

    def __init__(self, out: Path, step: int) -> None:
        """Raises StorageError when the files cannot be written."""
        self._path = out / "metrics.jsonl"
        kept = [line for line in _lines(self._path) if _is_before(line, step)]
        write_whole(self._path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self._board = _EventFile(out / "tensorboard", step)
        self._file = self._path.open("a")

    def write(self, step: int, kind: str, scalars: Mapping[str, float]) -> None:
        """One line {"step", "kind", name: value, ...}; values that are not finite become null."""
        line = {"step": step, "kind": kind, **finite_or_none(scalars)}
        with naming(self._path):
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        self._board.scalars(step, {f"{kind}/{name}": value for name, value in scalars.items()})

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """A picture, uint8 [H, W, 3], for TensorBoard."""
        self._board.image(step, name, image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._board), naming(self._path):
            self._file.close()


class _EventFile:
    """A file of TensorBoard's, written at once.

    tensorboardX's own writer is a thread, which dies on a full disk and leaves the program waiting.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboardX.proto import event_pb2

        self._new = event_pb2.Event
        self._path = folder / f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}"
        with naming(self._path):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb")
        self._write(file_version="brain.Event:2")
        # TensorBoard then hides what earlier files say of these and later steps.
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._write(step=step + 1, session_log=start)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        from tensorboardX.summary import scalar

        for name, value in values.items():
            self._write(step=step, summary=scalar(name, value))

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        from tensorboardX.summary import image as image_summary

        self._write(step=step, summary=image_summary(name, image, dataformats="HWC"))

    def close(self) -> None:
        with naming(self._path):
            self._file.close()

    def _write(self, **fields: Any) -> None:
        event = self._new(wall_time=time.time(), **fields)
        with naming(self._path):
            self._file.write(frame_record(event.SerializeToString()))
            self._file.flush()


def finite_or_none(values: Mapping[str, float]) -> dict[str, float | None]:
    """The values as JSON can hold them."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def means_of(measured: Sequence[Any]) -> Any:
    """Mean of every scalar of NamedTuples of one kind; NaN ones do not count, unless all are.

    A batch of negative pairs alone, for one, has neither centre error nor AUC.
    """
    return jax.tree.map(_mean_of_known, *measured)


def _mean_of_known(*values: Any) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def read_metrics(out: Path, kind: str) -> list[dict[str, Any]]:
    """The lines of one kind ("train", "validation", "tracking") of a run's log, oldest first."""
    return [line for line in _lines(out / "metrics.jsonl") if line["kind"] == kind]


def _is_before(line: Mapping[str, Any], step: int) -> bool:
    return line["step"] < step or (line["step"] == step and line["kind"] == "train")


def _lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines; a process that was killed may have left half a line at the end."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and {"step", "kind"} <= line.keys():
            lines.append(line)
    return lines
