"""Compiled functions kept between runs, so that a second start is quick."""

import os
from pathlib import Path


def use_compilation_cache() -> None:
    """Keep what JAX compiles in the user's cache folder, or in JAX_COMPILATION_CACHE_DIR if set."""
    import jax

    if jax.config.values["jax_compilation_cache_dir"] is None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        jax.config.update("jax_compilation_cache_dir", str(Path(base) / "siamfc_jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
