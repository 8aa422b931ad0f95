"""Convolutions, matrix products and gathers as ONNX's operators; see `onnx_operators`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend.core import JaxprEqn

from siamfc_jax.export.onnx_graph import Graph
from siamfc_jax.export.onnx_operators import Operator
from siamfc_jax.export.onnx_tensors import (
    Constant,
    Image,
    Plain,
    Tensor,
    channels_first,
    full,
    input_shapes,
    result_shape,
)


def _convolution(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    (images, kernel), params = inputs, equation.params
    numbers = params["dimension_numbers"]
    if not isinstance(kernel, Constant) or numbers.lhs_spec != (0, 3, 1, 2):
        raise ValueError(
            "a convolution in the tracker is not one of images [N, H, W, C] with fixed kernels"
        )
    weights = graph.constant(kernel.value.transpose(numbers.rhs_spec))
    name = graph.add(
        "Conv",
        channels_first(graph, images),
        weights,
        strides=params["window_strides"],
        group=params["feature_group_count"],
    )
    return [Image(name, result_shape(equation))]


def _product(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    (left_axes, right_axes), (left_batch, right_batch) = equation.params["dimension_numbers"]
    left, right = inputs
    shape = result_shape(equation)
    of_left, of_right = input_shapes(equation)
    over_channels = ((len(of_left) - 1,), (0,), ()) == (left_axes, right_axes, left_batch)
    if over_channels and isinstance(left, Image) and isinstance(right, Constant):
        weights = graph.constant(right.value.T[:, :, None, None])
        return [Image(graph.add("Conv", channels_first(graph, left), weights), shape)]
    free_left = [a for a in range(len(of_left)) if a not in (*left_axes, *left_batch)]
    free_right = [a for a in range(len(of_right)) if a not in (*right_axes, *right_batch)]
    a = _as_matrices(graph, left, of_left, left_batch, free_left, left_axes)
    b = _as_matrices(graph, right, of_right, right_batch, right_axes, free_right)
    product = graph.add("MatMul", a, b)
    if len(free_left) == len(free_right) == 1:
        return [Plain(product, shape)]
    return [Plain(graph.add("Reshape", product, graph.shape(shape)), shape)]


def _as_matrices(
    graph: Graph,
    tensor: Tensor,
    shape: tuple[Any, ...],
    batch: Sequence[int],
    rows: Sequence[int],
    columns: Sequence[int],
) -> str:
    """[*batch, product of rows, product of columns]."""
    order = [int(axis) for axis in (*batch, *rows, *columns)]
    sides = (math.prod(shape[axis] for axis in axes) for axes in (rows, columns))
    matrices = (*(shape[axis] for axis in batch), *sides)
    if isinstance(tensor, Constant):
        value = np.broadcast_to(tensor.value, shape).transpose(order)
        return graph.constant(value.reshape(matrices))
    name = full(graph, tensor, shape)
    if order != sorted(order):
        name = graph.add("Transpose", name, perm=order)
    if len(rows) == len(columns) == 1:
        return name
    return graph.add("Reshape", name, graph.shape(matrices))


def _gather(graph: Graph, equation: JaxprEqn, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Of whole slices along one axis. Indices lie within it: it is not looked what to do if not."""
    numbers, shape = equation.params["dimension_numbers"], result_shape(equation)
    (axis,) = numbers.start_index_map
    batch = [int(a) for a in numbers.operand_batching_dims]
    if numbers.collapsed_slice_dims != (axis,) or batch != list(range(len(batch))):
        raise ValueError("the tracker gathers in a way that the ONNX export does not know")
    of_operand, of_indices = input_shapes(equation)
    operand, indices = (
        full(graph, tensor, size)
        for tensor, size in zip(inputs, (of_operand, of_indices), strict=True)
    )
    n_indices = len(of_indices) - 1
    if batch:
        rest = [a for a in range(len(of_operand)) if a not in (*batch, axis)]
        order = [*batch, int(axis), *rest]
        if order != sorted(order):
            operand = graph.add("Transpose", operand, perm=order)
        found = graph.add("GatherND", operand, indices_64(graph, indices), batch_dims=len(batch))
        slices_at = [n_indices + k for k in range(len(rest))]
        indices_at = list(range(n_indices))
    else:
        indices = graph.add("Squeeze", indices, graph.shape([n_indices]))
        found = graph.add("Gather", operand, indices, axis=int(axis))
        slices_at = [k if k < axis else k + n_indices for k in range(len(of_operand) - 1)]
        indices_at = [int(axis) + k for k in range(n_indices)]
    places = [
        (slices_at if k in numbers.offset_dims else indices_at).pop(0) for k in range(len(shape))
    ]
    if places != sorted(places):
        found = graph.add("Transpose", found, perm=places)
    return [Plain(found, shape)]


def indices_64(graph: Graph, indices: str) -> str:
    """GatherND takes no others."""
    from onnx import TensorProto

    return graph.add("Cast", indices, to=TensorProto.INT64)


PRODUCTS: dict[str, Operator] = {
    "conv_general_dilated": _convolution,
    "dot_general": _product,
    "gather": _gather,
}
