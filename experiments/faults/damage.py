"""Damage done to files, and undone."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def random_bit(chance: random.Random, files: Sequence[Path]) -> tuple[Path, int, int]:
    """A file, a byte of it and a bit of that, each bit of all the files being as likely."""
    sizes = [file.stat().st_size for file in files]
    (index,) = chance.choices(range(len(files)), sizes)
    return files[index], chance.randrange(sizes[index]), chance.randrange(8)


@contextmanager
def flipped(file: Path, byte: int, bit: int) -> Iterator[None]:
    """Within, one bit of the file is another."""
    _flip(file, byte, bit)
    try:
        yield
    finally:
        _flip(file, byte, bit)


@contextmanager
def replaced(file: Path, content: bytes | None) -> Iterator[None]:
    """Within, the file has this content, or is missing."""
    before = file.read_bytes()
    try:
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
        yield
    finally:
        file.write_bytes(before)


def _flip(file: Path, byte: int, bit: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(byte)
        old = opened.read(1)[0]
        opened.seek(byte)
        opened.write(bytes([old ^ 1 << bit]))
