"""An ONNX graph that grows node by node, with sizes that are known only when it runs."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

OPSET = 18

Dimension = Any
"""An int, or one of JAX's symbolic expressions, such as 3*T."""


class Graph:
    """Nodes and initializers without repetition, and nothing that no output needs."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._initializers: dict[str, np.ndarray] = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._outputs: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
        self._sizes: dict[str, str] = {}
        self._count = 0

    def constant(self, value: Any) -> str:
        """Name of an initializer with this value."""
        array = np.asarray(value)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._names:
            self._names[key] = self._new_name("constant")
            self._initializers[self._names[key]] = array
        return self._names[key]

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The output of a node, which is new unless there is one like it."""
        return self.add_many(operator, inputs, 1, **attributes)[0]

    def add_many(
        self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any
    ) -> list[str]:
        """The outputs of a node, which is new unless there is one like it."""
        from onnx import helper

        key = (operator, tuple(inputs), repr(sorted(attributes.items())))
        if key in self._outputs:
            return self._outputs[key]
        names = self._outputs[key] = [self._new_name(operator.lower()) for _ in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def add_named(self, operator: str, source: str, name: str) -> None:
        """A node of one input whose output has a name of its own."""
        from onnx import helper

        self._nodes.append(helper.make_node(operator, [source], [name]))

    def name_size(self, variable: Dimension, tensor: str, axis: int) -> None:
        """Let a symbolic variable stand for the size of an axis of `tensor`."""
        if str(variable) not in self._sizes:
            self._sizes[str(variable)] = self.add("Shape", tensor, start=axis, end=axis + 1)

    def size(self, dimension: Dimension) -> str:
        """int64 [1]."""
        if isinstance(dimension, int | np.integer):
            return self.constant(np.asarray([dimension], np.int64))
        text = str(dimension)
        if text not in self._sizes:
            self._sizes[text] = self._computed(ast.parse(text, mode="eval").body)
        return self._sizes[text]

    def shape(self, dimensions: Sequence[Dimension]) -> str:
        """int64 [number of dimensions]."""
        if all(isinstance(dimension, int | np.integer) for dimension in dimensions):
            return self.constant(np.asarray(dimensions, np.int64))
        return self.add("Concat", *map(self.size, dimensions), axis=0)

    def model(
        self, name: str, inputs: Sequence[Any], outputs: Sequence[Any], notes: Mapping[str, str]
    ) -> Any:
        """The checked ModelProto; `inputs` and `outputs` are ValueInfoProtos."""
        import onnx
        from onnx import helper, numpy_helper

        needed, nodes = {output.name for output in outputs}, []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.append(node)
        initializers = [
            numpy_helper.from_array(np.ascontiguousarray(array), name)
            for name, array in self._initializers.items()
            if name in needed
        ]
        graph = helper.make_graph(nodes[::-1], name, inputs, outputs, initializers)
        opset = helper.make_opsetid("", OPSET)
        # The oldest version of the file format that has this opset: runtimes refuse newer ones.
        model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
        model.producer_name = "siamfc_jax"
        helper.set_model_props(model, dict(notes))
        onnx.checker.check_model(model)
        return model

    def _computed(self, expression: ast.expr) -> str:
        if isinstance(expression, ast.Constant):
            return self.constant(np.asarray([expression.value], np.int64))
        operators = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul"}
        if isinstance(expression, ast.BinOp) and type(expression.op) in operators:
            sides = (self.size(ast.unparse(side)) for side in (expression.left, expression.right))
            return self.add(operators[type(expression.op)], *sides)
        raise ValueError(f"the size {ast.unparse(expression)} cannot be computed in an ONNX graph")

    def _new_name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"
