"""Result files that a user names: NAME=PATH, or PATH."""

from collections.abc import Callable
from typing import TypeVar

from experiments.evaluation.named_paths import name_and_path
from siamfc_jax.evaluation.runs import ResultError, Results, Run, VotRun

R = TypeVar("R", Run, VotRun)


def name_of(spec: str) -> str:
    """The name of the tracker in "NAME=PATH" or "PATH"."""
    name, path = name_and_path(spec)
    if name is not None:
        return name
    return path.stem if path.suffix in (".npz", ".zip") else path.name


def given(spec: str, read: Callable[..., Results[R]]) -> tuple[str, Results[R]]:
    """The name of a tracker and its results.

    Args:
      spec: "PATH", whose last part is the name; or, where there is no such place, "NAME=PATH",
        where PATH holds the tracker's files, or those of several, one of which is called NAME.
      read: (path, tracker=) -> results.

    Raises:
      ResultError: nothing of the kind is there.
    """
    name, path = name_and_path(spec)
    if name is None:
        return name_of(spec), read(path)
    try:
        return name, read(path, tracker=name)
    except ResultError:
        # Its files may bear another name than the one it is to have here.
        return name, read(path)
