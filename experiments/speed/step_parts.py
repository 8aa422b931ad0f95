"""The training step and its parts, one by one, to be timed."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.speed.nominal import ConvShape, StepFlops, conv_shapes, step_flops
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.training import TrainingSteps, random_batch
from siamfc_jax.models.backbone import is_of_head, split_layers
from siamfc_jax.models.conv import conv2d
from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.models.xcorr import xcorr
from siamfc_jax.training.augment import augment_pairs
from siamfc_jax.training.settings import TrainSettings


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
    """The whole step, its stages, and the convolutions of the search images, those of one shape
    once."""
    training = settings.training(network, batch, compute)
    flops = step_flops(network, training)
    return [
        Part("whole step", flops.all, partial(_whole_step, settings, network, training)),
        Part("augmentation", 0, partial(_augment, settings, training)),
        *_stages(network, training, flops),
        *_layers_of_search(network, training),
    ]


def _stages(network: Network, training: TrainSettings, flops: StepFlops) -> list[Part]:
    sides = training.exemplar_size, training.search_size
    cells = [network.backbone.output_size(side) for side in sides]
    embed = partial(_embed, network, training, sides, cells)
    features: list[tuple[int, ...]]
    features = [(training.batch, n, n, network.backbone.channels) for n in cells]
    forward = flops.head_forward + flops.correlation_forward
    backward = flops.head_backward + flops.correlation_backward
    if isinstance(network, SiamFCNetwork):
        name, relate = "correlation", partial(_correlate, features)
    else:
        name, relate = "head", partial(_propose, network, features)
    return [
        Part("embedding", flops.embedding_forward, partial(embed, back=False)),
        Part(
            "embedding and back",
            flops.embedding_forward + flops.embedding_backward,
            partial(embed, back=True),
        ),
        Part(name, forward, partial(relate, back=False)),
        Part(f"{name} back", backward, partial(relate, back=True)),
    ]


def _layers_of_search(network: Network, training: TrainSettings) -> list[Part]:
    alike: dict[ConvShape, list[str]] = {}
    for shape in conv_shapes(network.backbone, training.search_size):
        alike.setdefault(shape._replace(name=""), []).append(shape.name)
    parts = []
    for shape, (name, *others) in alike.items():
        conv = partial(_convolve, shape, training.batch, training.compute)
        forward = training.batch * shape.flops
        full_name = f"{name} of search" + (f", as {' '.join(others)}" if others else "")
        backward = forward if shape.in_channels == 3 else 2 * forward
        parts += [
            Part(full_name, forward, partial(conv, back=False)),
            Part(f"{name} of search back", backward, partial(conv, back=True)),
        ]
    return parts


def _whole_step(settings: BenchmarkSettings, network: Network, training: TrainSettings) -> Compiled:
    steps = TrainingSteps(network, training)
    on_device = steps.put(random_batch(settings, training.batch))
    return Compiled(steps.compile(on_device), lambda: steps(on_device))


def _augment(settings: BenchmarkSettings, training: TrainSettings) -> Compiled:
    crops = random_batch(settings, training.batch)

    def augment(keys: jax.Array, exemplar: jax.Array, search: jax.Array) -> Any:
        sizes = {"exemplar_size": training.exemplar_size, "search_size": training.search_size}
        return augment_pairs(keys, exemplar, search, training.augmentation, **sizes)

    keys = jax.random.split(jax.random.key(0), training.batch)
    return _compile(augment, keys, *jax.device_put((crops.exemplar, crops.search)))


def _embed(
    network: Network,
    training: TrainSettings,
    sides: tuple[int, int],
    cells: list[int],
    *,
    back: bool,
) -> Compiled:
    module, batch = network.backbone.module(), training.batch
    layers = jax.eval_shape(network.init, jax.random.key(0))
    of_backbone = {name: layer for name, layer in layers.items() if not is_of_head(name)}
    params, averages = split_layers(jax.tree.map(lambda leaf: _varied(leaf.shape), of_backbone))
    images = [_varied((batch, side, side, 3), training.compute) for side in sides]
    channels = network.backbone.channels
    gradients = [_varied((batch, n, n, channels), training.compute) for n in cells]

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


def _propose(network: SiamRPNNetwork, shapes: list[tuple[int, ...]], *, back: bool) -> Compiled:
    module, features = network.head_module(), [_varied(shape) for shape in shapes]
    init = partial(module.init, train=True)
    shaped = jax.eval_shape(init, jax.random.key(0), *features)
    variables = jax.tree.map(lambda leaf: _varied(leaf.shape), shaped)
    averages = variables.pop("batch_stats", {})

    def propose(params: Any, template: jax.Array, search: jax.Array) -> Any:
        own = {**params, "batch_stats": averages}
        return module.apply(own, template, search, train=True, mutable=["batch_stats"])[0]

    if back:
        return _compile_back(propose, variables, *features)
    return _compile(propose, variables, *features)


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
    function: Callable[..., Any], *operands: Any, fixed: tuple[jax.Array, ...] = ()
) -> Compiled:
    """The gradients of `function(*operands, *fixed)` for the operands."""
    result = jax.eval_shape(function, *operands, *fixed)

    def back(operands: tuple[Any, ...], fixed: tuple[jax.Array, ...], gradient: Any) -> Any:
        _, pull_back = jax.vjp(lambda *operands: function(*operands, *fixed), *operands)
        return pull_back(gradient)

    gradient = jax.tree.map(lambda leaf: _varied(leaf.shape, leaf.dtype), result)
    return _compile(back, operands, fixed, gradient)


def _compile(function: Callable[..., Any], *args: Any) -> Compiled:
    program = jax.jit(function).lower(*args).compile()
    return Compiled(program, lambda: program(*args))


def _varied(shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
    """Numbers within +-1, made on the device: zeros would be computed with less power."""
    size = int(np.prod(shape))
    return jnp.sin(jnp.arange(size, dtype=jnp.float32)).reshape(shape).astype(dtype)
