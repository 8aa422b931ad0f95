"""Several models in one evaluation: how they are named, what is found before anything runs, and
where their results are kept."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.evaluation import contestant
from experiments.evaluation.contestant import Contestant, contestants
from experiments.evaluation.got10k import evaluate_got10k
from experiments.evaluation.options import Options
from experiments.evaluation.otb import evaluate_otb
from experiments.evaluation.vot import evaluate_vot
from siamfc_jax.evaluation.running.one_by_one import one_by_one
from siamfc_jax.evaluation.runs import ResultError
from siamfc_jax.loading import model_config
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.siamrpn_config import SIAMRPN_RELEASE
from siamfc_jax.weights import WeightsError, save_weights
from tests.evaluation_trees import boxes, write_frames, write_got10k, write_otb
from tests.rpn_worlds import SMALLEST
from tests.small_trackers import Follower
from tests.tracking_worlds import NETWORK

ROOT = Path(__file__).parents[1]
FRAMES = 12


def write_model(path, network=NETWORK, tracking=SIAMFC_3S_PAPER):
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    ones = jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), shapes)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(path, ones, model_config(network, tracking))
    return path


@pytest.fixture
def siamfc(tmp_path):
    return write_model(tmp_path / "fc/weights.safetensors")


@pytest.fixture
def siamrpn(tmp_path):
    return write_model(tmp_path / "rpn/weights.safetensors", SMALLEST, SIAMRPN_RELEASE)


@pytest.fixture
def otb(tmp_path):
    for name in ("Car1", "Dog"):
        write_otb(tmp_path / "otb", name, boxes(FRAMES))
    return tmp_path / "otb"


class Slow(Follower):
    """Moves half as far as the target."""

    def update(self, image):
        self.box = super().update(image) - np.asarray([0.5, 0, 0, 0], np.float32)
        return self.box


@pytest.fixture
def trackers(monkeypatch):
    """In place of models, and without their weights: those called slow are `Slow`."""

    def made(options, name, where, tracking):
        kind = Slow if "slow" in where.stem else Follower

        def runner(on_frame):
            return partial(one_by_one, make_tracker=kind, on_frame=on_frame)

        return Contestant(name, {"weights": str(where)}, True, runner, runner)

    monkeypatch.setattr(contestant, "_model", made)


def options(tmp_path, *models, **changes):
    return Options(models=models, out=tmp_path / "out", **changes)


def files(folder):
    return {file.name for file in folder.iterdir()} if folder.is_dir() else set()


def test_without_any_name_the_shipped_model_is_run():
    (found,) = contestants(Options())
    assert found.name == "siamfc-3s"
    assert contestants(Options(results=("x",))) == []


def test_a_model_is_called_as_its_file_or_as_it_is_given(siamfc):
    specs = (str(siamfc), f"Mine={siamfc}", "shipped=siamfc-3s")
    found = contestants(Options(models=specs))
    assert [one.name for one in found] == ["weights", "Mine", "shipped"]
    assert contestants(Options(models=(str(siamfc),), name="One"))[0].name == "One"


def test_networks_of_two_kinds_are_run_with_the_settings_in_their_files(siamfc, siamrpn):
    fc, rpn = contestants(Options(models=(f"fc={siamfc}", f"rpn={siamrpn}")))
    assert fc.identity["weights"] != rpn.identity["weights"]
    assert "scale_step" in fc.identity["tracking"] and "top_k" in rpn.identity["tracking"]


def test_other_settings_must_suit_every_model(siamfc, siamrpn):
    of_fc, of_rpn = f"fc={siamfc}", f"rpn={siamrpn}"
    (found,) = contestants(Options(models=(of_fc,), tracking="siamfc-3s-release"))
    (kept,) = contestants(Options(models=(of_fc,)))
    assert found.identity["tracking"] != kept.identity["tracking"]
    with pytest.raises(ValueError, match=f"{siamrpn} --tracking=siamfc-3s-release: .*presets are"):
        contestants(Options(models=(of_fc, of_rpn), tracking="siamfc-3s-release"))
    with pytest.raises(ValueError, match="--tracking is for models"):
        contestants(Options(tracker="a:B", tracking="siamfc-3s-release"))


def test_the_fast_way_is_told_in_the_name_and_the_record(siamfc, siamrpn):
    (plain,) = contestants(Options(models=(str(siamfc),)))
    (fast,) = contestants(Options(models=(str(siamfc),), fast=True))
    assert (plain.name, fast.name) == ("weights", "weights+fast")
    assert fast.identity["tracking"]["pyramid"] == "exemplars"
    with pytest.raises(ValueError, match="fast is for SiamFC"):
        contestants(Options(models=(str(siamrpn),), fast=True))
    with pytest.raises(ValueError, match="--fast is for models"):
        contestants(Options(tracker="a:B", fast=True))


@pytest.mark.parametrize(
    "models, changes, reason",
    [
        (("a", "b"), {"name": "N"}, "--name is for one model"),
        (("A=a",), {"name": "N"}, "--name is for one model"),
        (("../A=a",), {}, r"--model=\.\./A=a: no such file, and as NAME=PATH: no file can be"),
        (("a",), {"tracker": "b:C"}, "one at a time"),
        (("siamfc-3s", "nowhere"), {}, "nowhere: neither a weight file nor a shipped model"),
    ],
)
def test_what_will_not_do_is_said_in_one_line(otb, tmp_path, models, changes, reason):
    with pytest.raises(ValueError, match=reason):
        evaluate_otb(otb, options(tmp_path, *models, **changes))
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_is_found_before_another_model_is_run(otb, tmp_path, siamfc, siamrpn):
    siamrpn.write_bytes(siamrpn.read_bytes()[:-4])
    with pytest.raises(WeightsError, match=str(siamrpn)):
        evaluate_otb(otb, options(tmp_path, f"fc={siamfc}", f"rpn={siamrpn}"))
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_name_need_names(otb, tmp_path, siamfc, siamrpn):
    with pytest.raises(ValueError, match="'weights' twice; .*--model=NAME=PATH"):
        evaluate_otb(otb, options(tmp_path, str(siamfc), str(siamrpn)))


def test_models_are_run_in_turn_and_shown_in_one_table(otb, tmp_path, trackers, capsys):
    scores = evaluate_otb(otb, options(tmp_path, "fast", "B=slow"), protocols=("OPE",))
    assert [one.tracker for one in scores] == ["fast", "B", "no motion"]
    assert scores[0].auc > scores[1].auc > scores[2].auc
    printed = capsys.readouterr().out
    (line,) = (line for line in printed.splitlines() if line.startswith("sequence  "))
    assert line.split() == ["sequence", *["AUC"] * 3, *["P20"] * 3]
    assert "fast - B" in printed
    assert files(tmp_path / "out/OTB/fast") >= {"Car1.txt", "Dog.txt"}
    assert files(tmp_path / "out/OTB/B") >= {"Car1.txt", "Dog.txt"}


def test_an_interrupted_evaluation_goes_on_with_the_model_it_was_at(otb, tmp_path, trackers):
    both = options(tmp_path, "fast", "slow")
    first = evaluate_otb(otb, both)
    (tmp_path / "out/OTB/slow/Dog.txt").unlink()
    Follower.frames_seen = Slow.frames_seen = 0
    again = evaluate_otb(otb, both)
    assert (Follower.frames_seen, Slow.frames_seen) == (0, FRAMES - 1)
    assert [one.auc for one in again] == [one.auc for one in first]


def test_results_of_other_weights_are_found_before_another_model_is_run(otb, tmp_path, trackers):
    evaluate_otb(otb, options(tmp_path, "B=slow"))
    with pytest.raises(ResultError, match=r"other weights or settings \(weights\)"):
        evaluate_otb(otb, options(tmp_path, "A=fast", "B=other"))
    assert not files(tmp_path / "out/OTB/A")


def test_results_that_are_not_there_are_missed_before_anything_is_run(otb, tmp_path, trackers):
    with pytest.raises(ResultError, match="nowhere: no such folder"):
        evaluate_otb(otb, options(tmp_path, "fast", results=("KCF=nowhere",)))
    assert not files(tmp_path / "out/OTB/fast")


def test_vot_runs_several_models_in_every_experiment(tmp_path, trackers):
    write_frames(tmp_path / "vot/ants", range(1, FRAMES + 1), 8)
    np.savetxt(tmp_path / "vot/ants/groundtruth.txt", boxes(FRAMES), "%g", ",")
    (tmp_path / "vot/list.txt").write_text("ants\n")
    wanted = options(tmp_path, "fast", "slow")
    scores = evaluate_vot(tmp_path / "vot", wanted, experiments=("baseline", "unsupervised"))
    assert [one.tracker for one in scores] == ["fast", "slow"] * 2
    assert scores[0].accuracy > scores[1].accuracy


def test_every_model_gets_a_zip_for_got10ks_server(tmp_path, trackers):
    write_got10k(tmp_path / "got10k", subset="test", rows=boxes(FRAMES))
    evaluate_got10k(tmp_path / "got10k", options(tmp_path, "fast", "slow"), which="test")
    assert files(tmp_path / "out/GOT-10k_test") >= {"fast.zip", "slow.zip"}
    with pytest.raises(ValueError, match="'fast' twice"):
        evaluate_got10k(tmp_path / "got10k", options(tmp_path, "fast", "fast"), which="test")


@pytest.mark.parametrize("command", ["eval_otb", "eval_vot", "eval_got10k", "eval_lasot"])
def test_help_shows_the_flags_that_all_share(command):
    done = subprocess.run(
        [sys.executable, "-m", f"experiments.{command}", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for flag in ("--model:", "--results:", "--images:", "--out:"):
        assert flag in done.stdout
