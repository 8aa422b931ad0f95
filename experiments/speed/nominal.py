"""How much arithmetic a network's shapes ask for, however it is then computed."""

from typing import NamedTuple

from siamfc_jax.models.alexnet import KERNELS, POOLED, STRIDES, AlexNetConfig
from siamfc_jax.training.settings import TrainSettings


class ConvShape(NamedTuple):
    """A convolution of [in_side, in_side, in_channels] to [out_side, out_side, out_channels]."""

    in_side: int
    in_channels: int
    out_side: int
    out_channels: int
    kernel: int
    stride: int
    groups: int

    @property
    def flops(self) -> int:
        """Of one image: a multiplication and an addition for every weight of every output."""
        weights = self.kernel**2 * self.in_channels // self.groups
        return 2 * self.out_side**2 * self.out_channels * weights


def conv_shapes(config: AlexNetConfig, image_side: int) -> list[ConvShape]:
    """The convolutions of the embedding of a square image."""
    shapes = []
    side, channels = image_side, 3
    layers = zip(config.widths, config.groups, KERNELS, STRIDES, POOLED, strict=True)
    for width, groups, kernel, stride, pooled in layers:
        out_side = (side - kernel) // stride + 1
        shapes.append(ConvShape(side, channels, out_side, width, kernel, stride, groups))
        side, channels = (out_side - 3) // 2 + 1 if pooled else out_side, width
    return shapes


class StepFlops(NamedTuple):
    """Floating-point operations of a training step, counting convolutions and correlation only.

    A gradient takes as many as the forward pass for each operand; images have none.
    """

    embedding_forward: int
    embedding_backward: int
    correlation_forward: int
    correlation_backward: int

    @property
    def all(self) -> int:
        return sum(self)


def step_flops(config: AlexNetConfig, settings: TrainSettings) -> StepFlops:
    """Of a step with a batch of `settings.batch` pairs and no negatives."""
    exemplar, search = (
        conv_shapes(config, side) for side in (settings.exemplar_size, settings.search_size)
    )
    forward = sum(shape.flops for shape in exemplar + search)
    first = exemplar[0].flops + search[0].flops
    template, region = exemplar[-1].out_side, search[-1].out_side
    cells = (region - template + 1) ** 2
    correlation = 2 * cells * template**2 * config.channels
    batch = settings.batch
    return StepFlops(
        batch * forward, batch * (2 * forward - first), batch * correlation, 2 * batch * correlation
    )
