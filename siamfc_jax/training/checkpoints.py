"""Checkpoints that are whole or do not count.

Orbax writes `<step>/` under a temporary name and renames it; then `<step>.json` lists every file
with its size and SHA-256. A checkpoint counts only with its list and only if every byte fits: one
that was half written is removed, a damaged one is named and an older one taken.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import orbax.checkpoint as ocp

Tree = TypeVar("Tree")

_STEP = re.compile(r"\d{8,}")
_OURS = re.compile(r"\d{8,}(\.tmp|\.orbax-checkpoint-tmp.*)?")


class CheckpointError(OSError):
    """A checkpoint cannot be written or read; one line names it and the remedy."""


class Restored(NamedTuple):
    """A checkpoint's state (numpy arrays in the template's structure) and integers beside it, and
    what was found damaged before it was reached, one line each."""

    state: Any
    data: dict[str, int]
    damaged: list[str]


class Checkpoints:
    """The checkpoints of one run, in a folder that nothing else writes to.

    With several processes only the one that saves makes one of these; the state is replicated,
    so that it has all of it.
    """

    def __init__(self, folder: Path, *, keep: int = 3) -> None:
        """Keeps the newest `keep` checkpoints of `folder`, which is made if need be."""
        if keep < 1:
            raise ValueError(f"keep is {keep}; at least one checkpoint must be kept")
        self.folder, self.keep = folder.resolve(), keep
        alone = ocp.options.MultiprocessingOptions(
            primary_host=jax.process_index(),
            active_processes={jax.process_index()},
            barrier_sync_key_prefix="checkpoints",
        )
        self._orbax = ocp.Checkpointer(
            ocp.StandardCheckpointHandler(multiprocessing_options=alone),
            multiprocessing_options=alone,
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._remove_unfinished()
        except OSError as error:
            raise self._error(self.folder, "cannot be used", error) from error

    def steps(self) -> list[int]:
        """Steps of the finished checkpoints, oldest first."""
        return sorted(
            int(path.stem) for path in self.folder.glob("*.json") if _STEP.fullmatch(path.stem)
        )

    def save(self, step: int, state: Any, data: Mapping[str, int]) -> None:
        """Write a checkpoint of a tree of host or device arrays, and some integers beside it; one
        that is there already is left as it is.

        Raises:
          CheckpointError: it cannot be written; the older ones are as they were.
        """
        if step in self.steps():
            return
        place = self._place(step)
        try:
            with _errors_are_raised():
                self._orbax.save(place, args=ocp.args.StandardSave(jax.device_get(state)))
            self._write_list(step, data)
        except Exception as error:  # Orbax and TensorStore raise what they like on a full disk.
            raise self._error(place, "cannot be written", error) from error
        for old in self.steps()[: -self.keep]:
            self._remove(old)

    def restore(self, template: Tree) -> Restored | None:
        """The newest checkpoint whose bytes are as they were written, or None if there is none.

        Args:
          template: a tree of arrays of the saved state's structure, shapes and dtypes.

        Raises:
          CheckpointError: there are checkpoints but all are damaged, the newest whole one is of
            another structure, or one cannot be read.
        """
        damaged: list[str] = []
        for step in reversed(self.steps()):
            try:
                data = self._checked(step)
            except (FileNotFoundError, ValueError) as error:
                damaged.append(f"{self._place(step)}: is damaged ({error})")
                continue
            except OSError as error:
                raise CheckpointError(
                    f"{self._place(step)}: cannot be read ({error.strerror}); try again"
                ) from error
            try:
                with _errors_are_raised():
                    state = self._orbax.restore(
                        self._place(step), args=ocp.args.StandardRestore(jax.device_get(template))
                    )
            except Exception as error:
                reason = " ".join(str(error).split())[:200]
                raise CheckpointError(
                    f"{self._place(step)}: does not fit this network or optimiser ({reason}); "
                    "choose another --out"
                ) from error
            return Restored(state, data, damaged)
        if damaged:
            raise CheckpointError(
                f"{damaged[0]}, and no older one is whole; delete {self.folder} to start anew"
            )
        return None

    def discard_after(self, step: int) -> None:
        """Remove the (damaged) checkpoints of later steps."""
        for later in self.steps():
            if later > step:
                self._remove(later)

    def _place(self, step: int) -> Path:
        return self.folder / f"{step:08d}"

    def _list(self, step: int) -> Path:
        return self.folder / f"{step:08d}.json"

    def _write_list(self, step: int, data: Mapping[str, int]) -> None:
        place = self._place(step)
        files = {
            str(file.relative_to(place)): [file.stat().st_size, _sha256(file)]
            for file in sorted(place.rglob("*"))
            if file.is_file()
        }
        content = {"step": step, "data": dict(data), "files": files}
        text = json.dumps({**content, "sha256": _digest(content)}, indent=1)
        temporary = self._list(step).with_suffix(".tmp")
        with temporary.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._list(step))

    def _checked(self, step: int) -> dict[str, int]:
        """The integers of a checkpoint; raises ValueError or OSError if any byte has changed."""
        place = self._place(step)
        content = json.loads(self._list(step).read_bytes())
        if not isinstance(content, dict) or content.pop("sha256", None) != _digest(content):
            raise ValueError("its list of files has changed")
        for name, (size, digest) in content["files"].items():
            file = place / name
            if file.stat().st_size != size or _sha256(file) != digest:
                raise ValueError(f"{name} has changed")
        return dict(content["data"])

    def _remove(self, step: int) -> None:
        self._list(step).unlink(missing_ok=True)
        shutil.rmtree(self._place(step), ignore_errors=True)

    def _remove_unfinished(self) -> None:
        finished = {self._place(step) for step in self.steps()}
        for path in self.folder.iterdir():
            if path in finished or not _OURS.fullmatch(path.name):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            elif path.suffix == ".tmp":
                path.unlink()

    def _error(self, place: Path, what: str, error: Exception) -> CheckpointError:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return CheckpointError(
            f"{place}: {what} ({reason}); free some space or choose another --out; finished "
            "checkpoints are unchanged"
        )


@contextmanager
def _errors_are_raised() -> Iterator[None]:
    """Orbax also logs the errors that it raises, with tracebacks of its threads; and TensorStore's
    threads print that they could not tell event loops which Orbax has closed by then, some of them
    after the error was raised."""
    logger = logging.getLogger("absl")
    level = logger.level
    hooks = sys.excepthook, sys.unraisablehook
    logger.setLevel(logging.CRITICAL)
    sys.excepthook = lambda kind, error, trace: (
        None if _is_late(error) else hooks[0](kind, error, trace)
    )
    sys.unraisablehook = lambda late: None if _is_late(late.exc_value) else hooks[1](late)
    try:
        yield
        sys.excepthook, sys.unraisablehook = hooks
    finally:
        logger.setLevel(level)


def _is_late(error: BaseException | None) -> bool:
    return isinstance(error, RuntimeError) and "Event loop is closed" in str(error)


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
