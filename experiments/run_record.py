"""What a run is made of: kept beside its results, and compared when it is resumed."""

import json
import os
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

import siamfc_jax
from siamfc_jax.durable import naming, write_whole

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


class RunError(ValueError):
    """A run cannot start or go on; one line says why and what to do."""


def open_run(out: Path, fingerprint: Mapping[str, Any], flags: str) -> None:
    """Claim the folder of a run, or find the same run in it, to be resumed.

    Writes `run.json` (the fingerprint: all that decides the result; what it was made by: git
    revision, versions, machine) and `flags.txt`. Resumed on another machine or with other
    versions, which may differ in the last bits, it says so and notes them as well.

    Raises:
      RunError: the folder holds a run that was made otherwise, or whose record is lost.
      StorageError: the folder cannot be written.
    """
    record = out / "run.json"
    wanted = json.loads(json.dumps(fingerprint))
    if not record.exists():
        if any(out.glob("checkpoints/*.json")):
            raise RunError(f"{out}: has checkpoints but no run.json; choose another --out")
        with naming(out):
            out.mkdir(parents=True, exist_ok=True)
        write_whole(out / "flags.txt", flags.encode())
        write_json(record, {"run": wanted, "made_by": [maker()]})
        return
    content = read_json(record)
    if _without_idle(content.get("run")) != _without_idle(wanted):
        raise RunError(
            f"{out}: holds another run ({_difference(content.get('run'), wanted)}); choose another "
            "--out, or give the same settings to resume it"
        )
    if maker() not in content["made_by"]:
        difference = _difference(content["made_by"][-1], maker())
        print(f"warning: {out}: goes on elsewhere ({difference}); the last bits may differ")
        write_json(record, {"run": wanted, "made_by": [*content["made_by"], maker()]})


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all; raises StorageError."""
    write_whole(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote; raises RunError if it is damaged."""
    try:
        content = json.loads(path.read_bytes())
        if isinstance(content, dict):
            return content
    except ValueError:
        pass
    raise RunError(f"{path}: is damaged; choose another --out, or delete {path.parent}")


def maker() -> dict[str, Any]:
    """What a run is made by: on another of these its last bits may differ."""
    device = jax.devices()[0]
    return {
        "git_revision": git_revision(),
        "versions": versions(),
        "device": device.device_kind,
        "cores": os.cpu_count(),
    }


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


def _without_idle(record: Any) -> Any:
    """Without settings that are 0, empty or None, so that runs go on that began before such a
    setting was known."""
    if not isinstance(record, dict):
        return record or None
    return {name: kept for name, value in record.items() if (kept := _without_idle(value))} or None


def _difference(found: Any, wanted: Any, name: str = "") -> str:
    """The first settings in which two records differ."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = [
            key
            for key in {**found, **wanted}
            if _without_idle(found.get(key)) != _without_idle(wanted.get(key))
        ]
        return ", ".join(_difference(found.get(key), wanted.get(key), key) for key in keys[:3])
    return f"{name}: {found} there, {wanted} now"
