"""How much arithmetic a network's shapes ask for, however it is then computed."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from siamfc_jax.models.backbone import Backbone, is_of_head
from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.online import Model
from siamfc_jax.training.settings import TrainSettings


class ConvShape(NamedTuple):
    """A convolution of [in_side, in_side, in_channels] to [out_side, out_side, out_channels]."""

    name: str
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


def conv_shapes(backbone: Backbone, image_side: int) -> list[ConvShape]:
    """The convolutions of the embedding of a square image, in their order, as it is trained."""
    module, image = backbone.module(), _square(image_side, 3)
    return _convolutions(lambda key: module.init(key, image, train=True))


def head_shapes(network: Network, template_side: int, search_side: int) -> list[ConvShape]:
    """Those of the head over features of these sides; SiamFC's has none."""
    if isinstance(network, SiamFCNetwork):
        return []
    module, channels = network.head_module(), network.backbone.channels
    features = _square(template_side, channels), _square(search_side, channels)
    return _convolutions(lambda key: module.init(key, *features, train=True))


class StepFlops(NamedTuple):
    """Floating-point operations of a training step, counting convolutions and correlation only.

    A gradient takes as many as the forward pass for each operand; images have none. The
    correlation is not part of the head.
    """

    embedding_forward: int
    embedding_backward: int
    head_forward: int
    head_backward: int
    correlation_forward: int
    correlation_backward: int

    @property
    def all(self) -> int:
        return sum(self)


def step_flops(network: Network, settings: TrainSettings) -> StepFlops:
    """Of a step with a batch of `settings.batch` pairs and no negatives."""
    backbone, sides = network.backbone, (settings.exemplar_size, settings.search_size)
    exemplar, search = (conv_shapes(backbone, side) for side in sides)
    forward = sum(shape.flops for shape in exemplar + search)
    first = exemplar[0].flops + search[0].flops
    template, region = map(backbone.output_size, sides)
    head_layers = head_shapes(network, template, region)
    head = sum(shape.flops for shape in head_layers)
    kept = _template_numbers(network, template, head_layers)
    correlation = _correlation_flops(kept, template, region)
    batch = settings.batch
    return StepFlops(
        batch * forward,
        batch * (2 * forward - first),
        batch * head,
        2 * batch * head,
        batch * correlation,
        2 * batch * correlation,
    )


class TrackingWork(NamedTuple):
    """Nominal work of a step of tracking: operations of the convolutions over the search images and
    of the correlation; bytes of the parameters and of what is kept of the exemplars, read once.
    The frame comes on top."""

    flops: int
    bytes: int


def tracking_work(model: Model, targets: int) -> TrackingWork:
    """Of one step of so many targets."""
    network, tracking = model.network, model.tracking
    backbone = network.backbone
    images = exemplars = responses = 1
    if isinstance(tracking, SiamFCTracking):
        images, exemplars = len(tracking.search_scales), len(tracking.exemplar_scales)
        responses = tracking.n_scales
    embedding = sum(shape.flops for shape in conv_shapes(backbone, tracking.search_size))
    sides = tracking.exemplar_size, tracking.search_size
    template, region = map(backbone.output_size, sides)
    layers = head_shapes(network, template, region)
    head = sum(shape.flops for shape in layers if not shape.name.endswith("_template"))
    kept = _template_numbers(network, template, layers)
    flops = images * (embedding + head) + responses * _correlation_flops(kept, template, region)
    size = 2 if model.compute == "bfloat16" else 4
    parameters = sum(
        (4 if is_of_head(name) else size) * np.size(array)
        for name, layer in model.params.items()
        if not name.endswith("_template")
        for array in layer.values()
    )
    return TrackingWork(targets * flops, parameters + 4 * targets * exemplars * kept)


def _correlation_flops(template_numbers: int, template: int, region: int) -> int:
    """Of one pair, whose features have these sides."""
    return 2 * (region - template + 1) ** 2 * template_numbers


def _template_numbers(network: Network, template: int, head_layers: Sequence[ConvShape]) -> int:
    """Of what is correlated with the search features: the exemplar's, or kernels made of them."""
    of_template = [shape for shape in head_layers if shape.name.endswith("_template")]
    kernels = [(shape.out_side, shape.out_channels) for shape in of_template]
    kernels = kernels or [(template, network.backbone.channels)]
    return sum(side**2 * channels for side, channels in kernels)


def _square(side: int, channels: int) -> jax.Array:
    return jnp.zeros((1, side, side, channels))


def _convolutions(init: Callable[[jax.Array], Any]) -> list[ConvShape]:
    """All that `init` of Linen modules goes through: modules with a kernel of four axes."""
    found = []

    def look(
        next_call: Callable[..., Any],
        args: Any,
        kwargs: Any,
        context: nn.module.InterceptorContext,
    ) -> Any:
        result, module = next_call(*args, **kwargs), context.module
        kernel = module.variables.get("params", {}).get("kernel")
        if kernel is not None and kernel.ndim == 4:
            found.append(_shape_of(module, args[0].shape, kernel.shape, result.shape))
        return result

    with nn.intercept_methods(look):
        jax.eval_shape(init, jax.random.key(0))
    return found


def _shape_of(
    module: nn.Module, x: tuple[int, ...], kernel: tuple[int, ...], y: tuple[int, ...]
) -> ConvShape:
    # The heads' have no stride of their own.
    stride = getattr(module, "stride", 1)
    return ConvShape(str(module.name), x[1], x[3], y[1], y[3], kernel[0], stride, x[3] // kernel[2])
