"""Which room may import which; WORKSPACE.md draws the map."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each room may import of this project, besides itself.
ALLOWED = {
    "siamfc_jax/boxes.py": [],
    "siamfc_jax/crops.py": [],
    "siamfc_jax/area_resize.py": ["siamfc_jax.crops"],
    "siamfc_jax/durable.py": [],
    "siamfc_jax/mat5.py": [],
    "siamfc_jax/weights.py": ["siamfc_jax.durable"],
    "siamfc_jax/models": [],
    "siamfc_jax/data": ["siamfc_jax.boxes"],
    "siamfc_jax/media": ["siamfc_jax.boxes"],
    "siamfc_jax/evaluation": ["siamfc_jax.boxes", "siamfc_jax.durable", "siamfc_jax.mat5"],
    "siamfc_jax/tracking": [
        "siamfc_jax.boxes",
        "siamfc_jax.crops",
        "siamfc_jax.area_resize",
        "siamfc_jax.models",
    ],
    "siamfc_jax/training": ["siamfc_jax.crops", "siamfc_jax.models"],
    "siamfc_jax/loading.py": ["siamfc_jax.models", "siamfc_jax.tracking", "siamfc_jax.weights"],
    "siamfc_jax/export": [
        "siamfc_jax.crops",
        "siamfc_jax.durable",
        "siamfc_jax.loading",
        "siamfc_jax.models",
        "siamfc_jax.tracking",
        "siamfc_jax.weights",
    ],
    "siamfc_jax/harness": [
        "siamfc_jax.boxes",
        "siamfc_jax.loading",
        "siamfc_jax.tracking",
        "siamfc_jax.evaluation",
    ],
    "siamfc_jax": ["siamfc_jax"],
    "data_prep": ["siamfc_jax", "experiments.cli"],
    "experiments": ["siamfc_jax", "data_prep"],
}


def modules():
    for package in ("siamfc_jax", "data_prep", "experiments"):
        yield from sorted((ROOT / package).rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path):
    parts = path.relative_to(ROOT).parts
    names = ["/".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
    return next(name for name in names if name in ALLOWED)


def inside(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    room = room_of(path)
    own = room.removesuffix(".py").replace("/", ".")
    for name in imports(path):
        if inside(name, ["siamfc_jax", "data_prep", "experiments"]):
            assert inside(name, [own, *ALLOWED[room]]), f"{path} must not import {name}"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "siamfc_jax").rglob("*.py")), ids=lambda path: path.name
)
def test_the_library_knows_no_flags_and_no_entry_points(path):
    for name in imports(path):
        assert not inside(name, ["absl", "experiments", "data_prep", "tensorflow", "pickle"])


@pytest.mark.parametrize(
    "room",
    [
        "siamfc_jax.data.context_crops",
        "siamfc_jax.data.pipeline",
        "siamfc_jax.harness.any_tracker",
        "siamfc_jax.media.session",
    ],
)
def test_workers_and_fast_failures_do_not_import_jax(room):
    code = f"import sys, {room}; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_scoring_does_not_import_jax():
    evaluation = sorted((ROOT / "siamfc_jax" / "evaluation").rglob("*.py"))
    rooms = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in evaluation]
    code = f"import sys, {', '.join(rooms)}; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
