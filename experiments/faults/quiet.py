"""Keeping progress bars of what is called in this process out of the table."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what is written to stderr."""
    with redirect_stderr(io.StringIO()):
        yield
