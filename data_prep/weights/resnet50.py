"""The first 22 layers of a ResNet-50, as the start or the whole of a ResNet-22 tracker.

Two layouts of PyTorch state dicts, told apart by where conv3_2 is, whatever stands before names:

- torchvision's ResNet-50 (or -101, -152), trained on ImageNet: `conv1`, `bn1`, `layer1.0.conv1`,
  ... `layer2.3.bn3`; `layer3`, `layer4` and `fc` are left out. It was fed RGB from 0 to 1, less a
  mean, over a standard deviation; conv1 and bn1 take that up and see 0 to 255. A padding with zeros
  would no longer be the mean colour: this is exact where conv1 sees none, in all that is kept.
- SiamDW's CIResNet-22: the pool of conv3_1 counts as `layer2.1`, so that there is no such block. It
  was fed BGR from 0 to 255, and correlated with a gain of .1 and no bias.
"""

import dataclasses
from collections.abc import Mapping

import jax
import numpy as np

from data_prep.weights.imported import BN_EPSILON, ColorOrder, Imported, batch_norm
from siamfc_jax.models.backbone import init_backbone, norm_of
from siamfc_jax.models.resnet import ResNetConfig
from siamfc_jax.weights import Params, WeightsError

IMAGENET_MEAN = np.asarray([0.485, 0.456, 0.406])
IMAGENET_STD = np.asarray([0.229, 0.224, 0.225])
"""RGB, of pixels from 0 to 1: what torchvision's networks are fed with."""

_MARK = "layer1.0.conv3.weight"
_PARTS = {
    "a": ("conv1", "bn1"),
    "b": ("conv2", "bn2"),
    "c": ("conv3", "bn3"),
    "s": ("downsample.0", "downsample.1"),
}
_IMAGENET_GAIN, _SIAMDW_GAIN = 1e-3, 0.1

StateDict = Mapping[str, np.ndarray]


def is_resnet(state_dict: StateDict) -> bool:
    """Whether these are the names of a ResNet with bottlenecks, but not of a SiamRPN on one."""
    bottlenecks = any(name.endswith(_MARK) for name in state_dict)
    return bottlenecks and not any("rpn" in name for name in state_dict)


def import_resnet(state_dict: StateDict, color_order: ColorOrder | None = None) -> Imported:
    """Reads the layers up to conv3_4; see the module for what is done to them.

    Raises:
      WeightsError: a layer is missing, or not of the shape it has in a ResNet-50; `color_order` is
        not the layout's.
    """
    prefix = next(name for name in state_dict if name.endswith(_MARK)).removesuffix(_MARK)
    arrays = {
        name.removeprefix(prefix): array
        for name, array in state_dict.items()
        if name.startswith(prefix)
    }
    cropped = "layer2.1.conv1.weight" not in arrays
    order: ColorOrder = "bgr" if cropped else "rgb"
    if color_order not in (None, order):
        raise WeightsError(f"this layout is {order.upper()}; leave the colour order out")
    config = _config(arrays, cropped)
    modules = {linear.name: _modules(linear.name, cropped) for linear in config.linears()}
    params = _layers(arrays, config, modules)
    read = {module for pair in modules.values() for module in pair}
    left_out = sorted(
        {name.split(".")[0] for name in arrays if name.rpartition(".")[0] not in read}
    )
    notes = [f"ResNet-22; {len(modules)} convolutions, those of shortcuts among them."]
    notes += [f"Not imported: {', '.join(left_out)}."] if left_out else []
    if cropped:
        params["conv1"]["kernel"] = params["conv1"]["kernel"][:, :, ::-1]
        params["head"] = {"bias": np.zeros(())}
        notes.append("SiamDW's layout: fed BGR from 0 to 255, gain .1, no bias.")
    else:
        _feed_bytes(params)
        notes.append("torchvision's layout: conv1 and bn1 take up its normalisation of colours.")
        notes.append("There is no head: a start for training, not yet a tracker.")
    network = {
        "arch": "siamfc-resnet22",
        "gain": _SIAMDW_GAIN if cropped else _IMAGENET_GAIN,
        **dataclasses.asdict(config),
    }
    return Imported(_float32(params), network, order, tuple(notes))


def _config(arrays: StateDict, cropped: bool) -> ResNetConfig:
    """Widths as they are found."""
    stem, conv2, conv3 = (
        len(_array(arrays, f"{name}.weight"))
        for name in ("conv1", "layer1.0.conv1", "layer2.0.conv1")
    )
    return ResNetConfig(stem, (conv2, conv3), variant="cropped" if cropped else "valid")


def _modules(layer: str, cropped: bool) -> tuple[str, str]:
    """Names of a convolution and its norm: conv2_1a is layer1.0.conv1 and layer1.0.bn1."""
    if layer == "conv1":
        return "conv1", "bn1"
    stage, block = int(layer[4]) - 1, int(layer[6]) - 1
    if cropped and stage == 2 and block > 0:
        block += 1
    convolution, norm = _PARTS[layer[7]]
    return f"layer{stage}.{block}.{convolution}", f"layer{stage}.{block}.{norm}"


def _layers(
    arrays: StateDict, config: ResNetConfig, modules: Mapping[str, tuple[str, str]]
) -> Params:
    """Layers in training form, float64, as they are in the file."""
    shapes = jax.eval_shape(lambda: init_backbone(config, jax.random.key(0)))
    params: Params = {}
    for layer, (convolution, norm) in modules.items():
        height, width, channels, out = shapes[layer]["kernel"].shape
        kernel = _array(arrays, f"{convolution}.weight", (out, channels, height, width))
        params[layer] = {"kernel": kernel.transpose(2, 3, 1, 0)}
        scale, bias, mean, var = (
            _array(arrays, f"{norm}.{part}", (out,))
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        params[norm_of(layer)] = batch_norm(norm, scale, bias, mean, var + BN_EPSILON)._asdict()
    return params


def _array(arrays: StateDict, name: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    if name not in arrays:
        raise WeightsError(f"lacks {name}; only ResNet-50 and CIResNet-22 can be imported")
    array = arrays[name].astype(np.float64)
    if shape is not None and array.shape != shape:
        raise WeightsError(
            f"{name} is of shape {array.shape}, a plain ResNet-50's is {shape}; without groups, "
            "double widths and the like it can be imported"
        )
    return array


def _feed_bytes(params: Params) -> None:
    """conv1 and bn1 on pixels in 0..255 instead of (pixels / 255 - mean) / std.

    bn1 takes up the factor 255 and most of the std: as large as ImageNet's, conv1 learns as fast.
    """
    kernel, norm = params["conv1"]["kernel"], params["bn1"]
    common = np.sqrt(np.mean(IMAGENET_STD**2))
    factor = 255 * common
    missing = np.einsum("hwio,i->o", kernel, IMAGENET_MEAN / IMAGENET_STD)
    params["conv1"]["kernel"] = kernel * (common / IMAGENET_STD)[:, None]
    mean, variance = factor * (norm["mean"] + missing), factor**2 * (norm["var"] + BN_EPSILON)
    params["bn1"] = batch_norm("bn1", norm["scale"], norm["bias"], mean, variance)._asdict()


def _float32(params: Params) -> Params:
    return {
        layer: {name: np.asarray(array, np.float32, order="C") for name, array in arrays.items()}
        for layer, arrays in params.items()
    }
