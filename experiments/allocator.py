"""The C library's memory allocator, told to keep what the program frees."""

import ctypes
import sys

# mallopt's parameters; see mallopt(3).
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> None:
    """Call before JAX starts. A training step allocates and frees the same hundreds of megabytes;
    glibc gives them back to the system each time and waits for them to be zeroed anew."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_ARENA_MAX, 1)
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
