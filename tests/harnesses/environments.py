"""Virtual environments in which others' toolkits are installed beside this project.

Each is built once from tests/environments/<name>.txt, and used again while that file, the project's
own requirements and the interpreter are the same. SIAMFC_JAX_HARNESS_PYTHON_<NAME> names the
interpreter of one that is ready.
"""

import configparser
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUIET_AND_QUICK = {"MPLBACKEND": "Agg", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1"}


def python_of(name):
    """Interpreter of the environment `name`, which is built if need be."""
    given = os.environ.get(f"SIAMFC_JAX_HARNESS_PYTHON_{name.upper()}")
    if given:
        return Path(given)
    requirements = ROOT / "tests" / "environments" / f"{name}.txt"
    folder = _folder(name, [requirements, ROOT / "setup.cfg"])
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", folder)
        install = (python, "-m", "pip", "install", "-q", "--no-compile")
        _run(*install, "-r", requirements, *_requirements_of_the_project())
        # Not `pip install -e`: two builds at once would write to the same folder in the checkout.
        (site_packages,) = folder.glob("lib/python*/site-packages")
        (site_packages / "siamfc_jax.pth").write_text(str(ROOT))
        complete.touch()
    return python


def _requirements_of_the_project():
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "setup.cfg")
    return settings["options"]["install_requires"].split()


def older_package(python, requirement):
    """A folder with another version of a package, to be put before the environment's own."""
    folder = python.parents[1] / requirement
    if not folder.exists():
        partial = Path(tempfile.mkdtemp(dir=folder.parent))
        command = ("-m", "pip", "install", "-q", "--no-deps", "--target", partial, requirement)
        _run(python, *command)
        partial.rename(folder)
    return folder


def run(*command, cwd, **variables):
    """Run a command that must succeed; what it says is shown where it does not."""
    return _run(*command, cwd=cwd, env={**os.environ, **QUIET_AND_QUICK, **variables})


def _run(*command, **options):
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


def _folder(name, files):
    key = hashlib.sha256(repr((ROOT, sys.version)).encode())
    for file in files:
        key.update(file.read_bytes())
    return Path(tempfile.gettempdir()) / f"siamfc_jax_{name}_{key.hexdigest()[:12]}"
