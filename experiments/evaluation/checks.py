"""What would go wrong at the end of an evaluation, found before anything is run."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from experiments.evaluation.options import Options
from siamfc_jax.durable import naming
from siamfc_jax.evaluation.presentation.published import PUBLISHED


def check(options: Options, formats: Iterable[str]) -> None:
    """Make sure that results can be exported and scores shown as the options ask.

    Args:
      formats: that the benchmark's results can be written in.

    Raises:
      ValueError: an unknown format or published tracker, or an export of nothing.
      StorageError: report or plots cannot be written there.
    """
    for kind in options.export:
        one_of(kind, formats, "--export")
    if options.export and not options.runs_something:
        raise ValueError("--export writes what is run; with --results alone nothing is")
    trackers = dict.fromkeys(row.tracker for row in PUBLISHED)
    for name in options.published:
        if name.lower() not in {"all", *(tracker.lower() for tracker in trackers)}:
            raise ValueError(f"--published: no {name!r}; there are {', '.join(trackers)}, and all")
    if options.report:
        _require_drawing()
        if options.report.is_dir():
            raise ValueError(f"--report={options.report}: is a folder; name a file in it")
        _require_writable(options.report.parent)
    if options.plots:
        _require_drawing()
        _require_writable(options.plots)


def chosen(names: Iterable[str], known: Iterable[str], flag: str) -> tuple[str, ...]:
    """The names, each once.

    Raises:
      ValueError: there is none, or an unknown one.
    """
    once = tuple(dict.fromkeys(names))
    if not once:
        raise ValueError(f"{flag}: give any of {', '.join(known)}")
    for name in once:
        one_of(name, known, flag)
    return once


def one_of(name: str, known: Iterable[str], flag: str) -> None:
    """Raise ValueError if a name is not known."""
    known = list(known)
    if name not in known:
        raise ValueError(f"{flag}: no {name!r}; there are {', '.join(known)}")


def require_json(where: Path, images: Path | None) -> None:
    """Raise ValueError if --images is given for what is no dataset JSON."""
    if images is not None and where.suffix != ".json":
        raise ValueError(f"--images: {where} has its own; only a dataset JSON needs them")


def _require_drawing() -> None:
    """Fail now where an optional package is missing."""
    import siamfc_jax.evaluation.presentation.report  # noqa: F401


def _require_writable(folder: Path) -> None:
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
