"""Cross-correlation of feature maps, the head of a Siamese tracker.

Canonical shapes: G groups in which every template meets every search region, T templates
[h, w, C] and S search regions [H, W, C] in each, responses of Y = H - h + 1, X = W - w + 1.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax


def xcorr(template: jax.Array, search: jax.Array) -> jax.Array:
    """Inner products of the template with every window of the search region.

    Args:
      template: [..., h, w, C].
      search: [..., H, W, C], H >= h and W >= w; the leading axes broadcast against the
        template's: [T, 1, h, w, C] with [T, S, H, W, C] gives each template S search regions.

    Returns:
      [..., H - h + 1, W - w + 1], the leading axes broadcast.

    Raises:
      ValueError: the template is larger than the search region, the channels differ, or the
        leading axes do not broadcast.
    """
    (*_, h, w, channels), (*_, height, width, others) = template.shape, search.shape
    if h > height or w > width or channels != others:
        raise ValueError(f"template {template.shape} does not fit search region {search.shape}")
    batch = jnp.broadcast_shapes(template.shape[:-3], search.shape[:-3])
    templates = _with_rank(template, len(batch) + 3)
    searches = _with_rank(search, len(batch) + 3)

    axes = range(len(batch))
    grouped = [i for i in axes if templates.shape[i] == searches.shape[i]]
    of_templates = [i for i in axes if i not in grouped and searches.shape[i] == 1]
    of_searches = [i for i in axes if i not in grouped and templates.shape[i] == 1]
    groups = math.prod(batch[i] for i in grouped)
    order = grouped + of_templates + of_searches

    several_each = groups > 1 and of_templates
    response_GxTxSxYxX = lax.platform_dependent(
        _canonical(templates, order, groups),
        _canonical(searches, order, groups),
        cpu=_by_products,
        # Of many groups with few outputs each, accelerators make a slow convolution.
        default=_by_products if several_each else _by_convolution,
    )
    size = response_GxTxSxYxX.shape[-2:]
    ordered = response_GxTxSxYxX.reshape(*(batch[i] for i in order), *size)
    back = [order.index(i) for i in axes]
    return ordered.transpose(*back, len(batch), len(batch) + 1)


def xcorr_depthwise(template: jax.Array, search: jax.Array) -> jax.Array:
    """Cross-correlation of every channel by itself.

    Args:
      template: [..., h, w, C].
      search: [..., H, W, C], H >= h and W >= w, of the same rank; the leading axes broadcast.

    Returns:
      [..., H - h + 1, W - w + 1, C].

    Raises:
      ValueError: the template is larger than the search region.
    """
    (*_, h, w, _), (*_, height, width, _) = template.shape, search.shape
    if h > height or w > width:
        raise ValueError(f"template {template.shape} does not fit search region {search.shape}")
    rows, columns = height - h + 1, width - w + 1
    # A sum of products of slices is one fused loop, which no convolution of many groups matches.
    terms = [
        template[..., i : i + 1, j : j + 1, :] * search[..., i : i + rows, j : j + columns, :]
        for i in range(h)
        for j in range(w)
    ]
    return functools.reduce(jnp.add, terms)


def _with_rank(a: jax.Array, rank: int) -> jax.Array:
    return a.reshape((1,) * (rank - a.ndim) + a.shape)


def _canonical(a: jax.Array, order: list[int], groups: int) -> jax.Array:
    last = len(order)
    ordered = a.transpose(*order, last, last + 1, last + 2)
    return ordered.reshape(groups, math.prod(a.shape[:last]) // groups, *a.shape[last:])


def _by_convolution(template_GxTxhxwxC: jax.Array, search_GxSxHxWxC: jax.Array) -> jax.Array:
    groups, templates, h, w, channels = template_GxTxhxwxC.shape
    _, searches, height, width, _ = search_GxSxHxWxC.shape
    images = search_GxSxHxWxC.transpose(1, 2, 3, 0, 4)
    kernels = template_GxTxhxwxC.transpose(2, 3, 4, 0, 1)
    response_SxYxXxGT = lax.conv_general_dilated(
        images.reshape(searches, height, width, groups * channels),
        kernels.reshape(h, w, channels, groups * templates),
        window_strides=(1, 1),
        padding="VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
    response = response_SxYxXxGT.reshape(*response_SxYxXxGT.shape[:-1], groups, templates)
    return response.transpose(3, 4, 0, 1, 2)


def _by_products(template_GxTxhxwxC: jax.Array, search_GxSxHxWxC: jax.Array) -> jax.Array:
    """Matrix products over the channels, then sums: far faster than convolution on CPUs."""
    products = jnp.einsum("gthwc,gsyxc->gthwsyx", template_GxTxhxwxC, search_GxSxHxWxC)
    return _sum_along_shifts(products, *template_GxTxhxwxC.shape[2:4])


# The transposed slices would each be padded to the size of all products and then added.
@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _sum_along_shifts(products_GxTxhxwxSxHxW: jax.Array, h: int, w: int) -> jax.Array:
    """Responses [G, T, S, Y, X]: the products of template cell (i, j) moved up i, left j."""
    height, width = products_GxTxhxwxSxHxW.shape[-2:]
    products = jnp.moveaxis(products_GxTxhxwxSxHxW, (2, 3), (0, 1))
    rows = functools.reduce(jnp.add, [products[:, j, ..., j : j + width - w + 1] for j in range(w)])
    return functools.reduce(jnp.add, [rows[i, ..., i : i + height - h + 1, :] for i in range(h)])


def _sum_forward(products: jax.Array, h: int, w: int) -> tuple[jax.Array, None]:
    return _sum_along_shifts(products, h, w), None


def _sum_backward(h: int, w: int, _: None, response: jax.Array) -> tuple[jax.Array]:
    height, width = response.shape[-2] + h - 1, response.shape[-1] + w - 1
    padded = jnp.pad(response, ((0, 0),) * 3 + ((h - 1, h - 1), (w - 1, w - 1)))
    rows = jnp.stack([padded[..., h - 1 - i :, :][..., :height, :] for i in range(h)], axis=2)
    return (jnp.stack([rows[..., w - 1 - j :][..., :width] for j in range(w)], axis=3),)


_sum_along_shifts.defvjp(_sum_forward, _sum_backward)
