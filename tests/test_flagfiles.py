"""Every flagfile says what it takes and what comes of it, and training understands it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLAGFILES = sorted((ROOT / "experiments/flagfiles").glob("*.flags"))


@pytest.mark.parametrize("file", FLAGFILES, ids=lambda file: file.stem)
def test_it_opens_with_its_command_time_and_score(file):
    head = file.read_text().partition("\n--")[0]
    assert f"--flagfile=experiments/flagfiles/{file.name}" in head
    for what in ("time:", "score:"):
        assert f"# Measured {what}" in head or f"# Expected {what}" in head
    assert "measured" in head.lower(), "says whether its figures were measured"


@pytest.mark.parametrize("file", FLAGFILES, ids=lambda file: file.stem)
def test_training_understands_it(file, tmp_path):
    command = [sys.executable, "-m", "experiments.train", f"--flagfile={file}"]
    arguments = [f"--data={tmp_path / 'missing'}", f"--out={tmp_path / 'run'}"]
    result = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert "missing: no such folder" in result.stderr
