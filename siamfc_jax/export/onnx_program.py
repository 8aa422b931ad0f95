"""JAX programs as ONNX graphs."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, JaxprEqn, Literal

from siamfc_jax.export.branches import settled
from siamfc_jax.export.onnx_graph import Graph
from siamfc_jax.export.onnx_operators import ELEMENTWISE, OPERATORS
from siamfc_jax.export.onnx_products import PRODUCTS
from siamfc_jax.export.onnx_tensors import (
    Constant,
    Plain,
    Tensor,
    full,
    input_shapes,
    result_shape,
    result_shapes,
)

_OPERATORS = {**OPERATORS, **PRODUCTS}

_LEFT_TO_OPERATORS = {"broadcast_in_dim", "dim_as_value"}

_LARGE = 2**16
"""Elements from which on a constant is computed in the graph rather than stored."""


def onnx_model(
    function: Callable[..., Any],
    arguments: Mapping[str, jax.ShapeDtypeStruct],
    results: Sequence[str],
    name: str,
    notes: Mapping[str, str],
) -> Any:
    """The ModelProto of a function.

    Args:
      function: of the arguments' values, in their order; returns a tuple of arrays.
      arguments: the inputs' names, shapes and types; sizes may be symbolic variables of one
        `jax.export.SymbolicScope`.
      results: the outputs' names.
      name: of the graph.
      notes: metadata of the model.

    Raises:
      ValueError: the function does what has no counterpart here.
    """
    closed = jax.make_jaxpr(settled(function, every=True))(*arguments.values())
    graph = Graph()
    inputs: list[Tensor] = []
    for input_name, argument in arguments.items():
        inputs.append(Plain(input_name, argument.shape))
        for axis, size in enumerate(argument.shape):
            if not isinstance(size, int):
                graph.name_size(size, input_name, axis)
    known = dict(zip(closed.jaxpr.invars, inputs, strict=True))
    constants = (Constant(np.asarray(const)) for const in closed.consts)
    known.update(zip(closed.jaxpr.constvars, constants, strict=True))
    for equation in _needed(closed.jaxpr):
        outputs = _translated(graph, equation, [_read(known, v) for v in equation.invars])
        known.update(zip(equation.outvars, outputs, strict=True))
    for output_name, var in zip(results, closed.jaxpr.outvars, strict=True):
        name_inside = full(graph, _read(known, var), var.aval.shape)
        graph.add_named("Identity", name_inside, output_name)
    described = zip(results, (var.aval for var in closed.jaxpr.outvars), strict=True)
    return graph.model(
        name,
        [_described(input_name, a.shape, a.dtype) for input_name, a in arguments.items()],
        [_described(output, aval.shape, aval.dtype) for output, aval in described],
        notes,
    )


def _needed(jaxpr: Jaxpr) -> list[JaxprEqn]:
    """The equations that results come from: not what was prepared for a branch not taken."""
    wanted, equations = set(map(id, jaxpr.outvars)), []
    for equation in reversed(jaxpr.eqns):
        if any(id(var) in wanted for var in equation.outvars):
            wanted.update(map(id, equation.invars))
            equations.append(equation)
    return equations[::-1]


def _read(known: Mapping[Any, Tensor], atom: Any) -> Tensor:
    if not isinstance(atom, Literal):
        return known[atom]
    literal: Any = atom
    return Constant(np.asarray(literal.val, literal.aval.dtype))


def _translated(graph: Graph, equation: JaxprEqn, inputs: list[Tensor]) -> list[Tensor]:
    name = equation.primitive.name
    folded = _folded(equation, inputs)
    if folded is not None:
        return folded
    if name not in _OPERATORS:
        raise ValueError(
            f"the tracker uses {name}, which the ONNX export does not know; export StableHLO"
        )
    return _OPERATORS[name](graph, equation, inputs)


def _folded(equation: JaxprEqn, inputs: list[Tensor]) -> list[Tensor] | None:
    """The results, if they are known now and do not grow."""
    name = equation.primitive.name
    constants = [tensor.value for tensor in inputs if isinstance(tensor, Constant)]
    if len(constants) < len(inputs) or name in _LEFT_TO_OPERATORS:
        return None
    if name in ELEMENTWISE:
        rank = len(result_shape(equation))
        whole = (value if value.ndim else value.reshape((1,) * rank) for value in constants)
        values = list(np.broadcast_arrays(*whole))
        size = values[0].size
    else:
        shapes = [*input_shapes(equation), *result_shapes(equation)]
        if not all(isinstance(side, int | np.integer) for shape in shapes for side in shape):
            return None
        pairs = zip(constants, input_shapes(equation), strict=True)
        values = [np.broadcast_to(value, shape) for value, shape in pairs]
        size = sum(math.prod(shape) for shape in result_shapes(equation))
    if size > max(_LARGE, *(value.size for value in constants), 0):
        return None
    params = equation.primitive.get_bind_params(equation.params)
    found = equation.primitive.bind(*map(jnp.asarray, values), **params)
    results = found if equation.primitive.multiple_results else [found]
    return [Constant(np.asarray(result)) for result in results]


def _described(name: str, shape: Sequence[Any], dtype: Any) -> Any:
    from onnx import helper

    sizes = [size if isinstance(size, int) else str(size) for size in shape]
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), sizes
    )
