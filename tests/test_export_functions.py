"""Exported trackers give our boxes: over a real clip, without this package, for all networks."""

import errno
import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from media_samples import write_exact_video
from PIL import Image
from tracking_worlds import scene

from siamfc_jax.durable import StorageError
from siamfc_jax.export.artefacts import Function, Source, read_source, write_artefacts
from siamfc_jax.export.onnx_files import write_onnx
from siamfc_jax.export.onnx_program import onnx_model
from siamfc_jax.export.stablehlo import write_stablehlo
from siamfc_jax.media.demo import demo_clip
from siamfc_jax.media.reading import open_frames
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.resnet import ResNetConfig
from siamfc_jax.models.rpn_heads import DepthwiseHead, UpChannelHead
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking.confidence import Confidence
from siamfc_jax.tracking.online import Model, MultiTracker
from siamfc_jax.tracking.trackers import PRESETS, fast_tracking

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

EXAMPLES = Path(__file__).parents[1] / "experiments" / "examples"
WRITERS = {"stablehlo": write_stablehlo, "onnx": write_onnx}
N_FRAMES = 8
LOOPS = {**PRESETS, "siamfc-paper-fast": fast_tracking(PRESETS["siamfc-paper"])}

PLAIN, GROUPED = (8, 8, 8, 8, 8), (1, 2, 1, 2, 2)
SMALL = AlexNetConfig((8, 16, 16, 16, 16), GROUPED)
UNGROUPED = AlexNetConfig(PLAIN, (1,) * 5, norm_last=True)
WORLDS = {
    "siamfc, direct pyramid": (SiamFCNetwork(SMALL, gain=1e-2), "siamfc-paper"),
    "siamfc, pyramid of exemplars": (SiamFCNetwork(SMALL, gain=1e-2), "siamfc-paper-fast"),
    "siamfc-ciresnet": (
        SiamFCNetwork(ResNetConfig(8, (4, 4), (1, 2), "cropped"), gain=1e-3),
        "siamfc-ciresnet22-release",
    ),
    "siamrpn, selection": (
        SiamRPNNetwork(UNGROUPED, UpChannelHead(8, gain=1 / 64)),
        "siamrpn-paper",
    ),
    "siamrpn-depthwise": (SiamRPNNetwork(UNGROUPED, DepthwiseHead(8)), "siamrpn-release"),
}


class RunStableHLO:
    def __init__(self, folder: Path) -> None:
        files = json.loads((folder / "stablehlo.json").read_text())["functions"]
        self.init, self.step = (
            jax.jit(export.deserialize(bytearray((folder / files[n]["file"]).read_bytes())).call)
            for n in ("init", "step")
        )

    def track(self, frames, boxes) -> Iterator[dict]:
        state, prediction = self.init(frames[0], boxes)
        yield prediction
        for frame in frames[1:]:
            state, prediction = self.step(state, frame)
            yield prediction


class RunONNX:
    def __init__(self, folder: Path) -> None:
        self.init, self.step = (
            onnxruntime.InferenceSession(folder / f"{name}.onnx") for name in ("init", "step")
        )

    def track(self, frames, boxes) -> Iterator[dict]:
        names = [output.name for output in self.init.get_outputs()]
        states = [each.name for each in self.step.get_inputs() if each.name != "frame"]
        found = self.init.run(names, {"frame": frames[0], "boxes": boxes})
        for frame in [*frames[1:], None]:
            results = dict(zip(names, found, strict=True))
            yield results
            if frame is not None:
                state = {name: results[f"new_{name}"] for name in states}
                found = self.step.run(names, {"frame": frame, **state})


RUNNERS = {"stablehlo": RunStableHLO, "onnx": RunONNX}


def ours(model, frames, boxes):
    tracker = MultiTracker(model)
    tracker.init(frames[0], boxes)
    yield tracker.initial_prediction
    yield from (tracker.dispatch(frame) for frame in frames[1:])


def expect_ours(model, runner, frames, boxes):
    """The same boxes to a hundredth of a pixel, and the same scores to a thousandth."""
    pairs = zip(ours(model, frames, boxes), runner.track(frames, boxes), strict=True)
    for expected, found in pairs:
        for name, wanted in expected._asdict().items():
            assert np.asarray(found[name]).shape == wanted.shape, name
            assert np.asarray(found[name]).dtype == wanted.dtype, name
        np.testing.assert_allclose(found["box"], expected.box, atol=0.01)
        np.testing.assert_allclose(found["score"], expected.score, atol=1e-3)
        np.testing.assert_allclose(found["confidence"], expected.confidence, atol=1e-3)
        np.testing.assert_array_equal(found["lost"], expected.lost)


@pytest.fixture(scope="module")
def shipped():
    return read_source()


@pytest.fixture(scope="module")
def folder(shipped, tmp_path_factory):
    """Both exports of the shipped model."""
    path = tmp_path_factory.mktemp("exported")
    for write in WRITERS.values():
        write(shipped, path)
    return path


@pytest.fixture(scope="module")
def three_boxes():
    _, box = demo_clip()
    return np.stack([box, box + [-200, 20, 0, 0], box + [30, -30, -20, 30]]).astype(np.float32)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The first frames of a real clip, as a file and as arrays."""
    with open_frames(demo_clip()[0]) as source:
        frames = list(itertools.islice(source, N_FRAMES))
    path = write_exact_video(tmp_path_factory.mktemp("clip") / "clip.mkv", frames)
    with open_frames(path) as source:
        return path, list(source)


@pytest.fixture(scope="module")
def our_rows(shipped, clip, three_boxes):
    """frame, target, x, y, w, h, score of three targets in every frame."""
    return np.asarray(
        [
            (number, target, *prediction.box[target], prediction.score[target])
            for number, prediction in enumerate(ours(shipped.model, clip[1], three_boxes))
            for target in range(3)
        ]
    )


@pytest.mark.parametrize("kind", RUNNERS)
def test_examples_get_our_boxes_in_a_real_clip_without_this_package(
    kind, folder, clip, three_boxes, our_rows
):
    absent = "siamfc_jax", "experiments", *(["jax"] if kind == "onnx" else [])
    code = (
        f"import sys, runpy; sys.modules.update(dict.fromkeys({absent})); "
        "del sys.argv[0]; runpy.run_path(sys.argv[0])"
    )
    texts = [",".join(map(str, box)) for box in three_boxes]
    command = [sys.executable, "-c", code, EXAMPLES / f"run_{kind}.py", folder, clip[0], *texts]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    rows = np.asarray([line.split(",") for line in done.stdout.split()], float)
    np.testing.assert_array_equal(rows[:, :2], our_rows[:, :2])
    np.testing.assert_allclose(rows[:, 2:6], our_rows[:, 2:6], atol=0.01)
    np.testing.assert_allclose(rows[:, 6], our_rows[:, 6], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUNNERS)
def test_a_filmed_sequence_is_followed_as_by_us_to_its_end(kind, folder, shipped, shared_data):
    video = shared_data / "train" / "davis" / "dog"
    frames = [np.asarray(Image.open(file)) for file in sorted(video.glob("*.jpg"))]
    boxes = np.loadtxt(video / "groundtruth.txt", np.float32, delimiter=",", max_rows=1, ndmin=2)
    expect_ours(shipped.model, RUNNERS[kind](folder), frames, boxes)


def random_source(world):
    network, preset = WORLDS[world]
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda key: fold_batch_norm(network.init(key)), jax.random.key(0))
    params = jax.tree.map(lambda a: rng.normal(0, 0.05, a.shape).astype(np.float32), shapes)
    tracking = replace(LOOPS[preset], confidence=Confidence(-1.5, 0.7, 0.3))
    return Source(Model(params, network, tracking), "random.safetensors", "0" * 64)


@pytest.mark.parametrize("world", WORLDS)
def test_every_kind_of_network_and_loop_becomes_onnx(world, tmp_path):
    source = random_source(world)
    write_onnx(source, tmp_path)
    images, boxes = scene()
    expect_ours(source.model, RunONNX(tmp_path), list(images), boxes[:1])


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_other_networks_become_stablehlo(world, tmp_path):
    source = random_source(world)
    write_stablehlo(source, tmp_path)
    images, boxes = scene()
    expect_ours(source.model, RunStableHLO(tmp_path), list(images), boxes[:1])


@pytest.mark.parametrize("name", ["init", "step"])
def test_graphs_are_plain(name, folder):
    graph = onnx.load(folder / f"{name}.onnx").graph
    constants = {initializer.name for initializer in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 5
    assert all(node.input[1] in constants for node in convolutions)
    assert {node.domain for node in graph.node} == {""}
    assert {"Loop", "Scan", "If"}.isdisjoint(node.op_type for node in graph.node)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_manifest_says_what_is_in_the_files(kind, folder):
    manifest = json.loads((folder / f"{kind}.json").read_text())
    for name, function in manifest["functions"].items():
        content = (folder / function["file"]).read_bytes()
        assert function["sha256"] == hashlib.sha256(content).hexdigest()
        assert function["inputs"][0 if kind == "onnx" or name == "init" else -1] == {
            "name": "frame",
            "shape": ["H", "W", 3],
            "dtype": "uint8",
        }
    if kind == "onnx":
        step = onnxruntime.InferenceSession(folder / "step.onnx")
        described = [each["name"] for each in manifest["functions"]["step"]["inputs"]]
        assert described == [each.name for each in step.get_inputs()]


def test_an_interrupted_export_leaves_no_manifest_and_no_half_file(shipped, tmp_path, monkeypatch):
    (tmp_path / "onnx.json").write_text("of an older export")
    functions = {name: Function(b"content", {}, {}) for name in ("init", "step")}
    replace = os.replace

    def full_disk(source, target):
        if target.name == "step.onnx":
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(StorageError, match="step.onnx: cannot be written"):
        write_artefacts(tmp_path, "onnx", functions, shipped, {})
    assert [path.name for path in tmp_path.iterdir()] == ["init.onnx"]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_in_the_place_of_the_folder_is_refused_before_any_work(kind, shipped, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file: is a file; name another folder"):
        WRITERS[kind](shipped, tmp_path / "file")


def test_what_onnx_has_no_counterpart_for_is_refused_by_name():
    argument = {"x": jax.ShapeDtypeStruct((3,), jnp.float32)}
    with pytest.raises(ValueError, match="the tracker uses sort, which the ONNX export"):
        onnx_model(lambda x: (jnp.sort(x),), argument, ["y"], "f", {})
