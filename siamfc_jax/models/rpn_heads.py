"""Region proposal heads: from features of an exemplar and of a search image to k boxes a cell.

Both have a branch for classification, "cls", and one for regression, "loc". The exemplar's side of
each is evaluated once, and its result is the kernel that the search image's side is correlated with
(SiamRPN paper §3.2 and §4.2).

A head is written against `convolve(name, x)`, which applies the layer `name`: from folded
parameters when it tracks, and with its batch norm, as a Linen module, when it is trained.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from siamfc_jax.models.backbone import norm_of
from siamfc_jax.models.conv import PreparedKernel, conv2d, prepare_kernel
from siamfc_jax.models.layers import add_row, batch_norm
from siamfc_jax.models.xcorr import xcorr, xcorr_depthwise

Params = Mapping[str, Any]
Convolve = Callable[[str, jax.Array], jax.Array]

BRANCHES = ("cls", "loc")
VALUES = {"cls": 2, "loc": 4}
"""Channels of an anchor: (background, foreground) logits; offsets (x, y, w, h)."""

_TEMPLATE_CELLS = 16

# A kernel with so many times more outputs than inputs is far larger than its image: any change of
# its basis would cost more than it saves.
_WIDE = 4


class BranchKernels(NamedTuple):
    """What tracking keeps of T exemplars.

    Attributes:
      cls, loc: float32 [T, values * k, h, w, C] (up-channel) or [T, h, w, C] (depth-wise).
    """

    cls: jax.Array
    loc: jax.Array


class Proposals(NamedTuple):
    """What a head says of every anchor.

    Attributes:
      logits: [T, Y, X, k, 2] of background and foreground.
      offsets: [T, Y, X, k, 4], see `anchors.decode`.
    """

    logits: jax.Array
    offsets: jax.Array


class Layer(NamedTuple):
    """Shape of a valid convolution: its taps in each direction, channels, initial deviation of its
    kernel, and whether a batch norm follows."""

    taps: int
    inputs: int
    outputs: int
    deviation: float
    norm: bool = False


@dataclass(frozen=True)
class UpChannelHead:
    """The paper's head: kernels of 2k and 4k times the channels, correlated "in a group manner".

    Attributes:
      channels: of the features that are correlated (released 256, and 512 in the double-width
        network).
      adjust: a 1x1 convolution over the 4k channels of the regression, as in all released code;
        the paper has none.
      gain: of the correlation, as in SiamFC. Released weights have none, 1. A sum of 16 * channels
        products moves so far in a step of the paper's learning rate that training from scratch
        diverges; divided by the root of their number it moves as any convolution does.
    """

    channels: int = 256
    adjust: bool = True
    gain: float = 1.0

    def layers(self, inputs: int, anchors: int) -> dict[str, Layer]:
        """The head's convolutions over features of `inputs` channels."""
        # The correlation begins with a deviation of 1.
        deviation = (9 * inputs * self.gain) ** -0.5 * (_TEMPLATE_CELLS * self.channels) ** -0.25
        layers = {}
        for branch in BRANCHES:
            outputs = VALUES[branch] * anchors * self.channels
            layers[f"head_conv_{branch}_template"] = Layer(3, inputs, outputs, deviation)
            layers[f"head_conv_{branch}_search"] = Layer(3, inputs, self.channels, deviation)
        if self.adjust:
            values = VALUES["loc"] * anchors
            layers["head_conv_loc_adjust"] = Layer(1, values, values, values**-0.5)
        return layers

    def template(self, convolve: Convolve, features: jax.Array) -> BranchKernels:
        """Kernels of both branches from exemplar features [T, h, w, C]."""

        def kernels(branch: str) -> jax.Array:
            wide = self.gain * convolve(f"head_conv_{branch}_template", features)
            split = wide.reshape(*wide.shape[:3], -1, self.channels)
            return split.transpose(0, 3, 1, 2, 4)

        return BranchKernels(*(kernels(branch) for branch in BRANCHES))

    def respond(self, convolve: Convolve, template: BranchKernels, search: jax.Array) -> Proposals:
        """Proposals of search features [T, H, W, C]; 24 gives 22, minus 4, plus 1: 19 cells."""

        def maps(branch: str) -> jax.Array:
            features = convolve(f"head_conv_{branch}_search", search)
            return xcorr(getattr(template, branch), features[:, None]).transpose(0, 2, 3, 1)

        offsets = maps("loc")
        if self.adjust:
            offsets = convolve("head_conv_loc_adjust", offsets)
        return _proposals(maps("cls"), offsets)


@dataclass(frozen=True)
class DepthwiseHead:
    """The light head of SiamRPN++ (§3.3, "depth-wise cross correlation") as released with AlexNet.

    Attributes:
      channels: of the features that are correlated, channel by channel (released 256).
    """

    channels: int = 256

    def layers(self, inputs: int, anchors: int) -> dict[str, Layer]:
        """The head's convolutions over features of `inputs` channels."""
        layers = {}
        for branch in BRANCHES:
            first = Layer(3, inputs, self.channels, (2 / (9 * inputs)) ** 0.5, norm=True)
            joint = Layer(1, self.channels, self.channels, (2 / self.channels) ** 0.5, norm=True)
            last = Layer(1, self.channels, VALUES[branch] * anchors, self.channels**-0.5)
            layers[f"head_conv_{branch}_template"] = first
            layers[f"head_conv_{branch}_search"] = first
            layers[f"head_conv_{branch}_joint"] = joint
            layers[f"head_conv_{branch}_out"] = last
        return layers

    def template(self, convolve: Convolve, features: jax.Array) -> BranchKernels:
        """As `UpChannelHead.template`."""
        layers = (f"head_conv_{branch}_template" for branch in BRANCHES)
        return BranchKernels(*(nn.relu(convolve(layer, features)) for layer in layers))

    def respond(self, convolve: Convolve, template: BranchKernels, search: jax.Array) -> Proposals:
        """As `UpChannelHead.respond`."""

        def maps(branch: str) -> jax.Array:
            features = nn.relu(convolve(f"head_conv_{branch}_search", search))
            correlated = xcorr_depthwise(getattr(template, branch), features)
            joint = nn.relu(convolve(f"head_conv_{branch}_joint", correlated))
            return convolve(f"head_conv_{branch}_out", joint)

        return _proposals(maps("cls"), maps("loc"))


RPNHead = UpChannelHead | DepthwiseHead

UP_CHANNEL = UpChannelHead(gain=1 / 64)
DEPTHWISE = DepthwiseHead()


def _proposals(cls: jax.Array, loc: jax.Array) -> Proposals:
    def by_anchor(maps: jax.Array, values: int) -> jax.Array:
        return maps.reshape(*maps.shape[:-1], -1, values)

    return Proposals(by_anchor(cls, VALUES["cls"]), by_anchor(loc, VALUES["loc"]))


def folded_layers(params: Params) -> Convolve:
    """`convolve` with folded parameters, as they are or from `prepare_head`."""

    def convolve(name: str, x: jax.Array) -> jax.Array:
        return add_row(_convolve(x, params[name]["kernel"]), params[name]["bias"])

    return convolve


def prepare_head(params: Params) -> dict[str, Any]:
    """Folded parameters whose kernels over search features are made ready once for many calls."""
    prepared = dict(params)
    for branch in BRANCHES:
        layer = params[f"head_conv_{branch}_search"]
        kernel = prepare_kernel(jnp.asarray(layer["kernel"]))
        prepared[f"head_conv_{branch}_search"] = {**layer, "kernel": kernel}
    return prepared


def _convolve(x_BxHxWxC: jax.Array, kernel: jax.Array | PreparedKernel) -> jax.Array:
    if isinstance(kernel, PreparedKernel) or kernel.shape[-1] <= _WIDE * x_BxHxWxC.shape[-1]:
        return conv2d(x_BxHxWxC, kernel)
    return _by_patches(x_BxHxWxC, kernel)


def _by_patches(x_BxHxWxC: jax.Array, kernel_KxKxCxO: jax.Array) -> jax.Array:
    """Valid convolution as one matrix product over whole patches."""
    taps, _, channels, outputs = kernel_KxKxCxO.shape
    rows, columns = (size - taps + 1 for size in x_BxHxWxC.shape[1:3])
    shifted = [
        x_BxHxWxC[:, i : i + rows, j : j + columns] for i in range(taps) for j in range(taps)
    ]
    patches = jnp.concatenate(shifted, -1)
    return patches @ kernel_KxKxCxO.reshape(taps * taps * channels, outputs)


class _Conv(nn.Module):
    layer: Layer

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        taps, inputs, outputs, deviation, norm = self.layer
        shape = (taps, taps, inputs, outputs)
        kernel = self.param("kernel", nn.initializers.normal(deviation), shape)
        convolved = _convolve(x_BxHxWxC, kernel.astype(x_BxHxWxC.dtype))
        if norm:
            return convolved
        bias = self.param("bias", nn.initializers.zeros, (outputs,))
        return add_row(convolved, bias.astype(x_BxHxWxC.dtype))


class HeadModule(nn.Module):
    """A head with its batch norms, as it is trained; the folded form is the same at inference.

    Attributes:
      head: which one.
      anchors: their number in a cell, k.
      norm_axis: name of the mapped axis over which the batch norms average, if any.
    """

    head: RPNHead
    anchors: int
    norm_axis: str | None = None

    @nn.compact
    def __call__(self, template: jax.Array, search: jax.Array, *, train: bool) -> Proposals:
        """Proposals of search features [B, H, W, C] given exemplar features [B, h, w, C]."""
        layers = self.head.layers(template.shape[-1], self.anchors)

        def convolve(name: str, x: jax.Array) -> jax.Array:
            convolved = _Conv(layers[name], name=name)(x)
            if not layers[name].norm:
                return convolved
            return batch_norm(norm_of(name), convolved, train=train, axis=self.norm_axis)

        kernels = self.head.template(convolve, template)
        return self.head.respond(convolve, kernels, search)
