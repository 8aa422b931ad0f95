"""A reader of MATLAB v5-v7 .mat files: numbers, text, cells and structs, in plain Python.

Published networks and results come from strangers and break on the way; compiled readers crash on
a damaged file, this one raises. Arrays of other classes (function handles, objects, sparse) read as
None.
Format: "MAT-File Format", MathWorks, Level 5.
"""

import math
import struct
import zlib
from typing import Any, NamedTuple

import numpy as np

_MATRIX, _COMPRESSED, _UTF8 = 14, 15, 16
_NUMBER_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
                 13: "u8"}  # fmt: skip
_TEXT_TYPES = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMERIC_CLASSES = range(6, 16)
_COMPLEX = 0x0800
_LONGEST_VARIABLE = 1 << 30


class MatError(ValueError):
    """Not a .mat file that can be read; one line says why, without the file's name."""


def read_mat(content: bytes) -> dict[str, Any]:
    """The variables of a .mat file by name.

    A numeric array is a numpy array with MATLAB's axes (at least two), NaN where it is complex, a
    row of text a str, a cell array a flat list and a struct array a flat list of dicts, both in
    MATLAB's order.

    Raises:
      MatError: the file is v7.3, damaged, cut short, or not MATLAB's.
    """
    if content.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise MatError(
            "is a MATLAB v7.3 (HDF5) file; in MATLAB load it and save it again with '-v7'"
        )
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise MatError("is not a MATLAB v5-v7 file, or is cut short")
    variables: dict[str, Any] = {}
    elements = _Elements(content[128:], order)
    try:
        while elements.remaining:
            kind, data = elements.next()
            if kind == _COMPRESSED:
                kind, data = _Elements(_inflated(data), order).next()
            if kind == _MATRIX:
                variables.update([_matrix(data, order)])
    except MatError:
        raise
    except (ValueError, KeyError, struct.error, zlib.error, OverflowError, RecursionError) as error:
        raise MatError(f"is a damaged or cut-short .mat file ({error})") from error
    return variables


class _Elements:
    """Splits bytes into data elements: a type, a length and that many bytes, padded to 8."""

    def __init__(self, content: bytes, order: str):
        self._content, self._order, self._at = memoryview(content), order, 0

    @property
    def remaining(self) -> int:
        return len(self._content) - self._at

    def next(self) -> tuple[int, memoryview]:
        kind, length = self._unpack("II", self._at)
        start = self._at + 8
        padding = 0 if kind == _COMPRESSED else -length % 8
        if kind >> 16:  # small element: type and length share a word, up to 4 bytes follow
            kind, length = kind & 0xFFFF, kind >> 16
            start, padding = self._at + 4, 4 - length
        if padding < 0 or start + length > len(self._content):
            raise ValueError("an element is longer than the file")
        self._at = min(start + length + padding, len(self._content))
        return kind, self._content[start : start + length]

    def next_numbers(self) -> np.ndarray:
        kind, data = self.next()
        return np.frombuffer(data, self._order + _NUMBER_TYPES[kind])

    def next_text(self) -> str:
        kind, data = self.next()
        encoding = _TEXT_TYPES[kind]
        if kind not in (1, 2, _UTF8):
            encoding += "-le" if self._order == "<" else "-be"
        return str(data, encoding)

    def next_matrix(self) -> Any:
        kind, data = self.next()
        if kind != _MATRIX:
            raise ValueError("a cell or field is not an array")
        return _matrix(data, self._order)[1]

    def _unpack(self, layout: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self._order + layout, self._content, at)


class _Header(NamedTuple):
    array_class: int
    is_complex: bool
    shape: tuple[int, ...]
    name: str


def _matrix(data: memoryview, order: str) -> tuple[str, Any]:
    if not len(data):  # an empty array is written without any header
        return "", np.zeros((0, 0))
    elements = _Elements(data.tobytes(), order)
    header = _header(elements)
    count = math.prod(header.shape)
    value: Any = None
    if header.array_class == _CHAR:
        value = elements.next_text() if count else ""
    elif header.array_class == _CELL:
        value = [elements.next_matrix() for _ in _repeat(count, elements)]
    elif header.array_class == _STRUCT:
        value = _structs(elements, count)
    elif header.array_class in _NUMERIC_CLASSES:
        value = _numbers(elements, header.is_complex).reshape(header.shape, order="F")
    return header.name, value


def _numbers(elements: _Elements, is_complex: bool) -> np.ndarray:
    numbers = elements.next_numbers()
    return np.where(elements.next_numbers() == 0, numbers, np.nan) if is_complex else numbers


def _header(elements: _Elements) -> _Header:
    flags = int(elements.next_numbers()[:1].sum())
    shape = tuple(elements.next_numbers().tolist())
    if any(length < 0 for length in shape):
        raise ValueError("an array has a negative length")
    return _Header(flags & 0xFF, bool(flags & _COMPLEX), shape, elements.next_text())


def _structs(elements: _Elements, count: int) -> list[dict[str, Any]]:
    width = int(elements.next_numbers()[:1].sum())
    names = elements.next_text()
    fields = [names[at : at + width].split("\0")[0] for at in range(0, len(names), max(width, 1))]
    if not fields:
        return []
    return [{field: elements.next_matrix() for field in fields} for _ in _repeat(count, elements)]


def _repeat(count: int, elements: _Elements) -> range:
    if count * 8 > elements.remaining:  # each needs at least its tag
        raise ValueError("an array has more elements than the file")
    return range(count)


def _inflated(data: memoryview) -> bytes:
    # What the limit or damage cuts off is missed when the element inside is read.
    return zlib.decompressobj().decompress(data, _LONGEST_VARIABLE)
