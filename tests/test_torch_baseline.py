"""The baseline of `experiments.benchmark` computes what we compute, or it would be none."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from siamfc_jax.crops import Frames, crop_squares
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.backbone import split_layers
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.resnet import ResNetConfig
from siamfc_jax.models.rpn_heads import DepthwiseHead, Proposals, UpChannelHead
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.models.xcorr import xcorr
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.online import Model, OnlineTracker
from siamfc_jax.tracking.siamrpn_config import SIAMRPN_RELEASE
from siamfc_jax.training.augment import Pairs
from siamfc_jax.training.labels import response_labels
from siamfc_jax.training.losses import balanced_logistic_loss
from siamfc_jax.training.objective import AXIS
from siamfc_jax.training.settings import PRESETS
from siamfc_jax.training.siamrpn_losses import classification_loss, regression_loss
from siamfc_jax.training.siamrpn_objective import SiamRPNObjective
from siamfc_jax.training.step import make_optimiser, state_from_layers
from tests.tracking_worlds import scene

torch = pytest.importorskip("torch", reason="the baseline needs PyTorch")

from experiments.torch_baseline.backbones import embedding  # noqa: E402
from experiments.torch_baseline.crops import crop, mean_colour, to_frame  # noqa: E402
from experiments.torch_baseline.heads import Maps, rpn_head  # noqa: E402
from experiments.torch_baseline.layers import Execution, to_device  # noqa: E402
from experiments.torch_baseline.objectives import (  # noqa: E402
    SiamFCLoss,
    SiamRPNLoss,
    fixed_targets,
)
from experiments.torch_baseline.siamfc import TorchSiamFC  # noqa: E402
from experiments.torch_baseline.siamrpn import TorchSiamRPN  # noqa: E402
from experiments.torch_baseline.training import torch_optimiser, torch_train_step  # noqa: E402

UNGROUPED = AlexNetConfig((8, 16, 16, 16, 16), (1, 1, 1, 1, 1), norm_last=True)
BACKBONES = {
    "alexnet": AlexNetConfig((8, 16, 16, 16, 8), norm_last=True),
    "resnet": ResNetConfig(8, (8, 8), (1, 2)),
    "ciresnet": ResNetConfig(8, (8, 8), (1, 2), "cropped"),
}
HEADS = {"up-channel": UpChannelHead(8), "depthwise": DepthwiseHead(8)}
CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """More would wait for each other where tests share the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def layers_of(network, seed=0):
    """In training form, with batch norms that do something."""
    random = np.random.default_rng(seed)
    layers = jax.eval_shape(network.init, jax.random.key(0))

    def drawn(name, key, shape):
        if key == "kernel":
            return random.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape)
        if key in ("scale", "var"):
            return random.uniform(0.5, 1.5, shape) * (300 if (name, key) == ("bn1", "var") else 1)
        return random.uniform(-0.3, 0.3, shape)

    return {
        name: {
            key: np.asarray(drawn(name, key, leaf.shape), np.float32) for key, leaf in own.items()
        }
        for name, own in layers.items()
    }


def pictures(count, side, seed=0):
    """float32 [count, side, side, 3]."""
    random = np.random.default_rng(seed)
    return random.uniform(0, 255, (count, side, side, 3)).astype(np.float32)


def to_torch(images):
    tensor = torch.from_numpy(images.transpose(0, 3, 1, 2))
    return tensor.contiguous(memory_format=torch.channels_last)


def close(theirs, ours, tolerance=1e-3):
    """To `tolerance` of the root mean square. `theirs` has its channels in front."""
    theirs, ours = np.moveaxis(theirs.detach().numpy(), 1, -1), np.asarray(ours)
    assert theirs.shape == ours.shape
    return np.abs(theirs - ours).max() < tolerance * np.sqrt((ours**2).mean())


@pytest.mark.parametrize("name", ["resnet", "ciresnet"])
def test_folded_embeddings_are_ours(name):
    backbone = BACKBONES[name]
    network = SiamFCNetwork(backbone)
    params = fold_batch_norm(layers_of(network))
    images = pictures(2, 143)
    module = to_device(embedding(backbone, params), CPU).eval()
    with torch.inference_mode():
        theirs = module(to_torch(images))
    assert close(theirs, jax.jit(network.embed)(params, images))


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_trained_embeddings_are_ours(backbone):
    layers = layers_of(SiamFCNetwork(backbone))
    params, averages = split_layers({n: v for n, v in layers.items() if n != "head"})
    images = pictures(2, 127)
    variables = {"params": params, "batch_stats": averages}
    module = backbone.module()
    ours, _ = jax.jit(
        lambda: module.apply(variables, images, train=True, mutable=["batch_stats"])
    )()
    theirs = to_device(embedding(backbone, layers), CPU).train()(to_torch(images))
    assert close(theirs, ours)


def test_the_depthwise_head_proposes_what_ours_does():
    head = HEADS["depthwise"]
    network = SiamRPNNetwork(UNGROUPED, head)
    params = fold_batch_norm(layers_of(network))
    template, search = (
        np.random.default_rng(side).normal(size=(3, side, side, 16)).astype(np.float32)
        for side in (6, 14)
    )
    module = to_device(rpn_head(head, params), CPU).eval()
    with torch.inference_mode():
        theirs = module.respond(module.template(to_torch(template)), to_torch(search))
    ours = network.respond(params, network.template(params, template), search)
    assert close_proposals(theirs, ours)


SAME_LOOP = dataclasses.replace(
    SIAMFC_3S_PAPER,
    penalty_base="raw",
    displacement_scale="previous",
    round_crops=True,
    size_follows_limits=False,
)


def test_siamfc_follows_the_same_boxes():
    network = SiamFCNetwork(BACKBONES["alexnet"], gain=1.0)
    model = Model(fold_batch_norm(layers_of(network)), network, SAME_LOOP)
    expect_same_boxes(model, TorchSiamFC(model, Execution(CPU)))


def test_siamrpn_follows_the_same_boxes():
    network = SiamRPNNetwork(UNGROUPED, HEADS["up-channel"])
    layers = layers_of(network)
    # The target then wanders about and changes its shape.
    for branch, factor in (("cls", 3e-4), ("loc", 3e-5)):
        layer = layers[f"head_conv_{branch}_template"]
        layers[f"head_conv_{branch}_template"] = jax.tree.map(lambda a, f=factor: a * f, layer)
    model = Model(fold_batch_norm(layers), network, SIAMRPN_RELEASE)
    expect_same_boxes(model, TorchSiamRPN(model, Execution(CPU)))


def expect_same_boxes(model, baseline):
    frames, boxes = scene(n_frames=8)
    ours = OnlineTracker(model)
    ours.init(frames[0], boxes[0])
    given = boxes[:1].astype(float)
    baseline.init(frames[0], given)
    theirs = [baseline.update(frame)[0] for frame in frames[1:]]
    np.testing.assert_array_equal(given, boxes[:1])
    np.testing.assert_allclose(theirs, [ours.update(frame) for frame in frames[1:]], atol=0.02)
    assert np.ptp(theirs, axis=0)[:2].min() > 1
    expect_targets_of_a_batch_to_be_independent(baseline, frames, boxes)


def expect_targets_of_a_batch_to_be_independent(baseline, frames, boxes):
    """The first of three targets goes where it goes alone."""
    baseline.init(frames[0], boxes[:1])
    alone = [baseline.update(frame)[0] for frame in frames[1:]]
    baseline.init(frames[0], np.stack([boxes[0], boxes[0] + [5, -9, 4, 2], boxes[0] + 7]))
    together = [baseline.update(frame) for frame in frames[1:]]
    np.testing.assert_allclose([boxes[0] for boxes in together], alone, atol=0.02)
    assert np.ptp(together[-1], axis=0).min() > 1


@pytest.mark.parametrize("position", [(2.0, 3.0), (-40.0, -30.0), (150.0, 100.0)])
def test_a_crop_reaches_beyond_the_frame(position):
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    frame = to_frame(image, CPU)
    pad = mean_colour(frame)
    cropped = crop(frame, np.asarray(position), 60, pad, 30)
    frames, colour = Frames(image[None], np.asarray([[160, 120]])), np.asarray(pad).reshape(1, 3)
    corner, side = np.asarray(position, np.float32)[None, None], np.full((1, 1), 60.0)
    ours = crop_squares(frames, np.zeros(1, int), corner, side, colour, 30)[:, 0]
    assert close(cropped, ours)


# In training.

SIAMFC_SETTINGS = dataclasses.replace(PRESETS["v2-release"], batch=3, search_size=159)
RPN_SETTINGS = {
    name: dataclasses.replace(
        PRESETS[name], batch=3, search_size=191, warm_up=0, frozen=(), unfreeze=()
    )
    for name in ("siamrpn-release", "siamrpn-paper")
}


def test_siamfc_correlates_each_pair_by_itself():
    network = SiamFCNetwork(BACKBONES["alexnet"], gain=0.5)
    module = SiamFCLoss(network, layers_of(network), SIAMFC_SETTINGS)
    exemplar, search = (to_torch(pictures(3, side, seed=side)) for side in (127, 159))
    response = module(exemplar, search)
    template, features = (
        module.backbone(images).detach().permute(0, 2, 3, 1).numpy()
        for images in (exemplar, search)
    )
    ours = 0.5 * xcorr(template, features) + float(module.bias.detach())
    assert close(response[:, None], np.asarray(ours)[..., None])


def test_siamfcs_loss_is_ours():
    network = SiamFCNetwork(BACKBONES["alexnet"])
    module = SiamFCLoss(network, layers_of(network), SIAMFC_SETTINGS)
    response = np.random.default_rng(0).normal(size=(3, 5, 5)).astype(np.float32)
    labels = response_labels(5, jnp.zeros((3, 2)), radius=SIAMFC_SETTINGS.radius)
    ours = balanced_logistic_loss(response, labels).mean()
    assert float(module.loss(torch.from_numpy(response))) == pytest.approx(float(ours), rel=1e-5)


@pytest.mark.slow
def test_siamrpn_embeds_exemplars_by_the_statistics_of_search_images():
    network, settings = (
        SiamRPNNetwork(UNGROUPED, HEADS["depthwise"]),
        RPN_SETTINGS["siamrpn-release"],
    )
    layers = layers_of(network)
    exemplar, search = (pictures(3, side, seed=side) for side in (127, 191))
    maps = SiamRPNLoss(network, layers, settings).train()(to_torch(exemplar), to_torch(search))
    ours = trained_proposals(network, settings, layers, exemplar, search)
    # PyTorch keeps the variance of n numbers times n / (n - 1).
    assert close_proposals(maps, ours, tolerance=0.01)


def trained_proposals(network, settings, layers, exemplar, search):
    state = state_from_layers(layers, settings)
    pairs = Pairs(exemplar, search, None, None)

    @jax.jit
    def propose(params):
        objective = SiamRPNObjective(network, settings)
        return objective._propose(params, state.averages, pairs, train=True)[0]

    return propose(state.params)


def close_proposals(maps, proposals, tolerance=1e-3):
    return all(
        close(theirs, np.asarray(ours).reshape(*ours.shape[:3], -1), tolerance)
        for theirs, ours in zip(maps, proposals, strict=True)
    )


@pytest.mark.parametrize("preset", RPN_SETTINGS)
def test_siamrpns_loss_is_ours(preset):
    network, settings = SiamRPNNetwork(UNGROUPED, HEADS["depthwise"]), RPN_SETTINGS[preset]
    module = SiamRPNLoss(network, layers_of(network), settings)
    targets = fixed_targets(network, settings, 9)
    assert targets.positive.any((1, 2, 3)).all() and targets.negative.any((1, 2, 3)).all()
    random = np.random.default_rng(0)
    logits, offsets = (
        random.normal(size=(3, 9, 9, 5, values)).astype(np.float32) for values in (2, 4)
    )

    def loss(proposals):
        regression = regression_loss(proposals, targets, settings.rpn)
        classification = classification_loss(proposals, targets, settings.rpn)
        return classification + settings.rpn.regression_weight * regression

    proposals = Proposals(logits[None], offsets[None])
    (ours,) = jax.vmap(loss, axis_name=AXIS)(proposals)
    maps = (torch.from_numpy(leaf).flatten(3).permute(0, 3, 1, 2) for leaf in (logits, offsets))
    assert float(module.loss(Maps(*maps))) == pytest.approx(float(ours), rel=1e-4)


def test_sgd_is_ours():
    settings = dataclasses.replace(PRESETS["v2-release"], weight_decay=0.1)
    random = np.random.default_rng(0)
    values = {"kernel": random.normal(size=(3, 2, 1, 1)), "bias": random.normal(size=3)}
    params = {name: jnp.asarray(value, jnp.float32) for name, value in values.items()}
    module = torch.nn.Conv2d(2, 3, 1)
    module.load_state_dict(
        {"weight": torch.from_numpy(values["kernel"]), "bias": torch.from_numpy(values["bias"])}
    )
    theirs, ours = torch_optimiser(module, settings), make_optimiser(settings)
    state, update = ours.init(params), jax.jit(ours.update)
    for _ in range(3):
        updates, state = update(jax.tree.map(jnp.cos, params), state, params)
        params = optax.apply_updates(params, updates)
        module.weight.grad, module.bias.grad = module.weight.cos(), module.bias.cos()
        theirs.step()
    np.testing.assert_allclose(module.weight.detach(), params["kernel"], rtol=1e-5)
    np.testing.assert_allclose(module.bias.detach(), params["bias"], rtol=1e-5)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_steps_learn_their_images(head):
    network, settings = SiamRPNNetwork(UNGROUPED, head), RPN_SETTINGS["siamrpn-release"]
    torch.manual_seed(0)
    step = torch_train_step(network, layers_of(network), settings, CPU)
    losses = [float(step()) for _ in range(8)]
    assert losses[-1] < losses[0]
