"""2-D Winograd convolution of square kernels at stride 1, for CPUs.

The output is cut into tiles of 4 x 4. With N = 4 + taps - 1, every tile costs N * N products
per pair of channels, instead of 16 * taps * taps: 4 times (3 x 3) or 6.25 times (5 x 5) fewer.
The products over all tiles form N * N plain matrix products over the channels.

Shape suffixes: B images, T tiles (of all images), P = N * N products, I, O channels.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from siamfc_jax.models.winograd import MAX_MULTIPLICATIONS, Transforms, minimal_filtering

TILE = 4
MAX_TAPS = MAX_MULTIPLICATIONS + 1 - TILE
# Larger intermediates leave the cache and, worse, are returned to the system after every
# call, which then has to map them again page by page.
MAX_PRODUCTS_BYTES = 16 * 2**20


def is_profitable(image_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> bool:
    """Whether whole tiles need clearly fewer multiplications than the plain sum."""
    _, height, width, _ = image_shape
    taps_y, taps_x, channels, _ = kernel_shape
    if taps_y != taps_x or not 2 <= taps_y <= MAX_TAPS or channels < 8:
        return False
    out_h, out_w = height - taps_y + 1, width - taps_x + 1
    tiles = -(-out_h // TILE) * -(-out_w // TILE)
    return 2 * tiles * (TILE + taps_y - 1) ** 2 < out_h * out_w * taps_y**2


def convolve(
    x_BxHxWxC: jax.Array, kernel_KxKxIxO: jax.Array, *, groups: int
) -> jax.Array:
    """Valid convolution, float32 [B, H - K + 1, W - K + 1, O]."""
    taps = kernel_KxKxIxO.shape[0]
    transforms = minimal_filtering(TILE, taps)
    kernels_PxIxO = [
        _both_axes(transforms.kernel_NxR, kernel.reshape(taps**2, *kernel.shape[2:]))
        for kernel in jnp.split(kernel_KxKxIxO, groups, axis=-1)
    ]

    def convolve_some(x_BxHxWxC: jax.Array) -> jax.Array:
        tiles_PxTxC = _cut(x_BxHxWxC, transforms)
        outputs = [
            _join(tiles_PxTxI @ kernel_PxIxO, x_BxHxWxC.shape, transforms)
            for tiles_PxTxI, kernel_PxIxO in zip(
                jnp.split(tiles_PxTxC, groups, axis=-1), kernels_PxIxO, strict=True
            )
        ]
        return jnp.concatenate(outputs, axis=-1)

    images, out_channels = x_BxHxWxC.shape[0], kernel_KxKxIxO.shape[-1]
    chunk = _images_at_once(x_BxHxWxC.shape, taps, out_channels // groups)
    if chunk == images:
        return convolve_some(x_BxHxWxC)
    y = lax.map(convolve_some, _chunked(x_BxHxWxC, chunk))
    return y.reshape(images, *y.shape[2:])


def kernel_gradient(
    x_BxHxWxC: jax.Array, dy_BxYxXxO: jax.Array, *, taps: int, groups: int
) -> jax.Array:
    """Gradient of `convolve` with respect to its kernel, float32 [taps, taps, I, O]."""
    transforms = minimal_filtering(TILE, taps)

    def products_gradient(x_BxHxWxC: jax.Array, dy_BxYxXxO: jax.Array) -> jax.Array:
        tiles_PxTxC = _cut(x_BxHxWxC, transforms)
        d_products_PxTxO = _join_transposed(dy_BxYxXxO, transforms)
        return jnp.stack(
            [
                jnp.einsum("pti,pto->pio", tiles, d_products)
                for tiles, d_products in zip(
                    jnp.split(tiles_PxTxC, groups, axis=-1),
                    jnp.split(d_products_PxTxO, groups, axis=-1),
                    strict=True,
                )
            ],
        )

    images, out_channels = dy_BxYxXxO.shape[0], dy_BxYxXxO.shape[-1]
    chunk = _images_at_once(x_BxHxWxC.shape, taps, out_channels)
    d_kernels_GxPxIxO = sum_over_chunks(
        products_gradient, _chunked(x_BxHxWxC, chunk), _chunked(dy_BxYxXxO, chunk)
    )
    groups_of_taps = [
        _both_axes(transforms.kernel_NxR.T, d_kernel).reshape(taps, taps, *d_kernel.shape[1:])
        for d_kernel in d_kernels_GxPxIxO
    ]
    return jnp.concatenate(groups_of_taps, axis=-1)


def sum_over_chunks(
    function: Callable[..., jax.Array], *chunked: jax.Array
) -> jax.Array:
    """Sum of `function` over the leading axis of its arguments, one chunk at a time."""
    first, rest = [a[0] for a in chunked], [a[1:] for a in chunked]
    if not len(rest[0]):
        return function(*first)
    total, _ = lax.scan(lambda total, args: (total + function(*args), None), function(*first), rest)
    return total


def _images_at_once(image_shape: tuple[int, ...], taps: int, out_channels: int) -> int:
    """Largest divisor of the batch whose products stay within `MAX_PRODUCTS_BYTES`."""
    images, height, width, _ = image_shape
    tiles = -(-(height - taps + 1) // TILE) * -(-(width - taps + 1) // TILE)
    image_bytes = 4 * tiles * (TILE + taps - 1) ** 2 * out_channels
    most = max(1, MAX_PRODUCTS_BYTES // image_bytes)
    return max(n for n in range(1, min(images, most) + 1) if images % n == 0)


def _chunked(a_Bx: jax.Array, chunk: int) -> jax.Array:
    return a_Bx.reshape(-1, chunk, *a_Bx.shape[1:])


def _cut(x_BxHxWxC: jax.Array, transforms: Transforms) -> jax.Array:
    """Overlapping input tiles in the basis of the products, [P, T, C]."""
    images, height, width, channels = x_BxHxWxC.shape
    n = len(transforms.input_NxN)
    overlap = n - TILE
    tiles_y, tiles_x = -(-(height - overlap) // TILE), -(-(width - overlap) // TILE)
    pad_y, pad_x = tiles_y * TILE + overlap - height, tiles_x * TILE + overlap - width
    x = jnp.pad(x_BxHxWxC, ((0, 0), (0, pad_y), (0, pad_x), (0, 0)))

    def every_tile(a: jax.Array, offset: int, tiles: int, axis: int) -> jax.Array:
        return lax.slice_in_dim(a, offset, offset + (tiles - 1) * TILE + 1, TILE, axis)

    rows = combine(transforms.input_NxN, [every_tile(x, i, tiles_y, 1) for i in range(n)])
    values = [
        value.reshape(-1, channels)
        for row in rows
        for value in combine(
            transforms.input_NxN, [every_tile(row, j, tiles_x, 2) for j in range(n)]
        )
    ]
    return jnp.stack(values)


def _join(
    products_PxTxO: jax.Array, image_shape: tuple[int, ...], transforms: Transforms
) -> jax.Array:
    """Output [B, Y, X, O] of the products of all tiles."""
    images, height, width, _ = image_shape
    overlap = len(transforms.input_NxN) - TILE
    out_h, out_w = height - overlap, width - overlap
    tiles_y, tiles_x = -(-out_h // TILE), -(-out_w // TILE)
    pixels = _both_axes(transforms.output_MxN, products_PxTxO)
    tiles = pixels.reshape(TILE, TILE, images, tiles_y, tiles_x, -1)
    padded = tiles.transpose(2, 3, 0, 4, 1, 5).reshape(images, tiles_y * TILE, tiles_x * TILE, -1)
    return padded[:, :out_h, :out_w]


def _join_transposed(dy_BxYxXxO: jax.Array, transforms: Transforms) -> jax.Array:
    """Gradient [P, T, O] of the products, of the gradient of what `_join` gives."""
    images, out_h, out_w, channels = dy_BxYxXxO.shape
    tiles_y, tiles_x = -(-out_h // TILE), -(-out_w // TILE)
    pad_y, pad_x = tiles_y * TILE - out_h, tiles_x * TILE - out_w
    padded = jnp.pad(dy_BxYxXxO, ((0, 0), (0, pad_y), (0, pad_x), (0, 0)))
    tiles = padded.reshape(images, tiles_y, TILE, tiles_x, TILE, channels)
    pixels = tiles.transpose(2, 4, 0, 1, 3, 5).reshape(TILE**2, -1, channels)
    return _both_axes(transforms.output_MxN.T, pixels)


def _both_axes(transform: np.ndarray, a_QxLxC: jax.Array) -> jax.Array:
    """`transform` along both axes of the Q = n * n leading values, as one matrix product."""
    flat = np.kron(transform, transform) @ a_QxLxC.reshape(a_QxLxC.shape[0], -1)
    return flat.reshape(-1, *a_QxLxC.shape[1:])


def combine(matrix: np.ndarray, values: list[jax.Array]) -> list[jax.Array]:
    """`matrix` times the vector of `values`, as sums that skip the zeros."""
    return [
        functools.reduce(
            jnp.add, [float(c) * v for c, v in zip(row, values, strict=True) if c != 0]
        )
        for row in matrix
    ]
