"""The rows of `experiments.benchmark` about training, and what they count."""

import dataclasses
import re
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.speed import roofline, rows, training
from experiments.speed.baseline import torch_device, torch_training
from experiments.speed.nominal import conv_shapes, step_flops
from experiments.speed.results import Result, format_results, read_results, write_results
from experiments.speed.roofline import Measured, Peaks, format_roofline
from experiments.speed.row_names import TRACKING_ROWS, TRAINING_ROWS, split_rows
from experiments.speed.settings import OF_PAPERS, BenchmarkSettings
from experiments.speed.shards import end_to_end_row, input_row
from experiments.speed.step_parts import step_parts
from experiments.speed.synthetic_pairs import write_synthetic_pairs
from experiments.speed.timing import Work, report, take_turns
from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.loading import DEFAULT_TRACKING
from siamfc_jax.models.alexnet import ALEXNET_V1, ALEXNET_V2
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.network import NETWORKS
from siamfc_jax.models.resnet import CIRESNET22, RESNET22
from siamfc_jax.models.siamfc import SIAMFC, SIAMFC_TINY
from siamfc_jax.models.siamrpn import SIAMRPN, SIAMRPN_DEPTHWISE, SIAMRPN_TINY
from siamfc_jax.tracking.online import Model
from siamfc_jax.training.settings import V2_PAPER
from siamfc_jax.training.step import state_from_layers

ROOT = Path(__file__).parents[1]
SETTINGS = BenchmarkSettings(
    seconds=0.1, search_size=159, batch=2, batches=(2,), compute=("float32",)
)


@pytest.fixture(scope="module")
def layers():
    """Parameters of the tiny network, without the time that compiling its own drawing takes."""
    random = np.random.default_rng(0)
    shapes = jax.eval_shape(SIAMFC_TINY.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: random.random(leaf.shape, np.float32) / 10, shapes)


@pytest.fixture
def tiny(layers, monkeypatch):
    monkeypatch.setattr(
        training, "init_state", lambda key, network, settings: state_from_layers(layers, settings)
    )
    return Model(fold_batch_norm(layers), SIAMFC_TINY, DEFAULT_TRACKING)


@pytest.fixture
def no_torch(monkeypatch):
    monkeypatch.setattr(training, "torch_device", lambda: None)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic")
    return write_synthetic_pairs(folder, SETTINGS.rooms, videos=1, frames=4, pairs=12)


def gigamacs(config, side):
    return sum(shape.flops for shape in conv_shapes(config, side)) / 2e9


@pytest.mark.parametrize(
    "config, side, expected",
    [(ALEXNET_V2, 255, 2.72), (ALEXNET_V2, 127, 0.46), (ALEXNET_V1, 255, 0.96)],
)
def test_the_embeddings_take_the_known_billions_of_multiplications(config, side, expected):
    assert gigamacs(config, side) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("side", [127, 239])
@pytest.mark.parametrize("backbone", [ALEXNET_V2, RESNET22], ids=["alexnet", "resnet"])
def test_the_last_convolution_gives_the_embedding(backbone, side):
    assert conv_shapes(backbone, side)[-1].out_side == backbone.output_size(side)


def test_the_multiplications_of_alexnet_are_those_of_its_table():
    ours = [shape.flops // 2 for shape in conv_shapes(ALEXNET_V2, 127)]
    # Outputs, taps and channels seen (v2 paper, Table 1).
    assert ours == [
        59**2 * 96 * 11**2 * 3,
        25**2 * 256 * 5**2 * 48,
        10**2 * 384 * 3**2 * 256,
        8**2 * 384 * 3**2 * 192,
        6**2 * 256 * 3**2 * 192,
    ]


def test_the_multiplications_of_resnet_22_are_those_counted_by_hand():
    def bottleneck(seen, width, before, after, shortcut=True):
        expanded = 4 * width
        return (
            before**2 * seen * width
            + after**2 * (9 * width * width + width * expanded)
            + shortcut * after**2 * seen * expanded
        )

    by_hand = (
        125**2 * 49 * 3 * 64
        + bottleneck(64, 64, 62, 60)
        + bottleneck(256, 64, 60, 58, False)
        + bottleneck(256, 64, 58, 56, False)
        + bottleneck(256, 128, 56, 27)
        + bottleneck(512, 128, 27, 25, False)
        + bottleneck(512, 128, 25, 23, False)
        + bottleneck(512, 128, 23, 21, False)
    )
    assert gigamacs(RESNET22, 255) == by_hand / 1e9


def test_the_padding_of_ciresnets_training_counts():
    first = conv_shapes(CIRESNET22, 255)[0]
    assert (first.in_side, first.out_side) == (255 + 2 * 3, 128)


@pytest.mark.parametrize("shape", conv_shapes(ALEXNET_V2, 127))
def test_a_convolutions_operations_are_those_that_xla_counts_before_it_optimises(shape):
    def convolve(x, kernel):
        strides = (shape.stride,) * 2
        numbers = ("NHWC", "HWIO", "NHWC")
        options = {"dimension_numbers": numbers, "feature_group_count": shape.groups}
        return jax.lax.conv_general_dilated(x, kernel, strides, "VALID", **options)

    x = jnp.zeros((1, shape.in_side, shape.in_side, shape.in_channels))
    per_group = shape.in_channels // shape.groups
    kernel = jnp.zeros((shape.kernel, shape.kernel, per_group, shape.out_channels))
    assert jax.jit(convolve).lower(x, kernel).cost_analysis()["flops"] == shape.flops


def test_a_step_adds_the_gradients_of_everything_but_the_images():
    settings = dataclasses.replace(V2_PAPER, batch=8)
    flops = step_flops(SIAMFC, settings)
    forward = 8 * 2e9 * (gigamacs(ALEXNET_V2, 255) + gigamacs(ALEXNET_V2, 127))
    first = 8 * sum(conv_shapes(ALEXNET_V2, side)[0].flops for side in (127, 255))
    assert flops.embedding_forward == pytest.approx(forward)
    assert flops.embedding_backward == pytest.approx(2 * forward - first)
    assert flops.head_forward == flops.head_backward == 0
    assert flops.correlation_forward == 8 * 2 * 17**2 * 6**2 * 256
    assert flops.all == sum(flops)


def test_a_step_of_siamrpn_adds_its_head():
    up_channel, depthwise = (
        step_flops(network, V2_PAPER) for network in (SIAMRPN, SIAMRPN_DEPTHWISE)
    )
    # Both branches: kernels of 4 x 4 for 2 * 5 and 4 * 5 maps, or for each channel.
    assert up_channel.correlation_forward == 8 * 2 * 17**2 * 4**2 * 256 * (10 + 20)
    assert depthwise.correlation_forward == 8 * 2 * 17**2 * 4**2 * 256 * 2
    kernels = 4**2 * 256 * 9 * 256 * (10 + 20)
    features = 20**2 * 256 * 9 * 256 * 2
    assert up_channel.head_forward == 8 * 2 * (kernels + features + 17**2 * 20 * 20)
    assert up_channel.head_backward == 2 * up_channel.head_forward


def test_the_roofline_gives_rates_and_their_shares_of_the_peaks():
    peaks = Peaks(flops=2e12, bytes=100e9)
    parts = [
        Measured("conv", 50e9, 20e9, 0.5e9, 0.05),
        Measured("resize", 0, 1e9, 2e9, 0.1),
        Measured("odd", 1e9, float("nan"), 1e9, 0.1),
    ]
    *_, conv, resize, odd = (re.split(r"\s{2,}", line.strip()) for line in lines(parts, peaks))
    assert conv == [
        "conv", "50.00", "20.00", "0.500", "50.00", "1.000", "50.0 %", "10.0", "10.0 %", "computing"
    ]  # fmt: skip
    assert resize[1:3] == ["-", "1.00"] and resize[5:] == ["-", "-", "20.0", "20.0 %", "memory"]
    assert odd[2] == "-"


def lines(parts, peaks):
    table = format_roofline(parts, peaks).splitlines()
    assert len({len(line) for line in table}) == 1
    return table


def test_works_take_turns_and_those_begun_in_a_burst_are_waited_for_at_its_end():
    events = []
    works = {
        name: Work(lambda name=name: events.append(name), lambda _: events.append("wait"))
        for name in ("a", "b")
    }
    times = take_turns(works, 0.0)
    assert events[-12:] == ["a", "wait", "b", "wait"] * 3
    assert [len(seconds) for seconds in times.values()] == [3, 3]
    events.clear()
    take_turns(works, 0.0, burst_seconds=1e-3)
    assert len(events) > 100 and events.count("wait") == 10


def test_the_time_of_a_burst_is_that_of_one_of_its_calls():
    queued = []

    def finish(_):
        seconds = 0.005 * len(queued)
        queued.clear()
        time.sleep(seconds)

    work = Work(lambda: queued.append(1), finish)
    times = take_turns({"slow": work}, 0.05, burst_seconds=0.02)
    assert np.median(times["slow"]) == pytest.approx(0.005, rel=0.5)


def test_the_report_compares_medians(capsys):
    report("row", {"ours": [0.1, 0.2, 0.9], "PyTorch": [0.4, 0.1, 0.5]}, 8, "pairs/s")
    out = capsys.readouterr().out
    assert "40.0 pairs/s" in out and "20.0 pairs/s" in out
    assert "ours / PyTorch: 0.50 of its time" in out


def printed(capsys):
    out = capsys.readouterr().out
    assert len(re.findall(r"\d\.\d", out)) >= 2
    assert not re.search(r"\b(nan|inf)\b", out)
    return out


def test_the_step_is_timed(tiny, no_torch, capsys):
    training.train_row(SETTINGS, tiny)
    assert "training step, batch 2" in printed(capsys)


def test_steps_are_timed_with_the_batch_there_and_with_copying_it(tiny, no_torch, capsys):
    training.train_batches_row(SETTINGS, tiny)
    assert re.search(r"  ours  .* pairs/s\n  ours, copying .* pairs/s", printed(capsys))


QUICKLY_COMPILED = [
    "whole step", "embedding", "correlation back", "conv1 of search back", "conv2 of search",
    "conv2 of search back",
]  # fmt: skip


def test_the_step_and_its_parts_are_timed(tiny, capsys, monkeypatch):
    whole, *others = step_parts(SETTINGS, SIAMFC_TINY, 2, "float32")
    parts = [part for part in [whole, *others] if part.name in QUICKLY_COMPILED]
    monkeypatch.setattr(roofline, "step_parts", lambda *_: parts)
    roofline.roofline_row(SETTINGS, tiny)
    table = printed(capsys)
    for name in QUICKLY_COMPILED:
        assert re.search(rf"^  {name}  .*(computing|memory)$", table, re.MULTILINE)


@pytest.mark.slow
def test_all_parts_are_timed_in_both_types(tiny, capsys):
    roofline.roofline_row(dataclasses.replace(SETTINGS, compute=("float32", "bfloat16")), tiny)
    assert len(re.findall("(computing|memory)$", printed(capsys), re.MULTILINE)) == 2 * 16


def test_the_input_alone_is_timed(tiny, shards, capsys):
    input_row(dataclasses.replace(SETTINGS, data=shards), tiny)
    assert "pairs/s" in printed(capsys)


def test_training_from_shards_says_how_long_it_waits_for_them(tiny, shards, capsys):
    end_to_end_row(dataclasses.replace(SETTINGS, data=shards), tiny)
    out = printed(capsys)
    assert float(re.search(r"([\d.]+) pairs/s", out)[1]) > 0
    assert 0 <= float(re.search(r"waiting for input ([\d.]+)%", out)[1]) <= 100


def test_pytorch_takes_the_same_step_in_both_types(tiny):
    torch = pytest.importorskip("torch", reason="the baseline needs PyTorch")
    layers, losses = training.TrainingSteps(SIAMFC_TINY, V2_PAPER).layers, []
    for compute in ("float32", "bfloat16"):
        torch.manual_seed(0)
        step = SETTINGS.training(SIAMFC_TINY, 2, compute)
        work = torch_training(SIAMFC_TINY, layers, step, torch_device())
        losses.append(float(work.begin()))
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_the_parts_of_every_network_are_known():
    for name in OF_PAPERS:
        whole, _, *parts = step_parts(SETTINGS, NETWORKS[name], 2, "float32")
        assert [part.name for part in parts[:2]] == ["embedding", "embedding and back"]
        assert whole.flops == sum(parts[index].flops for index in (1, 2, 3))


def test_layers_of_one_shape_are_timed_once():
    parts = step_parts(SETTINGS, NETWORKS["siamfc-resnet22"], 2, "float32")
    convolutions = [part.name for part in parts[6:]]
    assert len(convolutions) < 2 * 24
    assert any(", as " in name for name in convolutions)


@pytest.mark.slow
def test_the_parts_of_siamrpn_are_timed(capsys):
    roofline.roofline_row(SETTINGS, Model({}, SIAMRPN_TINY, None))
    assert len(re.findall("(computing|memory)$", printed(capsys), re.MULTILINE)) == 16


def test_each_network_is_trained_as_released_with_all_its_layers():
    settings = BenchmarkSettings()
    siamfc, siamrpn = (settings.training(network, 8) for network in (SIAMFC, SIAMRPN))
    assert (siamfc.search_size, siamrpn.search_size) == (239, 255)
    assert siamrpn.clip_norm == 10 and siamrpn.frozen == ()


RESULTS = [
    Result("live step", "frames/s", 40.0, 50.0, "siamfc"),
    Result("4 targets", "target-frames/s", 120.0, network="siamrpn"),
]


def test_the_table_gives_our_time_over_pytorchs():
    head, first, second = format_results(RESULTS).splitlines()
    assert len(head) == len(first) == len(second)
    assert re.split(r"\s{2,}", first) == ["siamfc", "live step", "40.0", "50.0", "frames/s", "1.25"]
    assert re.split(r"\s{2,}", second)[2:] == ["120.0", "-", "target-frames/s", "-"]


def test_the_table_of_a_process_of_its_own_comes_back(tmp_path):
    write_results(tmp_path / "results.json", RESULTS)
    assert read_results(tmp_path / "results.json") == RESULTS


def test_every_network_is_in_the_table(monkeypatch):
    monkeypatch.setitem(rows.ROWS, "live", lambda *_: [Result("live step", "frames/s", 1.0)])
    monkeypatch.setattr(rows, "_random_model", lambda name: None)
    found = rows.benchmark(BenchmarkSettings(rows=("live",), untrained=OF_PAPERS))
    assert [result.network for result in found] == list(OF_PAPERS)


def test_every_type_is_measured_with_every_batch(tiny, no_torch, capsys, monkeypatch):
    monkeypatch.setattr(training, "_times", lambda *_: {"ours": [0.1]})
    settings = BenchmarkSettings(compute=("float32", "bfloat16"), batches=(8, 64))
    training.train_batches_row(settings, tiny)
    named = re.findall(r"training, (\w+), batch (\d+)", capsys.readouterr().out)
    assert named == [("float32", "8"), ("float32", "64"), ("bfloat16", "8"), ("bfloat16", "64")]


def test_a_batch_that_does_not_fit_is_said_and_passed_over(tiny, no_torch, capsys, monkeypatch):
    def times(settings, network, step, device):
        if step.batch == 64:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while ...")
        return {"ours": [0.1]}

    monkeypatch.setattr(training, "_times", times)
    training.train_batches_row(dataclasses.replace(SETTINGS, batches=(64, 2)), tiny)
    out = capsys.readouterr().out
    assert "batch 64, search 159: does not fit into the device's memory" in out
    assert "20.0 pairs/s" in out


def test_synthetic_shards_have_the_sides_of_real_ones(shards):
    dataset = open_pairs(shards, "train")
    assert (dataset.exemplar_room, dataset.search_room) == (143, 287)
    assert dataset.records == 12


def test_rows_of_tracking_and_of_training_are_told_apart():
    assert set(TRACKING_ROWS + TRAINING_ROWS) == set(rows.ROWS)
    assert split_rows(["train", "live", "input"]) == (["live"], ["train", "input"])


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--rows=live,speed", "--rows: no row 'speed'"),
        ("--batches=8,many", "--batches: 'many' is not a whole number"),
        ("--compute=float16", "--compute: 'float16' is none of float32, tf32, bfloat16"),
        ("--untrained=vgg", "--untrained: 'vgg' is none of siamfc, siamfc-v1"),
    ],
)
def test_a_wrong_flag_is_one_line(flag, message):
    command = [sys.executable, "-m", "experiments.benchmark", "--rows=train", flag]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1
