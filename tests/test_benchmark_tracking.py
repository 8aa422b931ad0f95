"""The rows of `experiments.benchmark` about tracking, and what they count."""

import dataclasses
import re

import jax
import numpy as np
import pytest

from experiments.speed import baseline, tracking
from experiments.speed.nominal import TrackingWork, conv_shapes, tracking_work
from experiments.speed.precision import TYPES, in_each
from experiments.speed.roofline import Peaks
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.timing import report
from experiments.speed.tracking_parts import parts_row, step_parts
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.network import NETWORKS
from siamfc_jax.models.siamrpn import SIAMRPN_TINY
from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.online import Model, compiled_tracker
from siamfc_jax.tracking.siamrpn_config import SIAMRPN_PAPER
from siamfc_jax.tracking.trackers import fast_tracking
from tests.tracking_worlds import NETWORK, matching_params

SETTINGS = BenchmarkSettings(
    seconds=0.1, width=160, height=120, targets=2, videos=2, compute=("float32", "bfloat16")
)


@pytest.fixture
def model():
    return Model(matching_params(), NETWORK, SIAMFC_3S_PAPER)


@pytest.fixture
def no_torch(monkeypatch):
    monkeypatch.setattr(baseline, "torch_device", lambda: None)


@pytest.fixture(autouse=True)
def peaks(monkeypatch):
    monkeypatch.setattr(tracking, "measure_peaks", lambda *_: Peaks(1e12, 1e11))


@pytest.mark.parametrize(
    ("row", "title", "unit"),
    [
        (tracking.live_row, "live step, 160x120 uint8 in, box out", "frames/s"),
        (tracking.clip_row, "scanned clip, 16 frames on the device", "frames/s"),
        (tracking.batched_row, "2 targets of one video as one batch", "target-frames/s"),
        (tracking.sequences_row, "2 videos as one batch", "frames/s"),
    ],
)
def test_every_row_is_measured_in_every_type(row, title, unit, model, no_torch, capsys):
    in_float32, in_bfloat16 = row(SETTINGS, model)
    assert (in_float32.row, in_bfloat16.row) == (title, f"{title}, bfloat16")
    assert {in_float32.unit, in_bfloat16.unit} == {unit}
    assert min(in_float32.ours, in_bfloat16.ours) > 0
    assert not re.search(r"\b(nan|inf)\b", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("network", "config"),
    [
        (NETWORK, SIAMFC_3S_PAPER),
        (NETWORK, fast_tracking(SIAMFC_3S_PAPER)),
        (SIAMRPN_TINY, SIAMRPN_PAPER),
    ],
)
def test_the_parts_of_a_step_are_those_that_make_its_prediction(network, config):
    model = Model(fold_batch_norm(network.init(jax.random.key(0))), network, config)
    noise = np.random.default_rng(0).integers(0, 256, (2, 120, 160, 3), np.uint8)
    first, second = jax.device_put([on_canvas([image]) for image in noise])
    boxes, stream = np.float32([[60, 40, 30, 30], [20, 30, 40, 40]]), np.zeros(2, np.int32)
    state, _ = compiled_tracker(network, config).init(model.prepared(), first, boxes, stream)
    parts = {name: part() for name, part in step_parts(model, state, second).items()}
    _, prediction = parts["whole step"]
    if network is NETWORK:
        scale, peak, _ = parts["choice of the box"]
        np.testing.assert_array_equal(scale, prediction.scale_index)
        score = jax.nn.sigmoid(peak)
    else:
        ranked = parts["choice of the box"]
        best = np.asarray(ranked.rank).argmax(-1)
        score = np.asarray(ranked.score)[[0, 1], best]
    np.testing.assert_allclose(score, prediction.score, atol=1e-5)


def test_the_parts_are_timed_for_one_target_and_for_many(model, capsys):
    assert parts_row(SETTINGS, model) == []
    printed = capsys.readouterr().out
    assert re.findall(r"parts of a step of (.*)", printed) == [
        "1 targets, float32",
        "2 targets, float32",
        "1 targets, bfloat16",
        "2 targets, bfloat16",
    ]
    assert len(re.findall(r"^  choice of the box +[\d.]+ ms +[\d.]+%$", printed, re.M)) == 4


def test_boxes_of_another_type_are_compared_with_those_of_float32(model, no_torch, capsys):
    tracking.batched_row(SETTINGS, model)
    (apart,) = re.findall(r"boxes at most (\S+) pixels from float32's", capsys.readouterr().out)
    assert 0 < float(apart) < 30


def test_products_are_made_as_the_type_says_where_there_is_a_choice(monkeypatch):
    def precisions():
        return [jax.config.jax_default_matmul_precision for _ in in_each(TYPES)]

    assert precisions() == [None] * 3
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert precisions() == ["highest", "tensorfloat32", "default"]
    assert jax.config.jax_default_matmul_precision is None


def test_ours_is_compared_with_the_faster_way_of_pytorch(capsys):
    times = {"ours": [0.1], "PyTorch": [0.4], "PyTorch, compiled": [0.2]}
    result = report("row", times, 1, "frames/s")
    assert result.baseline == 5.0
    assert "ours / PyTorch, compiled: 0.50 of its time" in capsys.readouterr().out


def random_model(name, settings):
    network = NETWORKS[name]
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    return Model(
        jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes), network, settings
    )


def test_a_step_of_siamfc_embeds_a_pyramid_for_every_target():
    model = random_model("siamfc", SIAMFC_3S_PAPER)
    embedding = sum(shape.flops for shape in conv_shapes(model.network.backbone, 255))
    correlation = 2 * 17 * 17 * 6 * 6 * 256
    assert tracking_work(model, 4).flops == 4 * 3 * (embedding + correlation)


def test_a_fast_step_of_siamfc_embeds_one_image_and_reads_an_exemplar_of_every_scale():
    model = random_model("siamfc", SIAMFC_3S_PAPER)
    fast = model._replace(tracking=fast_tracking(SIAMFC_3S_PAPER))
    embedding = sum(shape.flops for shape in conv_shapes(model.network.backbone, 255))
    correlation = 2 * 17 * 17 * 6 * 6 * 256
    assert tracking_work(fast, 4).flops == 4 * (embedding + 3 * correlation)
    more_is_read = tracking_work(fast, 4).bytes - tracking_work(model, 4).bytes
    assert more_is_read == 4 * 2 * 4 * 6 * 6 * 256


def test_the_fast_way_is_timed_beside_the_usual_one(model, no_torch, capsys):
    results = tracking.fast_row(SETTINGS, model)
    title = "live step, one search image (--fast) beside one of each scale"
    assert [result.row for result in results] == [title, f"{title}, bfloat16"]
    assert len(re.findall(r"^  ours, each scale +[\d.]+ ms", capsys.readouterr().out, re.M)) == 2
    fast = model._replace(tracking=fast_tracking(model.tracking))
    assert tracking.fast_row(SETTINGS, fast) == []
    assert baseline.torch_trackers(fast, None, None) == {}
    of_rpn = model._replace(network=SIAMRPN_TINY, tracking=SIAMRPN_PAPER)
    assert tracking.fast_row(SETTINGS, of_rpn) == []


def test_a_step_of_siamrpn_embeds_one_image_and_never_the_exemplar():
    model = random_model("siamrpn", SIAMRPN_PAPER)
    embedding = sum(shape.flops for shape in conv_shapes(model.network.backbone, 255))
    branches = 2 * (2 * 20 * 20 * 9 * 256 * 256)
    adjust = 2 * 17 * 17 * 20 * 20
    correlation = 2 * 17 * 17 * 4 * 4 * 256 * (10 + 20)
    assert tracking_work(model, 1).flops == embedding + branches + adjust + correlation


def size_of(params, in_head):
    chosen = [layer for name, layer in params.items() if name.startswith("head") == in_head]
    return sum(leaf.size for leaf in jax.tree.leaves(chosen))


@pytest.mark.parametrize(("compute", "size"), [("float32", 4), ("bfloat16", 2)])
def test_the_embeddings_parameters_are_read_in_their_type(compute, size):
    model = random_model("tiny", SIAMFC_3S_PAPER)._replace(compute=compute)
    exemplars = 9 * 6 * 6 * 8
    embedding, bias = size_of(model.params, in_head=False), 1
    assert tracking_work(model, 9).bytes == size * embedding + 4 * (bias + exemplars)


@pytest.mark.parametrize(("compute", "size"), [("float32", 4), ("bfloat16", 2)])
def test_of_the_exemplars_branches_only_their_result_is_read(compute, size):
    model = random_model("siamrpn", SIAMRPN_PAPER)._replace(compute=compute)
    of_template = (9 * 256 * 256 + 256) * (10 + 20)
    kernels = 4 * 4 * 256 * (10 + 20)
    numbers = size_of(model.params, in_head=True) - of_template + kernels
    expected = size * size_of(model.params, in_head=False) + 4 * numbers
    assert tracking_work(model, 1).bytes == pytest.approx(expected, rel=0.02)


def test_the_floor_is_the_later_of_arithmetic_and_bytes(model, monkeypatch, capsys):
    monkeypatch.setattr(tracking, "tracking_work", lambda *_: TrackingWork(10**10, 10**6))
    image = np.zeros((100, 100, 3), np.uint8)
    tracking._print_floor(model, Peaks(1e12, 1e11), 1, image, seconds=0.02)
    assert "10.00 GFLOP in 10.00 ms, 1.0 MB in 0.01 ms" in (out := capsys.readouterr().out)
    assert "the step takes 2.00 times as long" in out


def test_pytorch_is_started_on_the_same_boxes_with_and_without_its_compiler(model, monkeypatch):
    torch = pytest.importorskip("torch", reason="the baseline needs PyTorch")

    def without_compiler(module, **_):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", without_compiler)
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    boxes = np.asarray([[60.0, 50, 24, 24], [30, 40, 20, 30]])
    tracking_as = dataclasses.replace(SIAMFC_3S_PAPER, scale_lerp=0.0)
    trackers = baseline.torch_trackers(model._replace(tracking=tracking_as), image, boxes)
    assert list(trackers) == ["PyTorch"]
    assert trackers["PyTorch"].update(image).shape == (2, 4)
