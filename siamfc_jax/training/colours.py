"""Changes of an image's colours and sharpness; [B, H, W, 3] float32 RGB 0..255 throughout."""

import jax
import jax.numpy as jnp
import numpy as np

# Principal components of ImageNet's colours (columns, for R, G, B; Krizhevsky et al. 2012 §4.1, as
# commonly published), and the standard deviation of 0..255 pixels along each.
_COLOUR_AXES = np.asarray(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]],
    np.float32,
)
_COLOUR_SPREAD = np.asarray([94.9, 27.9, 13.6], np.float32)


def colour_offset(strength: float, normal_3: jax.Array) -> jax.Array:
    """RGB offset [3] that lies strength * normal standard deviations along each axis of natural
    colours."""
    return jnp.asarray(_COLOUR_AXES) @ (strength * _COLOUR_SPREAD * normal_3)


def recolour(images: jax.Array, log_contrast_B: jax.Array, offset_Bx3: jax.Array) -> jax.Array:
    """Scale each image's distance from its mean colour, offset its colours, and stay in range."""
    gain = jnp.exp(log_contrast_B)[:, None, None, None]
    mean = images.mean((1, 2), keepdims=True)
    return jnp.clip((images - mean) * gain + mean + offset_Bx3[:, None, None], 0.0, 255.0)


def to_grey(images: jax.Array) -> jax.Array:
    """The luma of each pixel (ITU-R BT.601) in all three channels."""
    weights = jnp.asarray([0.299, 0.587, 0.114])
    return jnp.broadcast_to((images @ weights)[..., None], images.shape)


def blur(images: jax.Array) -> jax.Array:
    """Smooth by the binomial filter of five pixels along both axes; edges are repeated."""
    for axis in (1, 2):
        padded = jnp.concatenate(
            [jax.lax.slice_in_dim(images, 0, 1, axis=axis)] * 2
            + [images]
            + [jax.lax.slice_in_dim(images, -1, None, axis=axis)] * 2,
            axis,
        )
        size = images.shape[axis]
        taps = [jax.lax.slice_in_dim(padded, k, k + size, axis=axis) for k in range(5)]
        images = (taps[0] + 4 * taps[1] + 6 * taps[2] + 4 * taps[3] + taps[4]) / 16
    return images
