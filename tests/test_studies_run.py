"""A study carried out: trained, judged, presented; nothing is made twice, and it can be stopped."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from data_prep.crops.settings import CropSettings
from data_prep.synthetic import DEMO
from experiments.run_record import RunError
from experiments.studies import plans, running
from experiments.studies.judging import Benchmarks, judge
from experiments.studies.pairs import PairSource
from experiments.studies.presenting import present
from experiments.studies.running import StudyPlan, carry_out
from experiments.studies.speed import frames_per_second
from experiments.training_loop import TrainingResult
from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.loading import load_model, model_config
from siamfc_jax.models.siamfc import SIAMFC_TINY
from siamfc_jax.training.augment import Augmentation
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.weights import save_weights
from tests.evaluation_trees import boxes, write_otb
from tests.pair_worlds import crops_of, moving_box, source, write_video
from tests.presentation_samples import vot_scores

ROOT = Path(__file__).parents[1]
FLAGFILES = sorted((ROOT / "experiments/flagfiles/studies").glob("*.flags"))
SETTINGS = TrainSettings(
    epochs=1,
    pairs_per_epoch=8,
    batch=2,
    search_size=159,
    augmentation=Augmentation(stretch=0.0, shift=0.0),
)
STUDY = plans.scales(SIAMFC_TINY)
SMALL_STUDY = dataclasses.replace(
    STUDY,
    variants=tuple(
        dataclasses.replace(
            variant, tracking=dataclasses.replace(variant.tracking, search_size=159)
        )
        for variant in STUDY.variants
    ),
)


def plan_in(folder):
    for number, letter in enumerate("abcd"):
        write_video(folder / "videos" / letter, [moving_box(6)], seed=100 * number)
    crops = crops_of([source(folder / "videos")], folder / "crops", CropSettings(127, 159))
    for name in ("Dog", "Girl"):
        write_otb(folder / "otb", name, boxes(8))
    return StudyPlan(
        study=SMALL_STUDY,
        out=folder / "out",
        benchmarks=Benchmarks(otb=folder / "otb"),
        pairs=PairSource(crops.folder, pairs=16, workers=0),
        settings=SETTINGS,
        decoders=1,
        devices=1,
        network_name="tiny",
    )


def rates(models):
    return dict.fromkeys(models, 12.5)


def begun(run, **_):
    """What a training writes, but of random numbers: nothing is compiled for them."""
    assert open_pairs(run.data, "train").records
    random = np.random.default_rng(run.seed)
    shapes = jax.eval_shape(run.network.init, jax.random.key(0))
    layers = jax.tree.map(
        lambda leaf: random.uniform(0.01, 0.1, leaf.shape).astype(np.float32), shapes
    )
    weights = run.out / "weights.safetensors"
    save_weights(weights, layers, model_config(run.network, run.tracks_with))
    return TrainingResult(True, run.settings.steps, weights, {}, {})


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return plan_in(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def outcome(plan):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "frames_per_second", rates)
        patch.setattr(running, "train", begun)
        return carry_out(plan)


def test_every_variant_has_its_scores(outcome):
    assert not outcome.problems
    assert [one.variant.x for one in outcome.measured] == [3, 5]
    for one in outcome.measured:
        values = {measure.label: value for measure, value in one.values.items()}
        assert values.keys() == {"AUC", "P20", "frames/s"}
        assert 0 <= values["AUC"][0] <= 1 and values["frames/s"] == (12.5,)
        assert (one.videos, one.boxes) == (4, 24)
    assert {measure.label for measure in outcome.still} == {"AUC", "P20"}


def test_variants_share_a_training_and_differ_in_tracking(plan, outcome):
    assert [folder.name for folder in (plan.out / "runs").iterdir()] == ["100pct"]
    models = [load_model(file) for file in sorted((plan.out / "models").iterdir())]
    assert sorted(model.tracking.n_scales for model in models) == [3, 5]
    np.testing.assert_array_equal(*(model.params["conv1"]["kernel"] for model in models))


def test_table_and_figure_name_what_is_measured_and_what_published(plan, outcome, capsys):
    present(plan, outcome)
    printed = capsys.readouterr().out
    text = (plan.out / "scales.txt").read_text()
    assert text in printed
    assert "here: OTB (2 sequences), 1 seed, 4 steps of tiny" in text
    assert "4 videos with 24 boxes" in text and "A box that never moves: AUC" in text
    assert "0.2889" in text and "VOT2015" in text and "not their numbers" in text
    with open(plan.out / "scales.csv") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["from"] for row in rows} == {"here", STUDY.source}
    assert len(json.loads((plan.out / "scales.json").read_bytes())["numbers"]) == len(rows)
    drawn = (plan.out / "scales.svg").read_text()
    assert "here: OTB (2 sequences)" in drawn and "paper: VOT2015" in drawn
    assert (plan.out / "scales.png").read_bytes().startswith(b"\x89PNG")


def never(*_, **__):
    raise AssertionError("made again")


def nothing_may_be_made_again(monkeypatch):
    monkeypatch.setattr("experiments.training_loop.Run.advance", never)
    monkeypatch.setattr("experiments.evaluation.running.run_benchmark", never)
    monkeypatch.setattr("experiments.studies.pairs.make_shards", never)
    monkeypatch.setattr(running, "frames_per_second", never)


def test_what_is_finished_is_not_made_again(plan, outcome, monkeypatch):
    nothing_may_be_made_again(monkeypatch)
    monkeypatch.setattr(running, "train", begun)
    assert carry_out(plan) == outcome


@pytest.mark.slow
def test_a_study_trains_and_a_finished_training_is_not_repeated(tmp_path, monkeypatch):
    plan = plan_in(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(running, "frames_per_second", rates)
        outcome = carry_out(plan)
    assert not outcome.problems
    assert (plan.out / "runs/100pct/seed_0/result.json").exists()
    nothing_may_be_made_again(monkeypatch)
    assert carry_out(plan) == outcome


def test_a_lost_result_alone_is_made_again(plan, outcome, monkeypatch):
    (lost, *_) = sorted((plan.out / "evaluated").rglob("Dog.txt"))
    lost.unlink()
    monkeypatch.setattr("experiments.studies.pairs.make_shards", never)
    monkeypatch.setattr(running, "train", begun)
    assert carry_out(plan) == outcome
    assert lost.exists()


def test_a_folder_keeps_to_one_study(plan, outcome):
    other = dataclasses.replace(plan, pairs=dataclasses.replace(plan.pairs, pairs=17))
    with pytest.raises(RunError, match="holds another run"):
        carry_out(other)


def test_several_seeds_are_several_trainings(plan, outcome, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "train", begun)
    monkeypatch.setattr(running, "frames_per_second", rates)
    study = dataclasses.replace(SMALL_STUDY, variants=SMALL_STUDY.variants[:1])
    two = carry_out(dataclasses.replace(plan, study=study, seeds=(3, 5), out=tmp_path / "two"))
    assert {path.name for path in (tmp_path / "two/runs/100pct").iterdir()} == {"seed_3", "seed_5"}
    values = {measure.label: value for measure, value in two.measured[0].values.items()}
    assert len(values["AUC"]) == 2 and len(values["frames/s"]) == 1


@pytest.mark.parametrize(
    ("signum", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_stops_the_training_at_a_checkpoint(
    plan, tmp_path, monkeypatch, capsys, signum, raised
):
    def stopped(run, *, flags, should_stop):
        assert not should_stop()
        os.kill(os.getpid(), signum)
        assert should_stop()
        return SimpleNamespace(finished=False, weights=None, step=3)

    monkeypatch.setattr(running, "train", stopped)
    with pytest.raises(raised):
        carry_out(dataclasses.replace(plan, out=tmp_path / "out"))
    assert "stopped after step 3; the same command goes on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lacking", "says"),
    [({"benchmarks": Benchmarks()}, "--otb=FOLDER"), ({"pairs": None}, "--crops=FOLDER")],
)
def test_what_is_lacking_is_said_before_anything_is_made(plan, tmp_path, lacking, says):
    with pytest.raises(ValueError, match=says):
        carry_out(dataclasses.replace(plan, out=tmp_path / "out", **lacking))
    assert not (tmp_path / "out").exists()


def test_vot_is_judged_by_the_columns_of_the_paper(plan, outcome, tmp_path, monkeypatch):
    scores = vot_scores()._replace(problems={"ball": "gone"})
    monkeypatch.setattr("experiments.studies.judging.evaluate_vot", lambda *_, **__: [scores])
    (weights, _) = (plan.out / "models").iterdir()
    judgement = judge(weights, Benchmarks(vot=tmp_path), tmp_path / "evaluated")
    values = {measure.label: value for measure, value in judgement.values.items()}
    assert values == {
        "accuracy": scores.accuracy,
        "failures": scores.failures,
        "EAO": scores.expected_overlap,
    }
    assert judgement.problems == ("ball: gone",) and not judgement.still


def test_a_model_from_elsewhere_is_not_trained(plan, outcome, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "train", None)
    monkeypatch.setattr(running, "frames_per_second", rates)
    weights = plan.out / "runs/100pct/seed_0/weights.safetensors"
    given = dataclasses.replace(plan, model=str(weights), pairs=None, out=tmp_path / "given")
    again = carry_out(given)
    present(given, again)
    for one, first in zip(again.measured, outcome.measured, strict=True):
        assert one.values == first.values and one.videos is None
    assert "trained elsewhere" in (given.out / "scales.txt").read_text()


def test_speed_is_a_rate_of_every_model(monkeypatch):
    class Waiting:
        def __init__(self, seconds):
            self.seconds = seconds

        def init(self, image, boxes):
            self.shape = image.shape

        def update(self, image):
            assert image.shape == self.shape
            time.sleep(self.seconds)

    small = dataclasses.replace(DEMO, width=160, height=120, size_range=(20.0, 30.0))
    monkeypatch.setattr("experiments.studies.speed.DEMO", small)
    monkeypatch.setattr("experiments.studies.speed.MultiTracker", Waiting)
    speeds = frames_per_second({"fast": 0.001, "slow": 0.05}, seconds=0.0)
    assert 0 < speeds["slow"] <= 20 < speeds["fast"] <= 1000


_READ = """
import json, sys
from absl import flags
from absl.testing import flagsaver
from experiments import study
plans = {}
for file in sys.argv[2:]:
    with flagsaver.flagsaver():
        flags.FLAGS(["study", "--added=x", f"--flagfile={file}", "--out=x", "--crops=x"])
        plan = study._plan()
        plans[file] = [plan.study.name, len(plan.study.variants), plan.settings.steps]
errors = {}
for words in sys.argv[1].split("|"):
    with flagsaver.flagsaver():
        flags.FLAGS(["study", "--out=x", *words.split()])
        try:
            study._plan()
        except ValueError as error:
            errors[words] = str(error)
print(json.dumps([plans, errors]))
"""


_WRONG = {
    "--study=anchor-ratios": "give --network=siamrpn",
    "--study=anchor-ratios --network=siamrpn --model=siamfc-3s": "trains its own",
    "--study=dataset-size-siamrpn --network=siamrpn": "Give --added=LABEL",
    "--study=dataset-size-v2 --percentages=half": "--percentages: 'half' are no numbers",
    "--study=scales --crops=x --mix=vid": "--mix",
    "--study=scales --crops=x --gaps=vid:1.5": "--gaps",
}


@pytest.fixture(scope="module")
def commands():
    """What the command line makes of every flagfile, and says of every wrong line of `_WRONG`."""
    result = subprocess.run(
        [sys.executable, "-c", _READ, "|".join(_WRONG), *map(str, FLAGFILES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    plans, errors = json.loads(result.stdout)
    return {Path(file).stem: row for file, row in plans.items()}, errors


def test_what_is_wrong_is_said(commands):
    _, errors = commands
    for words, says in _WRONG.items():
        assert says in errors[words]


def test_every_flagfile_is_understood_and_says_what_it_does(commands):
    read, _ = commands
    assert {name: (study, count) for name, (study, count, _) in read.items()} == {
        "anchor_ratios": ("anchor-ratios", 6),
        "anchor_ratios_small": ("anchor-ratios", 6),
        "center_size": ("center-size", 34),
        "center_size_small": ("center-size", 18),
        "dataset_size_siamrpn": ("dataset-size-siamrpn", 4),
        "dataset_size_siamrpn_small": ("dataset-size-siamrpn", 3),
        "dataset_size_v1": ("dataset-size-v1", 4),
        "dataset_size_v2": ("dataset-size-v2", 6),
        "dataset_size_v2_small": ("dataset-size-v2", 6),
        "scales": ("scales", 2),
        "scales_small": ("scales", 2),
    }
    for file in FLAGFILES:
        head = file.read_text().partition("\n--")[0]
        assert f"--flagfile=experiments/flagfiles/studies/{file.name}" in head
        assert (read[file.stem][2] <= 300) == file.stem.endswith("_small")
        for what in ("time:", "score:"):
            assert f"# Measured {what}" in head or f"# Expected {what}" in head
