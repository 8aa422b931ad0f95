"""What the documentation shows works: its commands run, its links lead somewhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.documented import ROOT, Command, commands_of, examples_of
from tests.documented_worlds import documented_world
from tests.media_samples import noise_frames

GUIDES = [ROOT / "README.md", ROOT / "WORKSPACE.md", ROOT / "experiments/notebooks/README.md"]
MEASURED = ROOT / "experiments/README.md"
WITH_EXAMPLES = [
    *ROOT.glob("experiments/*.py"),
    *ROOT.glob("experiments/*/__main__.py"),
    *ROOT.glob("data_prep/*.py"),
    *ROOT.glob("data_prep/*/__main__.py"),
    *ROOT.glob("experiments/flagfiles/**/*.flags"),
]

# The exit code of an evaluation of a benchmark of which only two sequences are there.
INCOMPLETE = 3
LITTLE_TRAINING = ["--network=tiny", "--epochs=1", "--pairs_per_epoch=8", "--warm_up=0"]
# What makes a command short, by its module: the same work on less.
SHORTER = {
    "data_prep.demo_clip": ["--out=demo"],
    "data_prep.make_shards": ["--pairs=12", "--validation_pairs=4", "--workers=1"],
    "data_prep.make_crops": ["--workers=1"],
    "data_prep.synthetic": ["--clips=1", "--every=40", "--workers=1"],
    "experiments.study": ["--percentages=100", "--pairs=8", *LITTLE_TRAINING],
    "experiments.train": LITTLE_TRAINING,
    "experiments.track": ["--max_frames=2"],
}
# Commands that are not run here, by how they begin, and why.
ELSEWHERE = {
    "python3 -m venv": "installs; .ci/run does it",
    ".venv/bin/pip": "installs; .ci/run does it",
    "pip install": "installs; .ci/run does it",
    ".ci/run": "runs this test",
    "python -m pytest": "runs this test",
    "ruff": ".ci/run does it",
    "jupyter lab": "serves; tests/test_notebooks.py executes the notebooks",
    "jupytext": "tests/test_notebooks.py holds the pairs equal",
    "python -m experiments.studio": "serves; tests/test_studio_browser.py uses its page",
    "python -m experiments.track camera:0": "needs a camera",
    "srun": "needs a cluster; tests/test_training_run.py runs several processes",
    "python -m experiments.eval_otb --otb=OTB100 --tracker=cv2": "needs OpenCV",
    "python -m experiments.vot_trax": "prints for the VOT toolkit; tests of the harness run it",
    "python -m experiments.benchmark": "takes minutes; tests/test_benchmark.py runs its rows",
    "python -m experiments.fault_table": "takes minutes; tests/test_fault_table.py runs its rows",
    "python -m experiments.calibrate": "needs a network that follows; tests/test_calibration.py",
    "python -m experiments.published_scores": "needs others' results; tests/test_golden_scores.py",
    "python -m data_prep.measure": "takes a minute; tests/test_processes.py runs its parts",
}


def carried_out(commands, world, tmp_path, *, only_parse=False):
    """[(exit code, what was printed)] of commands run one after the other in the folder `world`."""
    report = tmp_path / "report.jsonl"
    task = {"commands": commands, "only_parse": only_parse}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.run_commands", report],
        cwd=world,
        env=environment,
        input=json.dumps(task),
        text=True,
        capture_output=True,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in report.read_text().splitlines()]


def short(command: Command) -> list[str]:
    if command.script:
        return list(command.words[1:])
    words = [command.module, *command.words[3:], *SHORTER.get(command.module, [])]
    # The released network of this world has two layers, too few to track.
    return [word.replace("--model=published.", "--model=mine.") for word in words]


def elsewhere(command: Command) -> bool:
    return any(command.text.startswith(start) for start in ELSEWHERE)


def test_the_commands_of_the_guides_run_one_after_the_other(tmp_path):
    world = tmp_path / "world"
    world.mkdir()
    documented_world(world)
    shown = [c for file in GUIDES for c in commands_of(file) if not elsewhere(c)]
    outcomes = carried_out([short(command) for command in shown], world, tmp_path)
    failed = [
        f"{command.text}\n{printed}"
        for command, (code, printed) in zip(shown, outcomes, strict=True)
        if code not in (0, INCOMPLETE if ".eval_" in command.text else 0)
    ]
    assert not failed, "\n\n".join(failed)


def test_the_python_of_the_readme_runs_from_top_to_bottom():
    image = noise_frames(1, 320, 240)[0]
    names = {"image": image, "next_image": image, "box": (140, 60, 32, 48)}
    for code in re.findall(r"^```python\n(.*?)^```", GUIDES[0].read_text(), re.S | re.M):
        exec(code, names)
    assert names["tracker"].score > 0
    np.testing.assert_allclose(names["prediction"].box[0], names["box"], atol=20)


def test_only_what_needs_more_than_a_checkout_is_left_to_others():
    texts = [command.text for file in GUIDES for command in commands_of(file)]
    for start in ELSEWHERE:
        assert any(text.startswith(start) for text in texts), f"no command begins with {start}"


def test_every_other_command_that_is_shown_is_understood(tmp_path):
    shown = commands_of(MEASURED)
    for file in WITH_EXAMPLES:
        shown += examples_of(file)
    lines = [[c.module, *_flags(c)] for c in shown if c.module]
    outcomes = carried_out(lines, ROOT, tmp_path, only_parse=True)
    wrong = [
        f"{' '.join(line)}: {printed}"
        for line, (code, printed) in zip(lines, outcomes, strict=True)
        if code != 0
    ]
    assert not wrong, "\n".join(wrong)


def _flags(command: Command) -> list[str]:
    """Without a redirection, and without what an ellipsis leaves open."""
    words = list(command.words[3:])
    if "--" in words:
        words = words[: words.index("--")]
    return [word for word in words if word.startswith("--") and "..." not in word]


@pytest.mark.parametrize("file", [*GUIDES, MEASURED, ROOT / "CHANGELOG.md"], ids=lambda f: f.name)
def test_links_within_the_project_lead_to_files(file: Path):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", file.read_text()):
        if "://" not in target:
            assert (file.parent / target).exists(), target
