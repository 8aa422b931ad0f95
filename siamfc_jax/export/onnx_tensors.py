"""What a value of a JAX program is in the ONNX graph that is made of it.

Broadcasts are put off, since ONNX's elementwise operators do them on their own, and images stay in
ONNX's layout from one convolution to the next.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jax.extend.core import JaxprEqn

from siamfc_jax.export.onnx_graph import Dimension, Graph

Shape = tuple[Dimension, ...]


def input_shapes(equation: JaxprEqn) -> list[Shape]:
    return [_aval(var).shape for var in equation.invars]


def result_shapes(equation: JaxprEqn) -> list[Shape]:
    return [_aval(var).shape for var in equation.outvars]


def result_shape(equation: JaxprEqn) -> Shape:
    """Of the first, or only one."""
    return result_shapes(equation)[0]


def _aval(var: Any) -> Any:
    return var.aval


class Constant(NamedTuple):
    """A known array; of size 1 along axes where it is still to be repeated."""

    value: np.ndarray

    @property
    def shape(self) -> Shape:
        return self.value.shape


class Plain(NamedTuple):
    """A tensor of the graph; of size 1 along axes where it is still to be repeated."""

    name: str
    shape: Shape


class Window(NamedTuple):
    """The maximum over `taps` neighbours, from `first` on, of every `stride`-th pixel of a row or
    column (axis 2 or 3): one of them is a slice, several are a pool."""

    axis: int
    first: int
    taps: int
    stride: int
    places: int


class Image(NamedTuple):
    """Images [..., H, W, C], all leading axes one, as a tensor [N, C, H, W].

    Attributes:
      name: of the tensor; with a `window`, of the one that it is moved over.
      shape: [..., H, W, C].
    """

    name: str
    shape: Shape
    window: Window | None = None


Tensor = Constant | Plain | Image


def name_of(graph: Graph, tensor: Tensor) -> str:
    """The tensor's name in its own shape, not yet repeated."""
    if isinstance(tensor, Constant):
        return graph.constant(tensor.value)
    if isinstance(tensor, Plain):
        return tensor.name
    last = graph.add("Transpose", channels_first(graph, tensor), perm=(0, 2, 3, 1))
    if len(tensor.shape) == 4:
        return last
    return graph.add("Reshape", last, graph.shape(tensor.shape))


def full(graph: Graph, tensor: Tensor, shape: Shape) -> str:
    """The tensor's name, repeated to `shape`."""
    name = name_of(graph, tensor)
    return name if tensor.shape == shape else graph.add("Expand", name, graph.shape(shape))


def channels_first(graph: Graph, tensor: Tensor) -> str:
    """The tensor [N, C, H, W] of images, or of a whole tensor [N, H, W, C]."""
    if not isinstance(tensor, Image):
        return graph.add("Transpose", name_of(graph, tensor), perm=(0, 3, 1, 2))
    window = tensor.window
    if window is None:
        return tensor.name
    if window.taps == 1:
        end = window.first + (window.places - 1) * window.stride + 1
        ranges = ([window.first], [end], [window.axis], [window.stride])
        return graph.add("Slice", tensor.name, *map(graph.shape, ranges))
    along = window.axis == 2
    return graph.add(
        "MaxPool",
        tensor.name,
        kernel_shape=(window.taps, 1) if along else (1, window.taps),
        strides=(window.stride, 1) if along else (1, window.stride),
    )


def joined_windows(a: Tensor, b: Tensor) -> Image | None:
    """The maximum of two windows, if the second goes on where the first, from 0 on, ends."""
    if not (isinstance(a, Image) and isinstance(b, Image)) or a.name != b.name:
        return None
    first, second = a.window, b.window
    if first is None or second is None or first.first or second.taps > 1:
        return None
    if second != first._replace(first=first.taps, taps=1):
        return None
    return a._replace(window=first._replace(taps=first.taps + 1))


def broadcast_shape(tensors: Sequence[Tensor], rank: int) -> Shape:
    """Of an elementwise operator's result, without what is still to be repeated in all of them."""
    shapes = [tensor.shape or (1,) * rank for tensor in tensors]
    return tuple(
        next((size for size in sizes if not _is_one(size)), 1)
        for sizes in zip(*shapes, strict=True)
    )


def _is_one(size: Dimension) -> bool:
    return isinstance(size, int | np.integer) and size == 1
