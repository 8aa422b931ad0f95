"""Imported ResNets against PyTorch networks of the same shape, written down here."""

import functools

import jax
import numpy as np
import pytest

from data_prep.import_weights import weight_file_config
from data_prep.weights.imported import table
from data_prep.weights.reading import import_file
from data_prep.weights.resnet50 import IMAGENET_MEAN, IMAGENET_STD
from siamfc_jax.models.backbone import split_layers
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.resnet import ResNetConfig
from siamfc_jax.weights import WeightsError, load_weights, save_weights

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

STEM, WIDTHS, BLOCKS = 4, (4, 6), (3, 4)


class Bottleneck(nn.Module):
    """As torchvision names its parts."""

    def __init__(self, channels, width, shortcut):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, bias=False), nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        if shortcut:
            conv = nn.Conv2d(channels, 4 * width, 1, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(4 * width))

    def forward(self, x, *, stride=1, padding, relu):
        """`padding` 1: the shortcut is as large; 0: its margin is cropped to match."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(F.conv2d(y, self.conv2.weight, stride=stride, padding=padding)))
        y = self.bn3(self.conv3(y))
        shortcut = x if padding else x[:, :, 1:-1, 1:-1]
        shortcut = shortcut[:, :, ::stride, ::stride]
        if hasattr(self, "downsample"):
            shortcut = self.downsample(shortcut)
        return F.relu(y + shortcut) if relu else y + shortcut


class ResNet(nn.Module):
    """Layers named as torchvision's or, with the pool inside layer2, as SiamDW's."""

    def __init__(self, pool_in_layer2=False, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.conv1, self.bn1 = nn.Conv2d(3, STEM, 7, 2, bias=False), nn.BatchNorm2d(STEM)
        channels, stages = STEM, []
        for width, count in zip(WIDTHS, BLOCKS, strict=True):
            blocks = [
                Bottleneck(channels if i == 0 else 4 * width, width, i == 0) for i in range(count)
            ]
            stages.append(blocks)
            channels = 4 * width
        self.layer1 = nn.Sequential(*stages[0])
        pools = [nn.MaxPool2d(2)] if pool_in_layer2 else []
        self.layer2 = nn.Sequential(stages[1][0], *pools, *stages[1][1:])
        self.layer3 = nn.Sequential(Bottleneck(channels, 8, True))
        self.fc = nn.Linear(8, 10)
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm2d):
                for values in (norm.running_var, norm.weight.data):
                    values.uniform_(0.5, 2)
                for values in (norm.running_mean, norm.bias.data):
                    values.normal_(0, 0.3)
        self.eval()

    def valid(self, x):
        """SiameseFC-ResNet: nothing padded, stride 2 in conv3_1."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2)
        for block in self.layer1:
            x = block(x, padding=0, relu=True)
        for i, block in enumerate(self.layer2):
            x = block(x, stride=2 if i == 0 else 1, padding=0, relu=i < 3)
        return x

    def cropped(self, x):
        """CIResNet-22: all padded, outputs cropped; 2 x 2 pools after conv1 and conv3_1."""
        x = F.relu(self.bn1(F.conv2d(x, self.conv1.weight, stride=2, padding=3)))
        x = F.max_pool2d(x[:, :, 2:-2, 2:-2], 2)
        for block in self.layer1:
            x = block(x, padding=1, relu=True)[:, :, 1:-1, 1:-1]
        blocks = [block for block in self.layer2 if isinstance(block, Bottleneck)]
        for i, block in enumerate(blocks):
            x = block(x, padding=1, relu=i < 3)[:, :, 1:-1, 1:-1]
            x = F.max_pool2d(x, 2) if i == 0 else x
        return x


def saved(tmp_path, net, prefix="", **more):
    state = {prefix + name: value for name, value in net.state_dict().items()}
    torch.save({**state, **more}, tmp_path / "net.pth")
    return tmp_path / "net.pth"


def nhwc(tensor):
    return tensor.detach().numpy().transpose(0, 2, 3, 1)


def image(size=127, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (1, size, size, 3)).astype(np.float32)


def normalised(pixels):
    """As torchvision's networks want them."""
    fed = ((pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD).transpose(0, 3, 1, 2)
    return torch.from_numpy(fed.astype(np.float32))


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * np.std(expected))


@pytest.mark.parametrize(("variant", "size"), [("valid", 127), ("cropped", 112)])
def test_imagenet_weights_give_pytorchs_features(tmp_path, variant, size):
    net = ResNet()
    imported = import_file(saved(tmp_path, net))
    config = ResNetConfig(STEM, WIDTHS, variant=variant)
    with torch.inference_mode():
        expected = nhwc(getattr(net, variant)(normalised(image(size))))
    embed = jax.jit(config.embed)
    assert_close(embed(fold_batch_norm(imported.params), image(size)), expected)


def test_imagenets_first_layer_keeps_its_size_and_is_all_that_changes(tmp_path):
    net = ResNet()
    params = import_file(saved(tmp_path, net)).params
    norms = [np.linalg.norm(k) for k in (params["conv1"]["kernel"], net.conv1.weight.detach())]
    assert norms[0] == pytest.approx(norms[1], rel=0.05)
    kernel = net.layer2[3].conv2.weight.detach().numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(params["conv3_4b"]["kernel"], kernel)


def test_siamdws_weights_give_pytorchs_features(tmp_path):
    net = ResNet(pool_in_layer2=True)
    imported = import_file(saved(tmp_path, net, prefix="module.features.features."))
    assert (imported.color_order, imported.config["gain"]) == ("bgr", 0.1)
    assert imported.params["head"] == {"bias": 0}
    config = ResNetConfig(STEM, WIDTHS, variant="cropped")
    assert imported.config["variant"] == config.variant
    bgr = torch.from_numpy(image().transpose(0, 3, 1, 2)[:, ::-1].copy())
    with torch.inference_mode():
        expected = nhwc(net.cropped(bgr))
    params = fold_batch_norm(imported.params)
    assert_close(jax.jit(config.embed)(params, image()), expected)


def test_training_sees_the_padding_as_siamdw_does(tmp_path):
    """Batch norms average over the padded activations. Only here PyTorch decays as we do: .95"""
    net = ResNet(pool_in_layer2=True)
    params = import_file(saved(tmp_path, net)).params
    pixels = image(size=103)
    net.train()
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 0.05
    net.cropped(torch.from_numpy(pixels.transpose(0, 3, 1, 2)[:, ::-1].copy()))
    trained, averages = split_layers(without(params, "head"))
    module = ResNetConfig(STEM, WIDTHS, variant="cropped").module()
    variables = {"params": trained, "batch_stats": averages}
    train = functools.partial(module.apply, train=True, mutable=["batch_stats"])
    _, changed = jax.jit(train)(variables, pixels)
    norms = {"bn1": net.bn1, "bn2_2b": net.layer1[1].bn2, "bn3_4c": net.layer2[4].bn3}
    for name, norm in norms.items():
        mean = changed["batch_stats"][name]["mean"]
        np.testing.assert_allclose(mean, norm.running_mean, rtol=1e-3, atol=1e-3)


def without(params, name):
    return {key: value for key, value in params.items() if key != name}


def test_the_weight_file_says_what_it_holds(tmp_path):
    imported = import_file(saved(tmp_path, ResNet()))
    assert "Not imported: fc, layer3." in imported.notes
    assert "head" not in imported.params
    save_weights(tmp_path / "net", imported.params, weight_file_config(imported.config))
    network = load_weights(tmp_path / "net").config["network"]
    assert (network["arch"], network["widths"]) == ("siamfc-resnet22", list(WIDTHS))
    assert "conv3_4c/kernel1x1x6x24" in table(imported).replace(" ", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("layer2.2.bn1.running_var"), r"lacks layer2\.2\.bn1\.running_var"),
        (
            lambda state: state.update({"conv1.weight": torch.zeros(4, 3, 3, 3)}),
            "conv1.weight is of",
        ),
        (lambda state: state["bn1.running_var"].fill_(-1), "bn1: .*variance is not positive"),
    ],
)
def test_other_resnets_are_refused(tmp_path, change, message):
    state = ResNet().state_dict()
    change(state)
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=rf"net\.pth: .*{message}"):
        import_file(tmp_path / "net.pth")


def test_another_colour_order_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="this layout is RGB"):
        import_file(saved(tmp_path, ResNet()), color_order="bgr")
