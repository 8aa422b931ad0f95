"""Published SiamRPN weights through PyTorch networks of their shape: same features, same proposals,
same boxes. No published file is at hand, so the weights are random."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from data_prep.import_weights import weight_file_config
from data_prep.weights.reading import import_file
from siamfc_jax.loading import load_model
from siamfc_jax.models.network import network_of_config
from siamfc_jax.tracking.online import MultiTracker
from siamfc_jax.tracking.siamrpn_config import SiamRPNTracking
from siamfc_jax.weights import WeightsError, save_weights

torch = pytest.importorskip("torch")
siamrpn_torch = pytest.importorskip("siamrpn_torch")

UP, DEPTHWISE = siamrpn_torch.UpChannel, siamrpn_torch.Depthwise
LAYERS = ("template_cls", "search_cls", "template_loc", "search_loc", "adjust")


def named(backbone, layers, prefix=""):
    """Names in an up-channel layout."""
    theirs = (prefix + layer for layer in layers.split())
    return {"backbone": backbone, **dict(zip(LAYERS, theirs, strict=True))}


PYSOT = "template_cls_conv search_cls_conv template_loc_conv search_loc_conv loc_adjust"
LAYOUTS = {
    "dasiamrpn": (
        UP,
        named("featureExtract", "conv_cls1 conv_cls2 conv_r1 conv_r2 regress_adjust"),
    ),
    "siamrpn-pytorch": (
        UP,
        named("feature", "conv_cls_z conv_cls_x conv_reg_z conv_reg_x adjust_reg"),
    ),
    "pysot": (UP, named("module.backbone.features", PYSOT, "module.rpn_head.")),
    "pysot-depthwise": (DEPTHWISE, {"backbone": "backbone.features", "head": "rpn_head"}),
}
BGR = {"dasiamrpn", "pysot", "pysot-depthwise"}


def state_dict(network, names):
    """The network's arrays under the names of a public implementation."""
    renamed = {}
    for name, tensor in network.state_dict().items():
        first, _, rest = name.partition(".")
        if first == "head" and "head" not in names:
            first, _, rest = rest.partition(".")
        renamed[f"{names[first]}.{rest}"] = tensor
    return renamed


@pytest.fixture(scope="module", params=LAYOUTS)
def published(request, tmp_path_factory):
    """(name of the layout, PyTorch network, our weight file)."""
    head, names = LAYOUTS[request.param]
    network = siamrpn_torch.Network(head).settle()
    folder = tmp_path_factory.mktemp(request.param)
    torch.save({"state_dict": state_dict(network, names)}, folder / "net.pth")
    imported = import_file(folder / "net.pth")
    file = folder / "net.safetensors"
    save_weights(file, imported.params, weight_file_config(imported.config))
    return request.param, network, file


def as_fed(name, image):
    """What the public implementation makes of an RGB image."""
    return image[..., ::-1] if name in BGR else image


def as_tensor(image):
    return torch.from_numpy(np.float32(image).transpose(2, 0, 1)[None].copy())


@partial(jax.jit, static_argnums=0)
def run(network, params, image):
    features = network.embed(params, image)
    template = network.template(params, features[:, :6, :6])
    return features, network.respond(params, template, features)


def test_features_and_proposals_are_the_same(published):
    name, network, file = published
    image = np.random.default_rng(0).integers(0, 256, (167, 167, 3))
    with torch.inference_mode():
        features = network.backbone(as_tensor(as_fed(name, image)))
        cls, loc = network.head(network.head.template(features[..., :6, :6]), features)

    model = load_model(file)
    our_features, proposals = run(model.network, model.params, np.float32(image)[None])
    np.testing.assert_allclose(our_features, features.permute(0, 2, 3, 1), atol=2e-4)
    logits = cls.numpy().reshape(2, 5, 6, 6).transpose(2, 3, 1, 0)
    offsets = loc.numpy().reshape(4, 5, 6, 6).transpose(2, 3, 1, 0)
    np.testing.assert_allclose(proposals.logits[0], logits, atol=1e-3)
    np.testing.assert_allclose(proposals.offsets[0], offsets, atol=1e-3)


def moving_view(n_frames):
    """Windows [n, 120, 160, 3] that drift over a large smooth picture."""
    coarse = np.random.default_rng(5).integers(0, 256, (12, 16, 3), np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC))
    return [picture[3 * t : 3 * t + 120, 5 * t : 5 * t + 160] for t in range(n_frames)]


@pytest.mark.parametrize(
    ("published", "search_size"),
    [("dasiamrpn", 271), ("pysot-depthwise", 255)],
    indirect=["published"],
)
def test_the_released_loop_gives_the_same_boxes(published, search_size):
    name, network, file = published
    frames, box = moving_view(7), np.float32([100, 80, 40, 30])
    released = siamrpn_torch.ReleasedTracker(network, search_size)
    released.init(as_fed(name, frames[0]), box)
    tracker = MultiTracker(load_model(file, SiamRPNTracking(search_size=search_size)))
    tracker.init(frames[0], box[None])
    boxes = []
    for frame in frames[1:]:
        expected, scores = released.update(as_fed(name, frame))
        prediction = tracker.dispatch(frame)
        np.testing.assert_allclose(prediction.box[0], expected, atol=0.01)
        np.testing.assert_allclose(prediction.response[0], scores.max(0), atol=1e-3)
        boxes.append(expected)
    assert np.ptp(boxes, axis=0).min() > 0.5


def random_arrays(layout):
    head, names = LAYOUTS[layout]
    return state_dict(siamrpn_torch.Network(head), names)


@pytest.fixture
def arrays():
    return random_arrays("pysot")


def imported(arrays, folder, **options):
    torch.save(arrays, folder / "net.pth")
    return import_file(folder / "net.pth", **options)


def test_what_was_read_and_assumed_is_noted(arrays, tmp_path):
    arrays["module.mask_head.conv.weight"] = torch.zeros(4, 4, 1, 1)
    notes = " ".join(imported(arrays, tmp_path).notes)
    for part in ("PySOT, up-channel", "5 anchors", "BGR is what", "mask_head.conv", "Strides"):
        assert part in notes


def test_the_colour_order_can_be_given(arrays, tmp_path):
    bgr, rgb = imported(arrays, tmp_path), imported(arrays, tmp_path, color_order="rgb")
    flipped = bgr.params["conv1"]["kernel"][:, :, ::-1]
    np.testing.assert_array_equal(rgb.params["conv1"]["kernel"], flipped)


@pytest.mark.parametrize("layout", ["pysot", "pysot-depthwise"])
def test_the_imported_layers_are_what_training_starts_from(layout, tmp_path):
    found = imported(random_arrays(layout), tmp_path)
    network = network_of_config(found.config)
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    assert jax.tree.map(np.shape, found.params) == jax.tree.map(np.shape, shapes)


HEAD = "module.rpn_head."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"search_loc_conv.weight": (8, 11, 3, 3)}, "search_loc_conv: has arrays"),
        ({"template_cls_conv.bias": (3,)}, "template_cls_conv: has arrays"),
        ({"loc_adjust.weight": (16, 16, 1, 1)}, "gives 16 offsets a cell; only 3, 5 and 7"),
    ],
)
def test_heads_whose_layers_do_not_fit_are_refused(arrays, tmp_path, change, message):
    arrays |= {HEAD + name: torch.zeros(shape) for name, shape in change.items()}
    with pytest.raises(WeightsError, match=rf"net\.pth.*{message}"):
        imported(arrays, tmp_path)


def test_embeddings_other_than_alexnets_are_refused(arrays, tmp_path):
    first = "module.backbone.features.0.weight"
    with pytest.raises(WeightsError, match=r"net\.pth.*found 7x7"):
        imported({**arrays, first: torch.zeros(8, 3, 7, 7)}, tmp_path)
    shorter = {n: a for n, a in arrays.items() if not n.startswith("module.backbone.features.1")}
    with pytest.raises(WeightsError, match=r"net\.pth.*which have 5"):
        imported(shorter, tmp_path)


def test_batch_norms_of_another_width_are_refused(tmp_path):
    arrays = random_arrays("pysot-depthwise")
    arrays["rpn_head.cls.conv_search.1.running_mean"] = torch.zeros(3)
    with pytest.raises(WeightsError, match=r"cls.conv_search.1: is not a batch norm of 8"):
        imported(arrays, tmp_path)


@pytest.mark.parametrize("layout", ["dasiamrpn", "pysot-depthwise"])
@pytest.mark.parametrize("damage", [None, torch.zeros(()), torch.zeros(1, 2)])
def test_whichever_array_is_missing_or_of_another_shape_no_other_error_comes(
    layout, damage, tmp_path
):
    whole = random_arrays(layout)
    for name in whole:
        arrays = {other: array for other, array in whole.items() if other != name}
        if damage is not None:
            arrays[name] = damage
        try:
            imported(arrays, tmp_path)
        except WeightsError as error:
            assert "net.pth" in str(error) and "\n" not in str(error)


def test_command_writes_a_tracker_and_refuses_a_bias(arrays, tmp_path):
    torch.save(arrays, tmp_path / "net.pth")
    out = tmp_path / "net.safetensors"
    command = [sys.executable, "-m", "data_prep.import_weights", str(tmp_path / "net.pth")]

    def run(*flags):
        folder = Path(__file__).parents[1]
        return subprocess.run([*command, *flags], capture_output=True, text=True, cwd=folder)

    refused = run(f"--out={out}", "--head_bias=1")
    assert refused.returncode == 2 and "drop --head_bias" in refused.stderr and not out.exists()
    done = run(f"--out={out}")
    assert done.returncode == 0, done.stderr
    assert "head_conv_loc_adjust/kernel" in done.stdout
    assert load_model(out).network.anchors.count == 5
