"""What needs no toolkit: experiments.vot_trax as a command, and what is said where one is missing.

tests/harnesses/ has them talk to each other.
"""

import configparser
import importlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Also where vot-trax is installed, the command is to find that it is not.
WITHOUT_TRAX = """
import sys
sys.modules["trax"] = None
from experiments import cli, vot_trax
cli.run(vot_trax.main)
"""


def vot_trax(*args, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TRAX, *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def section(*args, cwd=ROOT):
    done = vot_trax("--print_ini", *args, cwd=cwd)
    assert done.returncode == 0, done.stderr
    parser = configparser.ConfigParser()
    parser.read_string(done.stdout)
    (name,) = parser.sections()
    return name, parser[name]


def test_the_section_for_trackers_ini_starts_this_program():
    name, values = section("--model=siamfc-3s", "--start=same_area")
    assert name == "siamfc-3s"
    assert values["protocol"] == "trax"
    assert shlex.split(values["command"]) == [
        sys.executable,
        "-m",
        "experiments.vot_trax",
        "--model=siamfc-3s",
        "--start=same_area",
    ]
    assert Path(values["env_PYTHONPATH"]) == ROOT


def test_a_weight_file_is_found_from_everywhere_and_names_the_section(tmp_path):
    (tmp_path / "100% mine.safetensors").touch()
    name, values = section("--model=100% mine.safetensors", cwd=tmp_path)
    assert name == "100--mine"
    assert f"--model={tmp_path}/100% mine.safetensors" in shlex.split(values["command"])
    assert values["label"] == "100% mine"


@pytest.mark.parametrize(
    "flag, reason",
    [("--model=nosuch", "nosuch: no such file; shipped"), ("--name=a\nb", "one line of text")],
)
def test_no_section_is_printed_that_would_not_work(flag, reason):
    done = vot_trax("--print_ini", flag)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


def test_without_vot_trax_it_says_what_to_install():
    done = vot_trax()
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: trax is missing; pip install vot-trax, beside this project\n"


def test_without_the_got10k_toolkit_its_tracker_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "got10k", None)
    monkeypatch.delitem(sys.modules, "siamfc_jax.harness.got10k", raising=False)
    with pytest.raises(ImportError, match="is missing; pip install got10k"):
        importlib.import_module("siamfc_jax.harness.got10k")
