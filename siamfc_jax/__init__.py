"""Fully-convolutional Siamese trackers in JAX and Flax.

tracker = siamfc_jax.load("siamfc-3s")
tracker.init(first_image, (x, y, w, h))
box = tracker.update(next_image)
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["load", "load_model", "load_multi", "shipped_models"]


def __getattr__(name: str) -> Any:
    # Lazy, so that `import siamfc_jax.boxes` (data workers, flag parsing) does not import jax.
    if name in __all__:
        from siamfc_jax import loading

        return getattr(loading, name)
    raise AttributeError(f"module 'siamfc_jax' has no attribute {name!r}")
