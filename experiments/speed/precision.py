"""The types that are measured, and what products of float32 numbers are made of in each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import jax

TYPES = ("float32", "tf32", "bfloat16")
"""tf32: activations are float32, whose products GPUs shorten to 10 bits; JAX's own way there."""

_PRECISIONS = {"float32": "highest", "tf32": "tensorfloat32", "bfloat16": "default"}


def in_each(types: Sequence[str]) -> Iterator[str]:
    """The types in turn; products are made accordingly while the loop's body runs."""
    for kind in types:
        with products_in(kind):
            yield kind


@contextmanager
def products_in(kind: str) -> Iterator[None]:
    """Products of JAX and of PyTorch are made as the type says. CPUs know no tf32."""
    if jax.default_backend() == "cpu":
        yield
        return
    _tell_torch(kind)
    with jax.default_matmul_precision(_PRECISIONS[kind]):
        yield


def activations(kind: str) -> str:
    """The type of activations and kernels."""
    return "bfloat16" if kind == "bfloat16" else "float32"


def _tell_torch(kind: str) -> None:
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.backends.cuda.matmul.allow_tf32 = kind != "float32"
    torch.backends.cudnn.allow_tf32 = kind != "float32"
