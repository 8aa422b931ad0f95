"""Strided convolution of images with few channels (a network's first layer), for CPUs.

Along the width the kernel is a 1-D Winograd filter: at stride S a row of pixels is a row of
S times fewer blocks of S pixels, over which the K taps are ceil(K / S). Along the height
the K rows of blocks below each other are consecutive in memory, and join the channels as
the summed axis of a plain matrix product. Strips of output rows keep all that in the cache.

Shape suffixes: N products per tile, T tiles in a row, Y output rows, D = K * S * C summed.
"""

import functools

import jax
import jax.numpy as jnp

from siamfc_jax.models.chunks import map_chunks, sum_chunks
from siamfc_jax.models.winograd import (
    MAX_MULTIPLICATIONS,
    Transforms,
    minimal_filtering,
    transform,
)

MAX_TILE = 4
MAX_BLOCKS = MAX_MULTIPLICATIONS - 1
MAX_BLOCK_CHANNELS = 64
STRIP_TILES = 1536  # Rows of the matrix products.


def accepts(kernel_shape: tuple[int, ...], stride: int, groups: int) -> bool:
    """Whether the kernel is of the kind this lowering is for."""
    taps, taps_x, channels, _ = kernel_shape
    few_channels = groups == 1 and stride**2 * channels <= MAX_BLOCK_CHANNELS
    return taps == taps_x and few_channels and 1 < stride < taps <= MAX_BLOCKS * stride


def is_profitable(image_shape: tuple[int, ...], taps: int) -> bool:
    """Whether the image is of the kind this lowering is for."""
    _, height, width, _ = image_shape
    return min(height, width) >= taps


def to_products(kernel_KxKxCxO: jax.Array, *, stride: int, groups: int) -> jax.Array:
    """Kernel in the basis of the products, [N, D, O]."""
    taps, _, _, out_channels = kernel_KxKxCxO.shape
    kernel_NxR = _transforms(taps, stride).kernel_NxR
    blocks = kernel_NxR.shape[1]
    pad_x = blocks * stride - taps
    kernel = jnp.pad(kernel_KxKxCxO, ((0, 0), (0, pad_x), (0, 0), (0, 0)))
    blocks_KxRxSCxO = kernel.reshape(taps, blocks, -1, out_channels)
    products = jnp.einsum("nr,krco->nkco", kernel_NxR, blocks_KxRxSCxO)
    return products.reshape(products.shape[0], -1, out_channels)


def convolve(
    x_BxHxWxC: jax.Array, kernel_NxDxO: jax.Array, *, taps: int, stride: int, groups: int
) -> jax.Array:
    """Valid convolution with the kernel that `to_products` gave, float32 [B, Y, X, O]."""
    out_w = (x_BxHxWxC.shape[2] - taps) // stride + 1
    transforms = _transforms(taps, stride)

    def convolve_strip(strips_1xRxWxC: jax.Array) -> jax.Array:
        (strip_RxWxC,) = strips_1xRxWxC
        patches_NxTxYxD = _patches(strip_RxWxC, transforms, taps, stride)
        n, tiles, rows, depth = patches_NxTxYxD.shape
        products = patches_NxTxYxD.reshape(n, -1, depth) @ kernel_NxDxO
        pixels = jnp.matmul(transforms.output_MxN, products.reshape(n, -1))
        pixels_MxTxYxO = pixels.reshape(-1, tiles, rows, kernel_NxDxO.shape[-1])
        padded = pixels_MxTxYxO.transpose(2, 1, 0, 3).reshape(rows, -1, pixels_MxTxYxO.shape[-1])
        return padded[None, :, :out_w]

    strips, out_h = _strips(x_BxHxWxC, taps, stride)
    y = map_chunks(convolve_strip, strips, 1)
    return y.reshape(x_BxHxWxC.shape[0], -1, *y.shape[2:])[:, :out_h]


def kernel_gradient(
    x_BxHxWxC: jax.Array, dy_BxYxXxO: jax.Array, *, taps: int, stride: int, groups: int
) -> jax.Array:
    """Gradient of `convolve` with respect to its kernel, float32 [K, K, C, O]."""
    transforms = _transforms(taps, stride)
    tile, n = transforms.output_MxN.shape
    _, out_h, out_w, out_channels = dy_BxYxXxO.shape
    strips, _ = _strips(x_BxHxWxC, taps, stride)
    tiles = -(-out_w // tile)
    rows = _rows_per_strip(out_h, tiles)
    pad_y, pad_x = -out_h % rows, tiles * tile - out_w
    padded = jnp.pad(dy_BxYxXxO, ((0, 0), (0, pad_y), (0, pad_x), (0, 0)))
    dy_strips = padded.reshape(-1, rows, tiles, tile, out_channels)

    def of_strip(strips_1xRxWxC: jax.Array, dy_1xYxTxMxO: jax.Array) -> list[jax.Array]:
        (strip_RxWxC,), (dy_YxTxMxO,) = strips_1xRxWxC, dy_1xYxTxMxO
        patches_NxTxYxD = _patches(strip_RxWxC, transforms, taps, stride)
        pixels = dy_YxTxMxO.transpose(2, 1, 0, 3).reshape(tile, -1)
        d_products = jnp.matmul(transforms.output_MxN.T, pixels).reshape(n, -1, out_channels)
        patches = patches_NxTxYxD.reshape(n, -1, patches_NxTxYxD.shape[-1])
        return [jnp.einsum("ntd,nto->ndo", patches, d_products)]

    (d_kernel_NxDxO,) = sum_chunks(of_strip, (strips, dy_strips), 1)
    kernel_shape = (taps, taps, x_BxHxWxC.shape[-1], out_channels)
    from_products = jax.linear_transpose(
        functools.partial(to_products, stride=stride, groups=groups),
        jax.ShapeDtypeStruct(kernel_shape, dy_BxYxXxO.dtype),
    )
    (d_kernel,) = from_products(d_kernel_NxDxO)
    return d_kernel


def _transforms(taps: int, stride: int) -> Transforms:
    blocks = -(-taps // stride)
    return minimal_filtering(min(MAX_TILE, MAX_MULTIPLICATIONS + 1 - blocks), blocks)


def _rows_per_strip(out_h: int, tiles: int) -> int:
    strips = -(-out_h * tiles // STRIP_TILES)
    return -(-out_h // strips)


def _strips(x_BxHxWxC: jax.Array, taps: int, stride: int) -> tuple[jax.Array, int]:
    """Overlapping strips [B * strips, rows, W', C] of the padded images; the output's height."""
    _, height, width, _ = x_BxHxWxC.shape
    tile, n = _transforms(taps, stride).output_MxN.shape
    out_h, out_w = (height - taps) // stride + 1, (width - taps) // stride + 1
    tiles = -(-out_w // tile)
    rows = _rows_per_strip(out_h, tiles)
    strips = -(-out_h // rows)
    blocks = -(-taps // stride)
    in_rows, in_h = stride * (rows + blocks - 1), stride * (strips * rows + blocks - 1)
    in_w = stride * (tiles * tile + n - tile)
    x = x_BxHxWxC[:, : min(height, in_h), : min(width, in_w)]
    pad_y, pad_x = in_h - x.shape[1], in_w - x.shape[2]
    x = jnp.pad(x, ((0, 0), (0, pad_y), (0, pad_x), (0, 0)))
    starts = [stride * rows * i for i in range(strips)]
    cut = jnp.stack([x[:, start : start + in_rows] for start in starts], axis=1)
    return cut.reshape(-1, *cut.shape[2:]), out_h


def _patches(strip_RxWxC: jax.Array, transforms: Transforms, taps: int, stride: int) -> jax.Array:
    """What every product is summed over, [N, T, Y, D]."""
    height, width, channels = strip_RxWxC.shape
    tile, n = transforms.output_MxN.shape
    blocks = transforms.kernel_NxR.shape[1]
    tiles, rows = (width // stride - n) // tile + 1, height // stride - blocks + 1
    pixels = strip_RxWxC.reshape(height, width // stride, stride * channels)
    columns = [pixels[:, j : j + (tiles - 1) * tile + 1 : tile] for j in range(n)]
    values = transform(transforms.input_NxN, columns).transpose(0, 2, 1, 3)
    block_rows = values.reshape(n, tiles, height // stride, stride * stride * channels)
    last = (taps - (blocks - 1) * stride) * stride * channels
    parts = [block_rows[:, :, i : i + rows] for i in range(blocks)]
    parts[-1] = parts[-1][..., :last]
    return jnp.concatenate(parts, axis=-1)
