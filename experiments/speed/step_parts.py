"""The training step and its parts, one by one, to be timed."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.speed.nominal import ConvShape, conv_shapes, step_flops
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.training import TrainingSteps, random_batch
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.backbone import is_of_head, split_layers
from siamfc_jax.models.conv import conv2d
from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.xcorr import xcorr
from siamfc_jax.training.augment import augment_pairs


class Compiled(NamedTuple):
    """What XLA made of a part, and a function that has the device do it once."""

    program: Any
    begin: Callable[[], Any]


class Part(NamedTuple):
    """A part of the training step, for a whole batch.

    Attributes:
      flops: nominal, see `nominal.StepFlops`.
      compile: takes time, and memory for its arguments on the device.
    """

    name: str
    flops: int
    compile: Callable[[], Compiled]


def step_parts(
    settings: BenchmarkSettings, network: Network, batch: int, compute: str
) -> list[Part]:
    """The whole step, its stages, and the convolutions of the search images.

    Raises:
      ValueError: the network is not a SiamFC with an AlexNet.
    """
    backbone = network.backbone
    if not (isinstance(network, SiamFCNetwork) and isinstance(backbone, AlexNetConfig)):
        raise ValueError("roofline knows the parts of SiamFC with an AlexNet only")
    training = settings.training(batch, compute)
    flops = step_flops(backbone, training)
    shapes = conv_shapes(backbone, settings.search_size)
    sides = training.exemplar_size, training.search_size
    cells = [backbone.output_size(side) for side in sides]
    embed = partial(_embed, network, batch, sides, cells, compute)
    correlate = partial(_correlate, [(batch, n, n, shapes[-1].out_channels) for n in cells])
    parts = [
        Part("whole step", flops.all, partial(_whole_step, settings, network, batch, compute)),
        Part("augmentation", 0, partial(_augment, settings, batch)),
        Part("embedding", flops.embedding_forward, partial(embed, back=False)),
        Part(
            "embedding and back",
            flops.embedding_forward + flops.embedding_backward,
            partial(embed, back=True),
        ),
        Part("correlation", flops.correlation_forward, partial(correlate, back=False)),
        Part("correlation back", flops.correlation_backward, partial(correlate, back=True)),
    ]
    for number, shape in enumerate(shapes, 1):
        conv = partial(_convolve, shape, batch, compute)
        forward = batch * shape.flops
        parts += [
            Part(f"conv{number} of search", forward, partial(conv, back=False)),
            Part(
                f"conv{number} of search back",
                forward if number == 1 else 2 * forward,
                partial(conv, back=True),
            ),
        ]
    return parts


def _whole_step(
    settings: BenchmarkSettings, network: SiamFCNetwork, batch: int, compute: str
) -> Compiled:
    steps = TrainingSteps(network, settings.training(batch, compute))
    on_device = steps.put(random_batch(settings, batch))
    return Compiled(steps.compile(on_device), lambda: steps(on_device))


def _augment(settings: BenchmarkSettings, batch: int) -> Compiled:
    training = settings.training(batch)
    crops = random_batch(settings, batch)

    def augment(keys: jax.Array, exemplar: jax.Array, search: jax.Array) -> Any:
        sizes = {"exemplar_size": training.exemplar_size, "search_size": training.search_size}
        return augment_pairs(keys, exemplar, search, training.augmentation, **sizes)

    keys = jax.random.split(jax.random.key(0), batch)
    return _compile(augment, keys, *jax.device_put((crops.exemplar, crops.search)))


def _embed(
    network: SiamFCNetwork,
    batch: int,
    sides: tuple[int, int],
    cells: list[int],
    compute: str,
    *,
    back: bool,
) -> Compiled:
    module = network.backbone.module()
    layers = jax.eval_shape(network.init, jax.random.key(0))
    of_backbone = {name: layer for name, layer in layers.items() if not is_of_head(name)}
    params, averages = split_layers(jax.tree.map(lambda leaf: _varied(leaf.shape), of_backbone))
    images = [_varied((batch, side, side, 3), compute) for side in sides]
    gradients = [_varied((batch, n, n, network.backbone.channels), compute) for n in cells]

    def embed(params: Any, images: list[jax.Array]) -> list[jax.Array]:
        variables = {"params": params, "batch_stats": averages}
        apply = partial(module.apply, variables, train=True, mutable=["batch_stats"])
        return [apply(image)[0] for image in images]

    def embed_and_back(params: Any, images: list[jax.Array], gradients: list[jax.Array]) -> Any:
        features, pull_back = jax.vjp(lambda params: embed(params, images), params)
        return features, pull_back(gradients)

    if back:
        return _compile(embed_and_back, params, images, gradients)
    return _compile(embed, params, images)


def _correlate(shapes: list[tuple[int, ...]], *, back: bool) -> Compiled:
    template, search = map(_varied, shapes)
    if back:
        return _compile_back(xcorr, template, search)
    return _compile(xcorr, template, search)


def _convolve(shape: ConvShape, batch: int, compute: str, *, back: bool) -> Compiled:
    x = _varied((batch, shape.in_side, shape.in_side, shape.in_channels), compute)
    per_group = shape.in_channels // shape.groups
    kernel = _varied((shape.kernel, shape.kernel, per_group, shape.out_channels), compute)
    convolve = partial(conv2d, stride=shape.stride, groups=shape.groups)
    if not back:
        return _compile(convolve, x, kernel)
    if shape.in_channels == 3:
        return _compile_back(lambda kernel, x: convolve(x, kernel), kernel, fixed=(x,))
    return _compile_back(convolve, x, kernel)


def _compile_back(
    function: Callable[..., jax.Array], *operands: jax.Array, fixed: tuple[jax.Array, ...] = ()
) -> Compiled:
    """The gradients of `function(*operands, *fixed)` for the operands."""
    result = jax.eval_shape(function, *operands, *fixed)

    def back(
        operands: tuple[jax.Array, ...], fixed: tuple[jax.Array, ...], gradient: jax.Array
    ) -> tuple[jax.Array, ...]:
        _, pull_back = jax.vjp(lambda *operands: function(*operands, *fixed), *operands)
        return pull_back(gradient)

    return _compile(back, operands, fixed, _varied(result.shape, result.dtype))


def _compile(function: Callable[..., Any], *args: Any) -> Compiled:
    program = jax.jit(function).lower(*args).compile()
    return Compiled(program, lambda: program(*args))


def _varied(shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
    """Numbers within +-1, made on the device: zeros would be computed with less power."""
    size = int(np.prod(shape))
    return jnp.sin(jnp.arange(size, dtype=jnp.float32)).reshape(shape).astype(dtype)
