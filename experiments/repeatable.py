"""Computations that repeat to the bit."""

import os


def only_repeatable_algorithms() -> None:
    """Call before JAX starts: on GPUs only those that repeat to the bit, as resuming promises."""
    words = [os.environ.get("XLA_FLAGS", ""), "--xla_gpu_deterministic_ops=true"]
    os.environ["XLA_FLAGS"] = " ".join(words).strip()
