"""2-D Winograd convolution of square kernels at stride 1, for CPUs.

The output is cut into tiles of 4 x 4. With N = 4 + taps - 1, every tile costs N * N products
per pair of channels instead of 16 * taps * taps: 4 times (3 x 3) or 6.25 times (5 x 5) fewer.
The products of all tiles form N * N plain matrix products over the channels.

Shape suffixes: B images, R rows of tiles (of all images), M = 4, N products along one axis,
P = N * N, T tiles, G groups of I, O channels.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from siamfc_jax.models.chunks import map_chunks, sum_chunks
from siamfc_jax.models.winograd import (
    MAX_MULTIPLICATIONS,
    Transforms,
    minimal_filtering,
    transform,
)

TILE = 4
MAX_TAPS = MAX_MULTIPLICATIONS + 1 - TILE
MIN_CHANNELS = 16
# Numbers in an intermediate: enough to keep two cores busy, few enough to stay in the cache.
MAX_PRODUCTS = 2_100_000
MAX_ROWS = 2_300_000


def accepts(kernel_shape: tuple[int, ...], stride: int, groups: int) -> bool:
    """Whether the kernel is of the kind this lowering is for."""
    taps, taps_x, channels, _ = kernel_shape
    return stride == 1 and taps == taps_x and 2 <= taps <= MAX_TAPS and channels >= MIN_CHANNELS


def is_profitable(image_shape: tuple[int, ...], taps: int) -> bool:
    """Whether whole tiles need clearly fewer multiplications than the plain sum."""
    _, height, width, _ = image_shape
    out_h, out_w = height - taps + 1, width - taps + 1
    return 2 * _tiles(out_h) * _tiles(out_w) * (TILE + taps - 1) ** 2 < out_h * out_w * taps**2


def to_products(kernel_KxKxIxGO: jax.Array, *, stride: int, groups: int) -> tuple[jax.Array, ...]:
    """Kernel of each group in the basis of the products, [P, I, O]."""
    taps = len(kernel_KxKxIxGO)
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
    padding: int = 0,
) -> jax.Array:
    """Convolution with the kernels that `to_products` gave, float32 [B, Y, X, G * O]."""
    _, height, width, _ = x_BxHxWxGI.shape
    transforms = minimal_filtering(TILE, taps)
    out_h, out_w = (size + 2 * padding - taps + 1 for size in (height, width))
    out_channels = groups * kernels_PxIxO[0].shape[-1]

    def convolve_rows(rows_RxNxWxGI: jax.Array) -> jax.Array:
        tiles_PxTxGI = _tiles_of_rows(rows_RxNxWxGI, transforms)
        outputs = [
            _pixels(tiles @ kernel, len(rows_RxNxWxGI), transforms)[:, :, :out_w]
            for tiles, kernel in zip(_by_group(tiles_PxTxGI, groups), kernels_PxIxO, strict=True)
        ]
        return jnp.concatenate(outputs, axis=-1)

    def convolve_images(x_BxHxWxGI: jax.Array) -> jax.Array:
        rows = _rows_of_tiles(x_BxHxWxGI, padding, transforms)
        y_RxMxX = map_chunks(convolve_rows, rows, rows_at_once)
        return y_RxMxX.reshape(len(x_BxHxWxGI), -1, out_w, out_channels)[:, :out_h]

    rows_at_once, images_at_once = _chunk_sizes(x_BxHxWxGI, taps, padding, out_channels)
    return map_chunks(convolve_images, x_BxHxWxGI, images_at_once)


def kernel_gradient(
    x_BxHxWxGI: jax.Array, dy_BxYxXxGO: jax.Array, *, taps: int, stride: int, groups: int
) -> jax.Array:
    """Gradient of the convolution with respect to its kernel, float32 [K, K, I, G * O]."""
    out_channels = dy_BxYxXxGO.shape[-1]
    transforms = minimal_filtering(TILE, taps)

    def of_rows(rows_RxNxWxGI: jax.Array, dy_RxMxXxGO: jax.Array) -> list[jax.Array]:
        tiles_PxTxGI = _tiles_of_rows(rows_RxNxWxGI, transforms)
        d_products_PxTxGO = _products_of_pixels(dy_RxMxXxGO, transforms)
        return [
            jnp.einsum("pti,pto->pio", tiles, d_products)
            for tiles, d_products in zip(
                _by_group(tiles_PxTxGI, groups), _by_group(d_products_PxTxGO, groups), strict=True
            )
        ]

    def of_images(x_BxHxWxGI: jax.Array, dy_BxYxXxGO: jax.Array) -> list[jax.Array]:
        rows = _rows_of_tiles(x_BxHxWxGI, 0, transforms)
        return sum_chunks(of_rows, (rows, _rows_of_pixels(dy_BxYxXxGO)), rows_at_once)

    rows_at_once, images_at_once = _chunk_sizes(x_BxHxWxGI, taps, 0, out_channels)
    d_kernels = [
        _both_axes(transforms.kernel_NxR.T, d_kernel_PxIxO)
        for d_kernel_PxIxO in sum_chunks(of_images, (x_BxHxWxGI, dy_BxYxXxGO), images_at_once)
    ]
    return jnp.concatenate(d_kernels, axis=-1).reshape(taps, taps, -1, out_channels)


def _chunk_sizes(
    x_BxHxWxC: jax.Array, taps: int, padding: int, out_channels: int
) -> tuple[int, int]:
    """Rows of tiles to multiply, and images to cut into such rows, at once."""
    _, height, width, channels = x_BxHxWxC.shape
    n = TILE + taps - 1
    tiles_y, tiles_x = (_tiles(size + 2 * padding - taps + 1) for size in (height, width))
    row_products = tiles_x * n * n * max(channels, out_channels)
    image_rows = tiles_y * n * (TILE * tiles_x + taps - 1) * channels
    return MAX_PRODUCTS // row_products, MAX_ROWS // image_rows


def _tiles(pixels: int) -> int:
    return -(-pixels // TILE)


def _rows_of_tiles(x_BxHxWxC: jax.Array, padding: int, transforms: Transforms) -> jax.Array:
    """Overlapping rows of whole tiles, transformed along the height, [R, N, W, C]."""
    _, height, width, channels = x_BxHxWxC.shape
    n = len(transforms.input_NxN)
    overlap = n - TILE
    tiles_y, tiles_x = (_tiles(size + 2 * padding - overlap) for size in (height, width))
    bottom, right = (
        TILE * tiles + overlap - padding - size
        for tiles, size in ((tiles_y, height), (tiles_x, width))
    )
    x = jnp.pad(x_BxHxWxC, ((0, 0), (padding, bottom), (padding, right), (0, 0)))
    rows = transform(transforms.input_NxN, [_every(TILE, x, i, tiles_y, 1) for i in range(n)], 2)
    return rows.reshape(-1, n, TILE * tiles_x + overlap, channels)


def _tiles_of_rows(rows_RxNxWxC: jax.Array, transforms: Transforms) -> jax.Array:
    """Tiles in the basis of the products, [P, T, C]."""
    _, n, width, channels = rows_RxNxWxC.shape
    tiles = _tiles(width - n + TILE)
    rows_NxRxWxC = rows_RxNxWxC.transpose(1, 0, 2, 3)
    columns = [_every(TILE, rows_NxRxWxC, j, tiles, 2) for j in range(n)]
    return transform(transforms.input_NxN, columns, axis=1).reshape(n * n, -1, channels)


def _every(step: int, a: jax.Array, start: int, count: int, axis: int) -> jax.Array:
    return lax.slice_in_dim(a, start, start + (count - 1) * step + 1, step, axis)


def _pixels(products_PxTxO: jax.Array, rows: int, transforms: Transforms) -> jax.Array:
    """Outputs [R, M, X, O] of whole tiles."""
    n = len(transforms.input_NxN)
    products_NxNxRxTxO = products_PxTxO.reshape(n, n, rows, -1, products_PxTxO.shape[-1])
    columns_NxRxMxTxO = transform(transforms.output_MxN, list(products_NxNxRxTxO), axis=2)
    pixels_RxMxTxMxO = transform(transforms.output_MxN, list(columns_NxRxMxTxO), axis=3)
    return pixels_RxMxTxMxO.reshape(rows, TILE, -1, products_PxTxO.shape[-1])


def _rows_of_pixels(y_BxYxXxO: jax.Array) -> jax.Array:
    """Images padded to whole tiles and cut into rows of them, [R, M, X, O]."""
    _, height, width, channels = y_BxYxXxO.shape
    padded = jnp.pad(y_BxYxXxO, ((0, 0), (0, -height % TILE), (0, -width % TILE), (0, 0)))
    return padded.reshape(-1, TILE, padded.shape[2], channels)


def _products_of_pixels(dy_RxMxXxO: jax.Array, transforms: Transforms) -> jax.Array:
    """Gradient [P, T, O] of the products, given that of what `_pixels` returns."""
    rows, _, width, channels = dy_RxMxXxO.shape
    tiles = dy_RxMxXxO.reshape(rows, TILE, width // TILE, TILE, channels)
    pixels_MxMxRxTxO = lax.optimization_barrier(tiles.transpose(1, 3, 0, 2, 4))
    columns_NxMxRxTxO = transform(transforms.output_MxN.T, list(pixels_MxMxRxTxO))
    columns_MxNxRxTxO = list(columns_NxMxRxTxO.transpose(1, 0, 2, 3, 4))
    products_NxNxRxTxO = transform(transforms.output_MxN.T, columns_MxNxRxTxO, axis=1)
    return products_NxNxRxTxO.reshape(len(transforms.input_NxN) ** 2, -1, channels)


def _by_group(a_GC: jax.Array, groups: int) -> list[jax.Array]:
    return jnp.split(a_GC, groups, axis=-1)


def _both_axes(matrix: np.ndarray, a_Q: jax.Array) -> jax.Array:
    """`matrix` along both axes of the Q = n * n leading values, as one matrix product."""
    flat = jnp.matmul(np.kron(matrix, matrix), a_Q.reshape(len(a_Q), -1))
    return flat.reshape(-1, *a_Q.shape[1:])
