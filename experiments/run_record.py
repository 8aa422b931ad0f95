"""What a run is made of: kept beside its results, and compared when it is resumed."""

import json
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import siamfc_jax

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


class RunError(ValueError):
    """A run cannot start or go on; one line says why and what to do."""


def open_run(out: Path, fingerprint: Mapping[str, Any], flags: str) -> bool:
    """Claim the folder of a run; True when it holds the same run already, to be resumed.

    Writes `run.json` (the fingerprint: all that decides the result; git revision and versions)
    and `flags.txt`.

    Raises:
      RunError: the folder holds a run that was made otherwise.
      OSError: the folder cannot be written.
    """
    record = out / "run.json"
    wanted = json.loads(json.dumps(fingerprint))
    if record.exists():
        try:
            found = json.loads(record.read_text())["run"]
        except (ValueError, KeyError, TypeError):
            raise RunError(f"{record}: is damaged; choose another --out, or delete {out}") from None
        if found != wanted:
            raise RunError(
                f"{out}: holds another run ({_difference(found, wanted)}); choose another --out, "
                "or give the same settings to resume it"
            )
        return True
    out.mkdir(parents=True, exist_ok=True)
    (out / "flags.txt").write_text(flags)
    content = {"run": wanted, "git_revision": git_revision(), "versions": versions()}
    write_json(record, content)
    return False


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)


def git_revision() -> str:
    """Commit of the checkout that this file lies in ("+changes" if it has any), or "unknown"."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        revision = git("rev-parse", "HEAD")
        return revision + ("+changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions() -> dict[str, str]:
    """Versions of the packages that decide the numbers."""
    installed = {"siamfc_jax": siamfc_jax.__version__}
    for name in PACKAGES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed[name] = "not installed"
    return installed


def _difference(found: Any, wanted: Any, name: str = "") -> str:
    """The first settings in which two records differ."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
        return ", ".join(_difference(found.get(key), wanted.get(key), key) for key in keys[:3])
    return f"{name}: {found} there, {wanted} now"
