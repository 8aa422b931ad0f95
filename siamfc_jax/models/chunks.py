"""Loops over chunks of arrays, so that what is made on the way stays in the CPU's cache.

Less traffic is half of the reason. The other is that C libraries return allocations of more
than 32 MiB to the system at once; a program that makes do with less need not have it mapped
again, page by page, on every call.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax


def map_chunks(function: Callable[[jax.Array], jax.Array], a_L: jax.Array, most: int) -> jax.Array:
    """`function(a_L)` in chunks of the leading axis, equal and of at most `most` items (or 1).

    Like `lax.map`, but the result needs no memory before `a_L` is there.
    """
    chunked = _chunked(a_L, most)
    if len(chunked) == 1:
        return function(a_L)
    result = jax.eval_shape(function, chunked[0])

    def put(i: int, results: jax.Array) -> jax.Array:
        return lax.dynamic_update_index_in_dim(results, function(chunked[i]), i, 0)

    # All of it will be overwritten; a constant would be allocated as soon as the program starts.
    anything = jnp.broadcast_to(chunked.ravel()[0], (len(chunked), *result.shape))
    results = lax.fori_loop(0, len(chunked), put, anything)
    return results.reshape(-1, *result.shape[1:])


def sum_chunks(
    function: Callable[..., list[jax.Array]], arrays_L: tuple[jax.Array, ...], most: int
) -> list[jax.Array]:
    """Sums of `function`'s results over chunks of its arguments, as in `map_chunks`."""
    chunked = [_chunked(a, most) for a in arrays_L]
    if len(chunked[0]) == 1:
        return function(*arrays_L)

    results = jax.eval_shape(function, *(a[0] for a in chunked))

    def add(i: int, totals: list[jax.Array]) -> list[jax.Array]:
        return jax.tree.map(jnp.add, totals, function(*(a[i] for a in chunked)))

    zeros = [jnp.zeros(result.shape, result.dtype) for result in results]
    return lax.fori_loop(0, len(chunked[0]), add, zeros)


def _chunked(a_L: jax.Array, most: int) -> jax.Array:
    size = max(n for n in range(1, max(1, min(len(a_L), most)) + 1) if len(a_L) % n == 0)
    return a_L.reshape(-1, size, *a_L.shape[1:])
