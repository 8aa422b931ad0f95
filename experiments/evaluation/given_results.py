"""Result files that a user names: NAME=PATH, or PATH."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from siamfc_jax.evaluation.runs import ResultError, Results, Run, VotRun

R = TypeVar("R", Run, VotRun)


def require_distinct(names: Iterable[str]) -> None:
    """Raises ValueError where two of the trackers that are to be shown have one name."""
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"{twice[0]!r} twice; give each a name: --results=NAME=PATH, --name")


def name_of(spec: str) -> str:
    """The name of the tracker in "NAME=PATH" or "PATH"."""
    name, path = _name_and_path(spec)
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
    name, path = _name_and_path(spec)
    if name is None:
        return name_of(spec), read(path)
    try:
        return name, read(path, tracker=name)
    except ResultError:
        # Its files may bear another name than the one it is to have here.
        return name, read(path)


def _name_and_path(spec: str) -> tuple[str | None, Path]:
    parts = spec.split("=")
    if Path(spec).exists() or not parts[1:]:
        return None, Path(spec)
    # Names and paths may hold equals signs, too.
    splits = [("=".join(parts[:k]), Path("=".join(parts[k:]))) for k in range(1, len(parts))]
    return next((split for split in splits if split[1].exists()), splits[0])
