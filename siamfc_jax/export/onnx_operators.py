"""JAX's primitive operations as ONNX's operators: those that trackers are made of.

An operator takes (graph, equation, inputs) and returns the outputs.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.extend.core import JaxprEqn

from siamfc_jax.export.onnx_graph import Graph
from siamfc_jax.export.onnx_tensors import (
    Constant,
    Image,
    Plain,
    Tensor,
    Window,
    broadcast_shape,
    channels_first,
    full,
    input_shapes,
    joined_windows,
    name_of,
    result_shape,
    result_shapes,
)

Operator = Callable[[Graph, JaxprEqn, Sequence[Tensor]], list[Tensor]]


def elementwise(
    operator: str, graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor], **attributes: Any
) -> list[Tensor]:
    shape = result_shape(equation)
    if any(isinstance(tensor, Image) for tensor in inputs) and all(
        _fits_images(tensor, shape) for tensor in inputs
    ):
        names = [_beside_images(graph, tensor) for tensor in inputs]
        return [Image(graph.add(operator, *names, **attributes), shape)]
    names = [name_of(graph, tensor) for tensor in inputs]
    result = graph.add(operator, *names, **attributes)
    return [Plain(result, broadcast_shape(inputs, len(shape)))]


def _fits_images(tensor: Tensor, shape: tuple[Any, ...]) -> bool:
    if isinstance(tensor, Constant):
        return set(tensor.shape[:-1]) <= {1}
    return isinstance(tensor, Image) and tensor.shape == shape


def _beside_images(graph: Graph, tensor: Tensor) -> str:
    if not isinstance(tensor, Constant):
        return channels_first(graph, tensor)
    value = tensor.value
    return graph.constant(value.reshape(-1, 1, 1) if value.size > 1 else value.reshape(()))


def _max(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    a, b = inputs
    pooled = joined_windows(a, b)
    if pooled is not None:
        return [pooled]
    if isinstance(a, Image) and isinstance(b, Constant) and b.value.size == 1 and not b.value.any():
        return [Image(graph.add("Relu", channels_first(graph, a)), a.shape)]
    return elementwise("Max", graph, equation, inputs)


def _not_equal(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    (equal,) = elementwise("Equal", graph, equation, inputs)
    return [Plain(graph.add("Not", name_of(graph, equal)), equal.shape)]


def _select(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    which, if_false, if_true = inputs
    return elementwise("Where", graph, equation, [which, if_true, if_false])


def _cast(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(equation.params["new_dtype"]))
    return elementwise("Cast", graph, equation, inputs, to=kind)


def _round(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    if equation.params["rounding_method"] != jax.lax.RoundingMethod.TO_NEAREST_EVEN:
        raise ValueError("ONNX rounds halves to even numbers, the tracker does not")
    return elementwise("Round", graph, equation, inputs)


def _broadcast(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    (tensor,) = inputs
    rank, kept = len(equation.params["shape"]), equation.params["broadcast_dimensions"]
    new = [axis for axis in range(rank) if axis not in kept]
    if isinstance(tensor, Constant):
        return [Constant(np.expand_dims(tensor.value, tuple(new)))]
    name, shape = name_of(graph, tensor), [1] * rank
    for axis, size in zip(kept, tensor.shape, strict=True):
        shape[axis] = size
    if new:
        name = graph.add("Unsqueeze", name, graph.shape(new))
    return [Plain(name, tuple(shape))]


def _iota(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    from onnx import helper

    params, zero, one = equation.params, np.int64(0), np.int64(1)
    axis, shape = params["dimension"], params["shape"]
    end = graph.add("Squeeze", graph.size(shape[axis]))
    numbers = graph.add("Range", graph.constant(zero), end, graph.constant(one))
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(params["dtype"]))
    sizes = [1] * len(shape)
    sizes[axis] = shape[axis]
    cast = graph.add("Cast", numbers, to=kind)
    others = [other for other in range(len(shape)) if other != axis]
    name = graph.add("Unsqueeze", cast, graph.shape(others)) if others else cast
    return [Plain(name, tuple(sizes))]


def _dimension(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    from onnx import TensorProto

    size = graph.add("Squeeze", graph.size(equation.params["dim"]))
    return [Plain(graph.add("Cast", size, to=TensorProto.INT32), ())]


def _reshape(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    (tensor,), shape = inputs, result_shape(equation)
    if isinstance(tensor, Image) and shape[-3:] == tensor.shape[-3:]:
        return [tensor._replace(shape=shape)]
    whole = full(graph, tensor, input_shapes(equation)[0])
    return [Plain(graph.add("Reshape", whole, graph.shape(shape)), shape)]


def _transpose(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    (tensor,), order = inputs, equation.params["permutation"]
    name = graph.add("Transpose", name_of(graph, tensor), perm=order)
    return [Plain(name, tuple(tensor.shape[axis] for axis in order))]


def _slice(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    (tensor,), params = inputs, equation.params
    before, shape = input_shapes(equation)[0], result_shape(equation)
    strides = params["strides"] or (1,) * len(shape)
    axes = [
        axis
        for axis, (old, new, stride) in enumerate(zip(before, shape, strides, strict=True))
        if old != new or stride != 1
    ]
    ranges = [
        [values[axis] for axis in axes]
        for values in (params["start_indices"], params["limit_indices"], range(99), strides)
    ]
    height = len(shape) - 3
    if isinstance(tensor, Image) and axes and set(axes) <= {height, height + 1}:
        source = channels_first(graph, tensor)
        ranges[2] = [axis - height + 2 for axis in axes]
        if len(axes) == 1:
            (first,), _, (axis,), (stride,) = ranges
            window = Window(axis, first, 1, stride, shape[axes[0]])
            return [Image(source, shape, window)]
        return [Image(graph.add("Slice", source, *map(graph.shape, ranges)), shape)]
    whole = full(graph, tensor, before)
    return [Plain(graph.add("Slice", whole, *map(graph.shape, ranges)), shape)]


def _split(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    whole = full(graph, inputs[0], input_shapes(equation)[0])
    sizes, axis = equation.params["sizes"], equation.params["axis"]
    names = graph.add_many("Split", [whole, graph.shape(sizes)], len(sizes), axis=axis)
    shapes = result_shapes(equation)
    return [Plain(name, shape) for name, shape in zip(names, shapes, strict=True)]


def _concatenate(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    shapes = input_shapes(equation)
    names = [full(graph, tensor, shape) for tensor, shape in zip(inputs, shapes, strict=True)]
    joined = graph.add("Concat", *names, axis=equation.params["dimension"])
    return [Plain(joined, result_shape(equation))]


def _stack(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    axis, shapes = equation.params["axis"], input_shapes(equation)
    names = [
        graph.add("Unsqueeze", full(graph, tensor, shape), graph.shape([axis]))
        for tensor, shape in zip(inputs, shapes, strict=True)
    ]
    return [Plain(graph.add("Concat", *names, axis=axis), result_shape(equation))]


def _reduce(
    operator: str, graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]
) -> list[Tensor]:
    whole = full(graph, inputs[0], input_shapes(equation)[0])
    axes = graph.shape(equation.params["axes"])
    return [Plain(graph.add(operator, whole, axes, keepdims=0), result_shape(equation))]


def _argmax(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    from onnx import TensorProto

    whole = full(graph, inputs[0], input_shapes(equation)[0])
    (axis,) = equation.params["axes"]
    found = graph.add("ArgMax", whole, axis=int(axis), keepdims=0)
    name = graph.add("Cast", found, to=TensorProto.INT32)
    return [Plain(name, result_shape(equation))]


def _top_k(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    from onnx import TensorProto

    whole = full(graph, inputs[0], input_shapes(equation)[0])
    count, axis = graph.shape([equation.params["k"]]), int(equation.params["axis"])
    values, places = graph.add_many("TopK", [whole, count], 2, axis=axis)
    shape = result_shape(equation)
    return [Plain(values, shape), Plain(graph.add("Cast", places, to=TensorProto.INT32), shape)]


# fmt: off
_SAME = {
    "abs": "Abs", "add": "Add", "and": "And", "div": "Div", "eq": "Equal", "exp": "Exp",
    "floor": "Floor", "ge": "GreaterOrEqual", "gt": "Greater", "le": "LessOrEqual",
    "log": "Log", "logistic": "Sigmoid", "lt": "Less", "min": "Min", "mul": "Mul", "neg": "Neg",
    "not": "Not", "or": "Or", "pow": "Pow", "sign": "Sign", "sqrt": "Sqrt", "sub": "Sub",
    "tanh": "Tanh",
}
# fmt: on
_REDUCED = {
    "reduce_max": "ReduceMax",
    "reduce_min": "ReduceMin",
    "reduce_prod": "ReduceProd",
    "reduce_sum": "ReduceSum",
}

ELEMENTWISE: dict[str, Operator] = {
    **{name: partial(elementwise, operator) for name, operator in _SAME.items()},
    "convert_element_type": _cast,
    "max": _max,
    "ne": _not_equal,
    "rem": partial(elementwise, "Mod", fmod=1),
    "round": _round,
    "select_n": _select,
}
"""Whose inputs may still have to be repeated."""

OPERATORS: dict[str, Operator] = {
    **ELEMENTWISE,
    **{name: partial(_reduce, operator) for name, operator in _REDUCED.items()},
    "argmax": _argmax,
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "dim_as_value": _dimension,
    "iota": _iota,
    "reshape": _reshape,
    "slice": _slice,
    "split": _split,
    "squeeze": _reshape,
    "stack": _stack,
    "top_k": _top_k,
    "transpose": _transpose,
}
