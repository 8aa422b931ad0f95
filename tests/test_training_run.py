"""The whole run: what it writes, how it stops, and that it goes on to the very same parameters."""

import dataclasses
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.metric_log import MetricLog, read_metrics
from experiments.run_record import RunError, open_run
from experiments.seeds import train_seeds
from experiments.training_plan import TrainingPlan, initial_state, keys_of
from experiments.training_run import train
from siamfc_jax import load
from siamfc_jax.data.dataset import DatasetError, open_pairs
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings
from siamfc_jax.data.tfrecord import CorruptRecordError
from siamfc_jax.durable import sole_user
from siamfc_jax.training.augment import Augmentation
from siamfc_jax.training.checkpoints import Checkpoints
from siamfc_jax.training.parallel import data_mesh, data_parallel_step, put_batch, replicate
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.step import init_state, trained_layers
from siamfc_jax.weights import load_weights
from tests.training_worlds import TINY, write_dataset

ROOT = Path(__file__).parents[1]
SETTINGS = TrainSettings(
    epochs=2,
    pairs_per_epoch=16,
    batch=2,
    search_size=159,
    augmentation=Augmentation(stretch=0.0, shift=6.0),
)
FLAGS = [
    "--network=tiny", "--epochs=2", "--pairs_per_epoch=16", "--batch=2", "--search_size=159",
    "--stretch=0", "--shift=6", "--checkpoint_every=3", "--log_every=2", "--workers=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("pairs") / "shards", pairs=24, validation=6)


def plan_of(data, out, **changes):
    plan = TrainingPlan(
        data, out, TINY, SETTINGS, checkpoint_every=3, log_every=2, workers=1, devices=1
    )
    return dataclasses.replace(plan, **changes)


def start(data, out, *flags):
    command = [sys.executable, "-m", "experiments.train", f"--data={data}", f"--out={out}"]
    return subprocess.Popen(
        [*command, *FLAGS, *flags],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=out.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run that nothing interrupted, by the command line."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    code, printed, errors = finish(start(data, out))
    assert code == 0, errors
    return out, printed


@pytest.fixture(scope="module")
def whole_here(data, tmp_path_factory):
    """The same in this process, whose eight devices share the cores differently."""
    return train(plan_of(data, tmp_path_factory.mktemp("runs") / "here")).weights.parent


def test_a_run_leaves_everything_that_tells_what_it_was(whole, data):
    out, printed = whole
    assert "pairs/auc" in printed and "weights.safetensors" in printed
    record = json.loads((out / "run.json").read_text())
    assert (
        record["run"]["dataset_hash"]
        == json.loads((data / "pairs.json").read_text())["dataset_hash"]
    )
    (maker,) = record["made_by"]
    assert maker["versions"]["jax"] == jax.__version__ and maker["git_revision"]
    assert "--search_size=159" in (out / "flags.txt").read_text()
    assert [line["step"] for line in read_metrics(out, "train")] == [
        2,
        3,
        4,
        6,
        8,
        9,
        10,
        12,
        14,
        15,
        16,
    ]
    assert [line["step"] for line in read_metrics(out, "validation")] == [8, 16]
    assert list((out / "tensorboard").iterdir()) and (out / "responses.png").stat().st_size
    result = json.loads((out / "result.json").read_text())
    weights = load_weights(out / "weights.safetensors")
    assert result["weights_sha256"] == weights.sha256
    assert weights.config["training"]["steps_done"] == 16


def test_every_metric_is_there(whole):
    (line, *_) = read_metrics(whole[0], "train")
    names = {"loss", "centre_error", "auc", "learning_rate", "pairs_per_second", "input_wait"}
    assert names <= line.keys()
    assert 0 < line["auc"] <= 1 and line["learning_rate"] == pytest.approx(1e-2)


def test_the_trained_network_can_be_loaded_to_track(whole):
    tracker = load(whole[0] / "weights.safetensors")
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    tracker.init(image, (40, 30, 30, 20))
    assert np.isfinite(tracker.update(image)).all()


def test_a_finished_run_is_not_repeated(whole, data):
    out, printed = whole
    before = (out / "metrics.jsonl").read_bytes()
    code, again, _ = finish(start(data, out))
    assert code == 0 and again == printed
    assert (out / "metrics.jsonl").read_bytes() == before


def steps_logged(out):
    return [line["step"] for line in read_metrics(out, "train")] if out.exists() else []


def test_killed_at_any_moment_it_ends_with_the_same_bits(whole, data, tmp_path):
    out, moments = tmp_path / "killed", random.Random(3)
    checkpoints = []
    for _ in range(3):
        before = len(steps_logged(out))
        process = start(data, out)
        while len(steps_logged(out)) <= before and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        checkpoints.append(len(list((out / "checkpoints").glob("*.json"))))
    assert any(checkpoints), "no kill came after a checkpoint"
    code, _, errors = finish(start(data, out))
    assert code == 0, errors
    assert result_of(out) == result_of(whole[0])
    for kind in ("train", "validation"):
        logs = [[without_clocks(line) for line in read_metrics(o, kind)] for o in (out, whole[0])]
        assert logs[0] == logs[1]


def result_of(out):
    return json.loads((out / "result.json").read_text())


def without_clocks(line):
    return {k: v for k, v in line.items() if k not in ("pairs_per_second", "input_wait")}


def test_sigterm_saves_and_exits_and_the_run_goes_on(whole, data, tmp_path):
    out = tmp_path / "stopped"
    process = start(data, out)
    while not (out / "metrics.jsonl").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    code, printed, errors = finish(process)
    assert code == 143, errors
    assert "the same command goes on from there" in printed
    assert list((out / "checkpoints").glob("*.json"))
    assert finish(start(data, out))[0] == 0
    assert result_of(out) == result_of(whole[0])


def after_asking(times):
    """A `should_stop` that says no so many times: once a step, and once for each batch (here one)
    of a validation."""
    asked = itertools.count()
    return lambda: next(asked) >= times


def test_a_run_goes_on_that_began_before_a_setting_was_known(tmp_path):
    known = {"seed": 0, "settings": {"batch": 8}}
    open_run(tmp_path, known, "")
    later = {"batch": 8, "clip_norm": 0.0, "frozen": (), "more": {"also": None}}
    open_run(tmp_path, known | {"settings": later}, "")
    with pytest.raises(RunError, match=r"another run \(clip_norm: None there, 9.0 now\)"):
        open_run(tmp_path, known | {"settings": later | {"clip_norm": 9.0}}, "")


def test_a_damaged_checkpoint_is_named_and_an_older_one_taken(whole_here, data, tmp_path, capsys):
    out = tmp_path / "run"
    stopped = train(plan_of(data, out), should_stop=after_asking(8))
    assert not stopped.finished and stopped.step == 8
    (out / "checkpoints/00000008/_METADATA").write_bytes(b"")
    done = train(plan_of(data, out))
    assert done.finished
    assert (
        "00000008: is damaged (_METADATA has changed); going back to step 6"
        in capsys.readouterr().out
    )
    assert result_of(out) == result_of(whole_here)


def test_other_settings_do_not_resume_a_run(whole_here, data):
    other = dataclasses.replace(SETTINGS, first_rate=2e-2)
    with pytest.raises(RunError, match=r"another run \(first_rate: 0.01 there, 0.02 now\)"):
        train(plan_of(data, whole_here, settings=other))


@pytest.mark.parametrize("rate", [1e3, 5e2])
def test_a_loss_that_is_not_finite_stops_and_is_never_saved(data, tmp_path, rate):
    wild = dataclasses.replace(SETTINGS, first_rate=rate, last_rate=rate)
    plan = plan_of(data, tmp_path / "run", settings=wild, checkpoint_every=1)
    with pytest.raises(RunError, match=r"not finite at step \d+; lower --first_rate"):
        train(plan)
    for file in (tmp_path / "run").glob("checkpoints/*.json"):
        state = Checkpoints(file.parent).restore(initial_state(plan)).state
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


def test_a_second_process_is_refused(data, tmp_path):
    with sole_user(tmp_path / "run"), pytest.raises(OSError, match="another process is writing"):
        train(plan_of(data, tmp_path / "run"))


def test_crops_too_small_for_the_settings_are_refused_before_anything_is_written(data, tmp_path):
    large = dataclasses.replace(SETTINGS, search_size=255)
    with pytest.raises(RunError, match=r"search crops are 171 pixels wide, .* --search_size=255"):
        train(plan_of(data, tmp_path / "run", settings=large))
    large = dataclasses.replace(SETTINGS, batch=32, pairs_per_epoch=64)
    with pytest.raises(DatasetError, match="too few for a batch of 32"):
        train(plan_of(data, tmp_path / "run", settings=large))
    assert not (tmp_path / "run/run.json").exists()


def test_a_finished_run_without_its_checkpoints_is_not_trained_again(data, whole_here, tmp_path):
    out = shutil.copytree(whole_here, tmp_path / "run")
    shutil.rmtree(out / "checkpoints")
    assert train(plan_of(data, out)).finished
    assert result_of(out) == result_of(whole_here)


def test_a_lost_record_or_a_damaged_result_is_said(data, whole_here, tmp_path):
    out = shutil.copytree(whole_here, tmp_path / "run")
    (out / "result.json").write_text("")
    with pytest.raises(RunError, match=r"result.json: is damaged"):
        train(plan_of(data, out))
    (out / "run.json").unlink()
    with pytest.raises(RunError, match=r"has checkpoints but no run.json"):
        train(plan_of(data, out))


def test_stopped_while_it_validates_it_validates_when_it_goes_on(data, whole_here, tmp_path):
    out = tmp_path / "run"
    stopped = train(plan_of(data, out), should_stop=after_asking(7))
    assert not stopped.finished and stopped.step == 8
    assert not read_metrics(out, "validation")
    train(plan_of(data, out))
    assert result_of(out) == result_of(whole_here)
    assert [line["step"] for line in read_metrics(out, "validation")] == [8, 16]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--seeds=", "are no whole numbers"),
        ("--seeds=a", "are no whole numbers"),
        ("--devices=-1", "devices"),
        ("--process=1", "need --distributed"),
        ("--track_every=2", "need a --validation_source"),
        ("--epochs=0", "epochs is 0"),
    ],
)
def test_a_wrong_flag_is_one_line(data, tmp_path, flag, message):
    code, _, errors = finish(start(data, tmp_path / "run", flag))
    assert code == 2
    assert errors.startswith("error: ") and message in errors and errors.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_the_order_of_pairs_and_the_start_depend_on_the_seed(data, tmp_path):
    results = train_seeds(plan_of(data, tmp_path), [0, 1])
    digests = {
        json.loads((r.weights.parent / "result.json").read_text())["weights_sha256"]
        for r in results
    }
    assert len(digests) == 2
    table = json.loads((tmp_path / "seeds.json").read_text())["over_seeds"]
    losses = [result.pairs["loss"] for result in results]
    assert table["pairs/loss"]["mean"] == pytest.approx(np.mean(losses))
    assert table["pairs/loss"]["std"] == pytest.approx(np.std(losses, ddof=1))


def test_a_corrupt_record_is_named_or_skipped_and_counted(tmp_path):
    data = write_dataset(tmp_path / "shards", pairs=24, validation=0)
    shard = data / "toy-train.tfrecord-00001-of-00002"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(CorruptRecordError, match=r"00001-of-00002: record \d+ at byte \d+"):
        train(plan_of(data, tmp_path / "strict"))
    train(plan_of(data, tmp_path / "lenient", skip_corrupt=True))
    assert json.loads((tmp_path / "lenient/result.json").read_text())["skipped"] > 0


def test_a_missing_shard_is_refused_before_anything_is_written(tmp_path):
    data = write_dataset(tmp_path / "shards", pairs=8, validation=0)
    (data / "toy-train.tfrecord-00001-of-00002").unlink()
    with pytest.raises(DatasetError, match="missing shard"):
        train(plan_of(data, tmp_path / "run"))
    assert not (tmp_path / "run/run.json").exists()


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def on_one_device(data, settings):
    """The layers that result when one device takes the pairs of two hosts."""
    dataset, mesh = open_pairs(data, "train"), data_mesh(jax.devices()[:1])
    hosts = [
        Pipeline(dataset, PipelineSettings(batch=settings.batch // 2, host=host, hosts=2))
        for host in range(2)
    ]
    step = data_parallel_step(TINY, settings, mesh)
    first, steps = keys_of(0)
    state = replicate(init_state(first, TINY, settings), mesh)
    key = jax.random.wrap_key_data(replicate(jax.random.key_data(steps), mesh))
    for _ in range(settings.steps):
        batch = map(np.concatenate, zip(*map(next, hosts), strict=True))
        state, _ = step(state, key, put_batch(list(batch), mesh))
    for host in hosts:
        host.close()
    return trained_layers(jax.device_get(state))


@pytest.mark.slow
def test_two_processes_train_together_as_one_would(data, tmp_path):
    out, port = tmp_path / "together", free_port()
    both = [
        start(
            data, out, "--batch=4", "--pairs_per_epoch=16", "--sync_norm", "--distributed",
            f"--coordinator=127.0.0.1:{port}", "--processes=2", f"--process={number}",
        )
        for number in range(2)
    ]  # fmt: skip
    for process in both:
        code, _, errors = finish(process)
        assert code == 0, errors
    assert json.loads((out / "run.json").read_text())["run"]["hosts"] == 2
    settings = dataclasses.replace(SETTINGS, batch=4, sync_norm=True)
    expected = on_one_device(data, settings)
    for name, layer in load_weights(out / "weights.safetensors").params.items():
        for part, array in layer.items():
            np.testing.assert_allclose(array, expected[name][part], rtol=1e-3, atol=1e-4)


def test_half_a_line_of_metrics_is_dropped(tmp_path):
    with MetricLog(tmp_path, 0) as log:
        log.write(1, "train", {"loss": 1.0})
        log.write(2, "train", {"loss": float("nan")})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "ki')
    with MetricLog(tmp_path, 1) as log:
        log.write(2, "train", {"loss": 0.5})
    assert [line["loss"] for line in read_metrics(tmp_path, "train")] == [1.0, 0.5]


def test_a_full_disk_under_the_log_names_the_file(tmp_path):
    with (
        pytest.raises(OSError, match=r"metrics.jsonl: cannot be written \(No space left"),
        MetricLog(tmp_path, 0) as log,
    ):
        log._file.close()
        log._file = open("/dev/full", "a")  # noqa: SIM115 (the log closes it)
        log.write(1, "train", {"loss": 1.0})
