"""2-D Winograd convolution of square kernels at stride 1, for CPUs.

The output is cut into tiles of 4 x 4. With N = 4 + taps - 1, every tile costs N * N products
per pair of channels instead of 16 * taps * taps: 4 times (3 x 3) or 6.25 times (5 x 5) fewer.
The products of all tiles form N * N plain matrix products over the channels.

Shape suffixes: G groups, R rows of tiles (of all images), M = 4, N products along one axis,
P = N * N, T tiles, I, O channels of a group.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from siamfc_jax.models.winograd import (
    MAX_MULTIPLICATIONS,
    Transforms,
    minimal_filtering,
    transform,
)

TILE = 4
MAX_TAPS = MAX_MULTIPLICATIONS + 1 - TILE
MIN_CHANNELS = 8
# Products held at a time: enough to keep two cores busy, few enough to stay in the cache.
MAX_PRODUCTS = 2_200_000


def accepts(kernel_shape: tuple[int, ...], stride: int, groups: int) -> bool:
    """Whether the kernel is of the kind this lowering is for."""
    taps, taps_x, channels, _ = kernel_shape
    return stride == 1 and taps == taps_x and 2 <= taps <= MAX_TAPS and channels >= MIN_CHANNELS


def is_profitable(image_shape: tuple[int, ...], taps: int) -> bool:
    """Whether whole tiles need clearly fewer multiplications than the plain sum."""
    _, height, width, _ = image_shape
    tiles = _tiles(height, taps) * _tiles(width, taps)
    plain = (height - taps + 1) * (width - taps + 1) * taps**2
    return 2 * tiles * (TILE + taps - 1) ** 2 < plain


def to_products(
    kernel_KxKxIxGO: jax.Array, *, stride: int, groups: int
) -> tuple[jax.Array, ...]:
    """Kernel of each group in the basis of the products, [P, I, O]."""
    taps = kernel_KxKxIxGO.shape[0]
    kernel_NxR = minimal_filtering(TILE, taps).kernel_NxR
    return tuple(
        _both_axes(kernel_NxR, kernel.reshape(taps**2, *kernel.shape[2:]))
        for kernel in jnp.split(kernel_KxKxIxGO, groups, axis=-1)
    )


def convolve(
    x_BxHxWxGI: jax.Array,
    kernels_PxIxO: tuple[jax.Array, ...],
    *,
    taps: int,
    stride: int,
    groups: int,
) -> jax.Array:
    """Valid convolution with the kernel that `to_products` gave, float32 [B, Y, X, G * O]."""
    images, height, width, _ = x_BxHxWxGI.shape
    out_channels = groups * kernels_PxIxO[0].shape[-1]
    transforms = minimal_filtering(TILE, taps)
    out_h, out_w = height - taps + 1, width - taps + 1

    def convolve_rows(rows_RxNxWxGI: jax.Array) -> jax.Array:
        tiles_PxTxGI = _tiles_of_rows(rows_RxNxWxGI, transforms)
        rows = rows_RxNxWxGI.shape[0]
        outputs = [
            _pixels(tiles_PxTxI @ kernel_PxIxO, rows, transforms)[:, :, :out_w]
            for tiles_PxTxI, kernel_PxIxO in zip(
                jnp.split(tiles_PxTxGI, groups, axis=-1), kernels_PxIxO, strict=True
            )
        ]
        return jnp.concatenate(outputs, axis=-1)

    rows_RxNxWxGI = _rows_of_tiles(x_BxHxWxGI, transforms)
    chunk = _rows_at_once(len(rows_RxNxWxGI), out_w, taps, out_channels)
    y_RxMxX = map_chunks(convolve_rows, _chunked(rows_RxNxWxGI, chunk))
    return y_RxMxX.reshape(images, -1, out_w, out_channels)[:, :out_h]


def kernel_gradient(
    x_BxHxWxGI: jax.Array, dy_BxYxXxGO: jax.Array, *, taps: int, stride: int, groups: int
) -> jax.Array:
    """Gradient of the convolution with respect to its kernel, float32 [K, K, I, G * O]."""
    transforms = minimal_filtering(TILE, taps)

    def products_gradient(rows_RxNxWxGI: jax.Array, dy_RxMxXxGO: jax.Array) -> tuple[jax.Array, ...]:
        tiles_PxTxGI = _tiles_of_rows(rows_RxNxWxGI, transforms)
        d_products_PxTxGO = _pixels_transposed(dy_RxMxXxGO, transforms)
        return tuple(
            jnp.einsum("pti,pto->pio", tiles, d_products)
            for tiles, d_products in zip(
                jnp.split(tiles_PxTxGI, groups, axis=-1),
                jnp.split(d_products_PxTxGO, groups, axis=-1),
                strict=True,
            )
        )

    rows_RxNxWxGI = _rows_of_tiles(x_BxHxWxGI, transforms)
    _, _, out_w, out_channels = dy_BxYxXxGO.shape
    chunk = _rows_at_once(len(rows_RxNxWxGI), out_w, taps, out_channels)
    d_kernels_PxIxO = sum_over_chunks(
        products_gradient, _chunked(rows_RxNxWxGI, chunk), _chunked(_whole_tiles(dy_BxYxXxGO), chunk)
    )
    d_kernels = [
        _both_axes(transforms.kernel_NxR.T, d_kernel).reshape(taps, taps, *d_kernel.shape[1:])
        for d_kernel in d_kernels_PxIxO
    ]
    return jnp.concatenate(d_kernels, axis=-1)


def sum_over_chunks(
    function: Callable[..., tuple[jax.Array, ...]], *chunked: jax.Array
) -> tuple[jax.Array, ...]:
    """Sums of what `function` gives of the arguments' chunks, along their leading axes."""

    def add(totals: tuple[jax.Array, ...], chunks: tuple[jax.Array, ...]) -> Any:
        return jax.tree.map(jnp.add, totals, function(*chunks)), None

    first = function(*(a[0] for a in chunked))
    if len(chunked[0]) == 1:
        return first
    totals, _ = lax.scan(add, first, tuple(a[1:] for a in chunked))
    return totals


def map_chunks(function: Callable[[jax.Array], jax.Array], chunked: jax.Array) -> jax.Array:
    """`lax.map`, whose result needs no memory before `chunked` is there."""
    if len(chunked) == 1:
        return function(chunked[0])[None]
    shape = jax.eval_shape(function, chunked[0]).shape

    def put(i: int, results: jax.Array) -> jax.Array:
        return lax.dynamic_update_index_in_dim(results, function(chunked[i]), i, 0)

    # All of it will be overwritten. A constant would be allocated as soon as the program starts.
    anything = jnp.broadcast_to(chunked.ravel()[0], (len(chunked), *shape))
    return lax.fori_loop(0, len(chunked), put, anything)


def _chunked(a_R: jax.Array, chunk: int) -> jax.Array:
    return a_R.reshape(-1, chunk, *a_R.shape[1:])


def _tiles(size: int, taps: int) -> int:
    return -(-(size - taps + 1) // TILE)


def _rows_at_once(rows: int, out_w: int, taps: int, out_channels: int) -> int:
    """Largest divisor of the rows of tiles with no more than `MAX_PRODUCTS` products."""
    products = -(-out_w // TILE) * (TILE + taps - 1) ** 2 * out_channels
    most = max(1, MAX_PRODUCTS // products)
    return max(n for n in range(1, min(rows, most) + 1) if rows % n == 0)


def _rows_of_tiles(x_BxHxWxC: jax.Array, transforms: Transforms) -> jax.Array:
    """Overlapping rows of whole tiles, transformed along the height, [R, N, W, C]."""
    _, height, width, channels = x_BxHxWxC.shape
    n = len(transforms.input_NxN)
    taps = n - TILE + 1
    tiles_y, tiles_x = _tiles(height, taps), _tiles(width, taps)
    pad_y, pad_x = TILE * tiles_y + taps - 1 - height, TILE * tiles_x + taps - 1 - width
    x = jnp.pad(x_BxHxWxC, ((0, 0), (0, pad_y), (0, pad_x), (0, 0)))
    rows = transform(transforms.input_NxN, [_every(TILE, x, i, tiles_y, 1) for i in range(n)], 2)
    return rows.reshape(-1, n, width + pad_x, channels)


def _tiles_of_rows(rows_RxNxWxC: jax.Array, transforms: Transforms) -> jax.Array:
    """Tiles in the basis of the products, [P, T, C]."""
    _, n, width, channels = rows_RxNxWxC.shape
    tiles = _tiles(width, n - TILE + 1)
    rows_NxRxWxC = rows_RxNxWxC.transpose(1, 0, 2, 3)
    columns = [_every(TILE, rows_NxRxWxC, j, tiles, 2) for j in range(n)]
    return transform(transforms.input_NxN, columns, axis=1).reshape(n * n, -1, channels)


def _every(step: int, a: jax.Array, start: int, count: int, axis: int) -> jax.Array:
    return lax.slice_in_dim(a, start, start + (count - 1) * step + 1, step, axis)


def _pixels(products_PxTxO: jax.Array, rows: int, transforms: Transforms) -> jax.Array:
    """Outputs [R, M, X, O] of whole tiles."""
    n = len(transforms.input_NxN)
    products = products_PxTxO.reshape(n, n, rows, -1, products_PxTxO.shape[-1])
    halfway = transform(transforms.output_MxN, list(products), axis=2)
    pixels = transform(transforms.output_MxN, list(halfway), axis=3)
    return pixels.reshape(rows, TILE, -1, products_PxTxO.shape[-1])


def _pixels_transposed(dy_RxMxXxO: jax.Array, transforms: Transforms) -> jax.Array:
    """Gradient [P, T, O] of the products, given that of what `_pixels` returns."""
    rows, _, width, channels = dy_RxMxXxO.shape
    tiles = dy_RxMxXxO.reshape(rows, TILE, width // TILE, TILE, channels)
    pixels = tiles.transpose(1, 3, 0, 2, 4).reshape(TILE**2, -1, channels)
    return _both_axes(transforms.output_MxN.T, pixels)


def _whole_tiles(y_BxYxXxC: jax.Array) -> jax.Array:
    """Images padded to whole tiles and cut into rows of them, [R, M, X, C]."""
    _, height, width, channels = y_BxYxXxC.shape
    padded = jnp.pad(y_BxYxXxC, ((0, 0), (0, -height % TILE), (0, -width % TILE), (0, 0)))
    return padded.reshape(-1, TILE, padded.shape[2], channels)


def _both_axes(matrix: np.ndarray, a_QxLxC: jax.Array) -> jax.Array:
    """`matrix` along both axes of the Q = n * n leading values, as one matrix product."""
    flat = np.kron(matrix, matrix) @ a_QxLxC.reshape(len(a_QxLxC), -1)
    return flat.reshape(-1, *a_QxLxC.shape[1:])
