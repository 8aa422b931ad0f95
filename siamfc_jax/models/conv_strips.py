"""Strided convolution of images with few channels (a network's first layer), for CPUs.

At stride S an image is one of S x S times fewer blocks of S x S pixels, over which the K taps
are R = ceil(K / S), both ways. Along the width the kernel is a 1-D Winograd filter. Along the
height the R blocks below each other are consecutive in memory, once columns of blocks are, and
join the channels as the summed axis of a plain matrix product. Strips of output rows keep all
that in the cache.

Output row y = R * q + r sums the blocks of rows y..y + R - 1. For one r, the sums of all q
lie end to end: each r costs a plain copy from its own start.

Shape suffixes: R blocks or rows (above), Q of them, N products per tile, M outputs per tile,
T tiles in a row, D = S * S * C numbers of a block, Z = R * D summed.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

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
STRIP_TILES = 2048  # Rows of the matrix products.


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
    """Kernel in the basis of the products, [N, Z, O]."""
    taps, _, channels, out_channels = kernel_KxKxCxO.shape
    kernel_NxR = _transforms(taps, stride).kernel_NxR
    blocks = kernel_NxR.shape[1]
    padding = (0, blocks * stride - taps)
    kernel = jnp.pad(kernel_KxKxCxO, (padding, padding, (0, 0), (0, 0)))
    blocks_RxSxRxSxCxO = kernel.reshape(blocks, stride, blocks, stride, channels, out_channels)
    products = jnp.einsum("nj,iajbco->niabco", kernel_NxR, blocks_RxSxRxSxCxO)
    return products.reshape(products.shape[0], -1, out_channels)


def convolve(
    x_BxHxWxC: jax.Array, kernel_NxZxO: jax.Array, *, taps: int, stride: int, groups: int
) -> jax.Array:
    """Valid convolution with the kernel that `to_products` gave, float32 [B, Y, X, O]."""
    batch, height, width, channels = x_BxHxWxC.shape
    transforms, block = _transforms(taps, stride), stride**2 * channels
    out_h, out_w = (height - taps) // stride + 1, (width - taps) // stride + 1
    strips = _strips(x_BxHxWxC, taps, stride)

    def convolve_strip(strips_1xXxHD: jax.Array) -> jax.Array:
        (strip_XxHD,) = strips_1xXxHD
        patches_NxRxTxQxZ = _patches(strip_XxHD, transforms, block)
        n, blocks, tiles, count, depth = patches_NxRxTxQxZ.shape
        products = patches_NxRxTxQxZ.reshape(n, -1, depth) @ kernel_NxZxO
        pixels = transform(transforms.output_MxN, list(products))
        pixels_MxRxTxQxO = pixels.reshape(-1, blocks, tiles, count, pixels.shape[-1])
        pixels_QxRxTxMxO = pixels_MxRxTxQxO.transpose(3, 1, 2, 0, 4)
        return pixels_QxRxTxMxO.reshape(1, count * blocks, -1, pixels.shape[-1])

    y = map_chunks(convolve_strip, strips, 1)
    return y.reshape(batch, -1, *y.shape[2:])[:, :out_h, :out_w]


def kernel_gradient(
    x_BxHxWxC: jax.Array, dy_BxYxXxO: jax.Array, *, taps: int, stride: int, groups: int
) -> jax.Array:
    """Gradient of `convolve` with respect to its kernel, float32 [K, K, C, O]."""
    transforms = _transforms(taps, stride)
    tile, n = transforms.output_MxN.shape
    blocks, block = transforms.kernel_NxR.shape[1], stride**2 * x_BxHxWxC.shape[-1]
    batch, out_h, out_w, out_channels = dy_BxYxXxO.shape
    strips, count, tiles = _division(out_h, out_w, transforms)
    pad_y, pad_x = strips * count * blocks - out_h, tiles * tile - out_w
    padded = jnp.pad(dy_BxYxXxO, ((0, 0), (0, pad_y), (0, pad_x), (0, 0)))
    dy_strips = padded.reshape(batch * strips, count, blocks, tiles, tile, out_channels)

    def of_strip(strips_1xXxHD: jax.Array, dy_1xQxRxTxMxO: jax.Array) -> list[jax.Array]:
        (strip_XxHD,), (dy_QxRxTxMxO,) = strips_1xXxHD, dy_1xQxRxTxMxO
        patches_NxRxTxQxZ = _patches(strip_XxHD, transforms, block)
        patches = patches_NxRxTxQxZ.reshape(n, -1, patches_NxRxTxQxZ.shape[-1])
        pixels = lax.optimization_barrier(dy_QxRxTxMxO.transpose(3, 1, 2, 0, 4))
        d_products = transform(transforms.output_MxN.T, list(pixels)).reshape(n, -1, out_channels)
        return [jnp.einsum("ntz,nto->nzo", patches, d_products)]

    arrays = _strips(x_BxHxWxC, taps, stride), dy_strips
    (d_kernel_NxZxO,) = sum_chunks(of_strip, arrays, 1)
    kernel_shape = (taps, taps, x_BxHxWxC.shape[-1], out_channels)
    from_products = jax.linear_transpose(
        functools.partial(to_products, stride=stride, groups=groups),
        jax.ShapeDtypeStruct(kernel_shape, dy_BxYxXxO.dtype),
    )
    (d_kernel,) = from_products(d_kernel_NxZxO)
    return d_kernel


def _transforms(taps: int, stride: int) -> Transforms:
    blocks = -(-taps // stride)
    return minimal_filtering(min(MAX_TILE, MAX_MULTIPLICATIONS + 1 - blocks), blocks)


def _division(out_h: int, out_w: int, transforms: Transforms) -> tuple[int, int, int]:
    """Strips of the output, times R rows in each of them, and tiles in a row."""
    tile, blocks = len(transforms.output_MxN), transforms.kernel_NxR.shape[1]
    tiles = -(-out_w // tile)
    strips = -(-out_h * tiles // STRIP_TILES)
    count = -(-out_h // (strips * blocks))
    return -(-out_h // (count * blocks)), count, tiles


def _strips(x_BxHxWxC: jax.Array, taps: int, stride: int) -> jax.Array:
    """Overlapping strips of the padded images, columns of blocks, [B * strips, X, H * D]."""
    batch, height, width, channels = x_BxHxWxC.shape
    transforms = _transforms(taps, stride)
    tile, n = transforms.output_MxN.shape
    blocks = transforms.kernel_NxR.shape[1]
    out_h, out_w = (height - taps) // stride + 1, (width - taps) // stride + 1
    strips, count, tiles = _division(out_h, out_w, transforms)
    blocks_y, blocks_x = (strips * count + 1) * blocks, tiles * tile + n - tile
    x = x_BxHxWxC[:, : blocks_y * stride, : blocks_x * stride]
    pad_y, pad_x = blocks_y * stride - x.shape[1], blocks_x * stride - x.shape[2]
    x = jnp.pad(x, ((0, 0), (0, pad_y), (0, pad_x), (0, 0)))
    x_BxYxSxXxSxC = x.reshape(batch, blocks_y, stride, blocks_x, stride, channels)
    x_BxXxYD = x_BxYxSxXxSxC.transpose(0, 3, 1, 2, 4, 5).reshape(batch, blocks_x, -1)
    depth = blocks * stride**2 * channels
    step, size = count * depth, (count + 1) * depth
    cut = [x_BxXxYD[:, :, i * step : i * step + size] for i in range(strips)]
    return jnp.stack(cut, axis=1).reshape(batch * strips, blocks_x, size)


def _patches(strip_XxHD: jax.Array, transforms: Transforms, block: int) -> jax.Array:
    """What every product is summed over, [N, R, T, Q, Z], given D."""
    columns, size = strip_XxHD.shape
    tile, n = transforms.output_MxN.shape
    blocks = transforms.kernel_NxR.shape[1]
    tiles, depth = (columns - n) // tile + 1, blocks * block
    of_products = [strip_XxHD[j : j + (tiles - 1) * tile + 1 : tile] for j in range(n)]
    values_NxTxHD = transform(transforms.input_NxN, of_products)
    starts = range(0, depth, block)
    parts = [values_NxTxHD[:, :, start : start + size - depth] for start in starts]
    return jnp.stack(parts, axis=1).reshape(n, blocks, tiles, -1, depth)
