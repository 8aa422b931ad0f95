"""How tracking is compiled."""

import functools
from collections.abc import Callable
from typing import Any

import jax

# On CPUs XLA gives matrix products to YNNPACK unless told otherwise. Its batched ones, of which the
# convolutions are made (`models/conv.py`), run on one thread; XLA's own use all. Gradients are
# slower so, and training is compiled as it comes.
CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""}


def jit_for_tracking(function: Callable[..., Any], **arguments: Any) -> Any:
    """`jax.jit` with the options that make inference fast here; not to be nested in another jit.

    Starts the backend. `arguments` are those of `jax.jit`.
    """
    return jax.jit(function, compiler_options=_options(), **arguments)


@functools.cache
def _options() -> dict[str, Any]:
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=CPU_OPTIONS)()
    except jax.errors.JaxRuntimeError:
        # An experimental option, which other versions of XLA need not have.
        return {}
    return dict(CPU_OPTIONS)
