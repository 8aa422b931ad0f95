"""Functions with the choices of `lax.platform_dependent` settled, where a choice cannot be kept.

A convolution whose kernel is computed (SiamFC's correlation on accelerators) can be exported
neither for an unknown number of targets, which would be its number of groups, nor for
runtimes that want kernels to be constants. Its lowering for CPUs is a matrix product.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

_CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "custom_jvp_call": "call_jaxpr"}
_CALLS["custom_vjp_call"] = "call_jaxpr"


class _Value:
    """A value on the way, and whether it is a constant of the program."""

    def __init__(self, value: Any, constant: bool) -> None:
        self.value, self.constant = value, constant


def settled(function: Callable[..., Any], *, every: bool) -> Callable[..., Any]:
    """`function` without calls inside, and with choices between platforms settled.

    Args:
      every: settle all choices, for the default platform; or only those whose default convolves
        with a kernel that is no constant. Both take the branch for CPUs in place of such a default.

    Returns:
      A function of the same arguments and results.
    """

    def run(*arguments: Any) -> Any:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        values = [_Value(leaf, False) for leaf in jax.tree.leaves(arguments)]
        results = _evaluate(closed, values, every)
        return jax.tree.unflatten(jax.tree.structure(shape), [result.value for result in results])

    return run


def _evaluate(closed: ClosedJaxpr, arguments: Sequence[_Value], every: bool) -> list[_Value]:
    known: dict[Any, _Value] = {}
    constants = [_Value(const, True) for const in closed.consts]
    known.update(zip(closed.jaxpr.constvars, constants, strict=True))
    known.update(zip(closed.jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> _Value:
        return _Value(atom.val, True) if isinstance(atom, Literal) else known[atom]

    for equation in closed.jaxpr.eqns:
        inputs = [read(atom) for atom in equation.invars]
        results = _apply(equation, inputs, every)
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in closed.jaxpr.outvars]


def _apply(equation: JaxprEqn, inputs: list[_Value], every: bool) -> list[_Value]:
    name, params = equation.primitive.name, equation.params
    if name in _CALLS:
        return _evaluate(params[_CALLS[name]], inputs, every)
    if name == "cond" and params.get("branches_platforms") is not None:
        branch = _settled_branch(params, [value.constant for value in inputs[1:]], every)
        if branch is not None:
            return _evaluate(branch, inputs[1:], every)
    constant = all(value.constant for value in inputs)
    bind = equation.primitive.get_bind_params(params)
    found = equation.primitive.bind(*(value.value for value in inputs), **bind)
    results = found if equation.primitive.multiple_results else [found]
    return [_Value(result, constant) for result in results]


def _settled_branch(
    params: dict[str, Any], constant: list[bool], every: bool
) -> ClosedJaxpr | None:
    by_platform = dict(zip(params["branches_platforms"], params["branches"], strict=True))
    default = by_platform[None]
    if _convolves_with_variable(default.jaxpr, constant):
        return next(
            branch for platforms, branch in by_platform.items() if "cpu" in (platforms or ())
        )
    return default if every else None


def _convolves_with_variable(jaxpr: Jaxpr, constant: list[bool]) -> bool:
    varies = {var for var, known in zip(jaxpr.invars, constant, strict=True) if not known}
    for equation in jaxpr.eqns:
        changing = [not isinstance(v, Literal) and v in varies for v in equation.invars]
        if equation.primitive.name == "conv_general_dilated" and changing[1]:
            return True
        if equation.primitive.name in _CALLS:
            inner = equation.params[_CALLS[equation.primitive.name]].jaxpr
            if _convolves_with_variable(inner, [not change for change in changing]):
                return True
        if any(changing):
            varies.update(equation.outvars)
    return False
