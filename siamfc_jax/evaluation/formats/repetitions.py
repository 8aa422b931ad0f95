"""Files `<sequence>_001<suffix>`, `<sequence>_002<suffix>`, ...: one per repetition."""

import re
from pathlib import Path

from siamfc_jax.evaluation.formats.names import Folder, Listing
from siamfc_jax.evaluation.runs import ResultError


def numbered_files(files: Listing, sequence: str, suffix: str) -> list[Folder]:
    """The files of repetitions 1, 2, ...

    Raises:
      ResultError: the first or one in between is missing.
    """
    numbered = {
        int(rest): file
        for rest, file in files.beginning(sequence, suffix).items()
        if re.fullmatch(r"\d+", rest)
    }
    missing = next((k for k in range(1, max(numbered, default=1) + 1) if k not in numbered), None)
    if missing is not None:
        raise ResultError(
            f"{files.folder}: no {sequence}_{missing:03d}{suffix}; run this sequence again"
        )
    return [numbered[k] for k in sorted(numbered)]


def remove_beyond(folder: Path, sequence: str, suffix: str, count: int) -> None:
    """Remove the files of repetitions after `count`, which an earlier run has left."""
    for file in folder.glob("*"):
        number = re.fullmatch(rf"{re.escape(sequence)}_(\d+){re.escape(suffix)}", file.name)
        if number and int(number[1]) > count:
            file.unlink()
