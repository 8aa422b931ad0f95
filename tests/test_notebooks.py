"""The notebooks: kept as pairs, open to Colab, and executed from top to bottom."""

import configparser
import os
import re
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "experiments" / "notebooks"
# How many pictures each shows.
PICTURES = {
    "evaluate_and_compare": 4,
    "how_siamfc_works": 10,
    "track_your_video": 3,
    "train_on_your_data": 5,
}
REGENERATE = "jupytext --to ipynb --update experiments/notebooks/*.py"


@pytest.fixture(params=sorted(PICTURES))
def name(request):
    return request.param


def code_cells(name):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_notebook_is_known_here():
    found = {path.stem for kind in ("py", "ipynb") for path in FOLDER.glob(f"*.{kind}")}
    assert found == set(PICTURES)


def test_a_notebook_says_what_its_text_says(name):
    text = jupytext.read(FOLDER / f"{name}.py")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    pair = [[(cell.cell_type, cell.source) for cell in one.cells] for one in (text, notebook)]
    assert pair[0] == pair[1], f"{name}: run {REGENERATE}"
    assert REGENERATE in (FOLDER / "README.md").read_text()


def test_no_outputs_are_stored(name):
    for cell in code_cells(name):
        assert not cell.outputs and cell.execution_count is None, f"{name}: run {REGENERATE}"


def test_a_badge_opens_the_notebook_in_colab(name):
    first = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells[0].source
    place = f"siamfc-jax/siamfc_jax/blob/main/experiments/notebooks/{name}.ipynb"
    badge = f"https://colab.research.google.com/github/{place}"
    assert f"]({badge})" in first
    assert f"]({badge})" in (FOLDER / "README.md").read_text()


def test_the_first_cell_installs_what_is_not_there(name):
    first = code_cells(name)[0].source
    assert 'find_spec("siamfc_jax") is None' in first
    assert "@ git+https://github.com/siamfc-jax/siamfc_jax" in first
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    (wanted,) = re.findall(r'extras = "([\w,]+)" if needs_cuda else "[\w,]+"', first)
    assert set(wanted.split(",")) <= set(setup["options.extras_require"])
    assert "device_kind" in first


def test_one_cell_reads_the_switch(name):
    assert sum("SIAMFC_SHORT" in cell.source for cell in code_cells(name)) == 1


# Sockets of the kernel's client are closed when they are collected.
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_every_cell_runs(name, tmp_path):
    notebook = jupytext.read(FOLDER / f"{name}.py")
    settings = {
        "PYTHONPATH": str(ROOT),
        "SIAMFC_SHORT": "1",
        # Not the habits of who runs the tests.
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=os.environ | settings)
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    shown = [kind for out in outputs for kind in out.get("data", {})]
    assert shown.count("image/png") == PICTURES[name]
    assert not any(out.output_type == "error" for out in outputs)
    if name == "track_your_video":
        assert any("<video" in out.get("data", {}).get("text/html", "") for out in outputs)
        written = {path.name for path in (tmp_path / "tracked").iterdir()}
        assert written == {f"demo_tracked{end}" for end in (".mp4", ".csv", ".json", "_sheet.png")}
