"""What a user names on the command line: NAME=PATH, or PATH."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path


def name_and_path(spec: str) -> tuple[str | None, Path]:
    """Split "NAME=PATH"; None is the name in "PATH", which may hold equals signs, too."""
    parts = spec.split("=")
    if Path(spec).exists() or not parts[1:]:
        return None, Path(spec)
    # So may the name.
    splits = [("=".join(parts[:k]), Path("=".join(parts[k:]))) for k in range(1, len(parts))]
    return next((split for split in splits if split[1].exists()), splits[0])


def require_distinct(names: Iterable[str]) -> None:
    """Raises ValueError where two of the trackers that are to be shown have one name."""
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(
            f"{twice[0]!r} twice; give each a name: --model=NAME=PATH, --results=NAME=PATH, --name"
        )
