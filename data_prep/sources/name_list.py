"""Files that list the names of videos, one a line: splits and contents of datasets."""

from pathlib import Path

from data_prep.tracks import SourceError


def read_names(file: Path) -> set[str] | None:
    """The names in a list, or None where there is no such file.

    Raises:
      SourceError: the file is there but holds no name or is no text: reading on without a split
        could train on a test set.
    """
    try:
        names = set(file.read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}: not readable as a list of names ({error})") from None
    if not names:
        raise SourceError(f"{file}: holds no names; fetch it again")
    return names
