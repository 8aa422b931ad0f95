"""Result files that a user names: NAME=PATH, or PATH."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from siamfc_jax.evaluation.runs import ResultError, Results, Run, VotRun

R = TypeVar("R", Run, VotRun)


def given(spec: str, read: Callable[..., Results[R]]) -> tuple[str, Results[R]]:
    """The name of a tracker and its results.

    Args:
      spec: "NAME=PATH", where PATH holds the tracker's files, or those of several, one of which is
        called NAME; or "PATH", whose last part is the name.
      read: (path, tracker=) -> results.

    Raises:
      ResultError: nothing of the kind is there.
    """
    name, separator, text = spec.rpartition("=")
    path = Path(text)
    if not separator:
        return path.stem if path.suffix in (".npz", ".zip") else path.name, read(path)
    try:
        return name, read(path, tracker=name)
    except ResultError:
        # Its files may bear another name than the one it is to have here.
        return name, read(path)
