"""Cross-correlation (temporary reference; replaced)."""

import jax.numpy as jnp


def xcorr(template, search):
    h, w, c = template.shape[-3:]
    H, W = search.shape[-3:-1]
    batch = jnp.broadcast_shapes(template.shape[:-3], search.shape[:-3])
    t = jnp.broadcast_to(template, (*batch, h, w, c)).reshape(-1, h * w, c)
    s = jnp.broadcast_to(search, (*batch, H, W, c)).reshape(-1, H * W, c)
    p = jnp.einsum("bpc,bqc->bqp", s, t).reshape(-1, h, w, H, W)
    out = 0.0
    for i in range(h):
        for j in range(w):
            out = out + p[:, i, j, i : i + H - h + 1, j : j + W - w + 1]
    return out.reshape(*batch, H - h + 1, W - w + 1)
