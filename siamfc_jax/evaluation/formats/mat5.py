"""MAT-files of version 5 to 7, read without trusting a byte of them.

scipy's reader ends the process on some damaged files; this one raises. It knows arrays of numbers,
text, cells and structs, which is all that result files hold. (MathWorks, MAT-File Format, 1999-)
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.runs import ResultError

Value = Any
"""float64 array | str | list of values (a cell) | list of dicts (a struct array), by columns."""

_HEADER = 128
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"}
_NUMBERS |= {7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR, _FIRST_NUMERIC, _LAST_NUMERIC = 1, 2, 4, 6, 15
_COMPLEX = 0x0800
_DAMAGED = (struct.error, zlib.error, ValueError, IndexError, RecursionError, MemoryError)


class _Element(NamedTuple):
    kind: int
    data: bytes


def read_variable(content: bytes, name: str) -> Value:
    """The variable `name` of a file; complex numbers are NaN.

    Raises:
      ResultError: no such file, damaged, without that variable, or one of another kind.
    """
    order = _byte_order(content)
    try:
        for element in _elements(content[_HEADER:], order):
            if element.kind == _COMPRESSED:
                element = next(_elements(zlib.decompress(element.data), order))
            if element.kind == _MATRIX:
                parts = _elements(element.data, order)
                flags, shape, found = next(parts), next(parts), next(parts)
                if found.data == name.encode():
                    return _value(flags, shape, parts, order)
    except ResultError:
        raise
    except (*_DAMAGED, StopIteration, RuntimeError) as error:
        raise ResultError(f"damaged MAT-file ({error}); run this sequence again") from None
    raise ResultError(f"no variable {name!r}; is this a result of OTB's toolkit?")


def _byte_order(content: bytes) -> str:
    if content[:8] == b"\x89HDF\r\n\x1a\n" or content[124:126] in (b"\x00\x02", b"\x02\x00"):
        raise ResultError("MAT-file of version 7.3 (HDF5); save it again in MATLAB with '-v7'")
    order = {b"IM": "<", b"MI": ">"}.get(content[126:_HEADER])
    if order is None:
        raise ResultError("not a MAT-file of version 5 to 7; run this sequence again")
    return order


def _elements(data: bytes, order: str) -> Iterator[_Element]:
    place = 0
    while place < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        begin = place + 8
        if kind >> 16:  # A small element: size, kind and data in eight bytes.
            kind, size, begin = kind & 0xFFFF, kind >> 16, place + 4
        if begin + size > len(data):
            raise ValueError("cut short")
        yield _Element(kind, data[begin : begin + size])
        padded = size if kind == _COMPRESSED else -(-size // 8) * 8
        place = place + 8 if begin == place + 4 else begin + padded


def _matrix(element: _Element, order: str) -> Value:
    if element.kind != _MATRIX:
        raise ValueError(f"element of kind {element.kind} in place of a matrix")
    if not element.data:
        return np.zeros((0, 0))
    parts = _elements(element.data, order)
    flags, shape, _name = next(parts), next(parts), next(parts)
    return _value(flags, shape, parts, order)


def _value(flags: _Element, shape: _Element, parts: Iterator[_Element], order: str) -> Value:
    (bits,) = struct.unpack_from(f"{order}I", flags.data)
    kind = bits & 0xFF
    sizes = np.frombuffer(shape.data, f"{order}i4").tolist()
    if len(sizes) < 2 or min(sizes) < 0:
        raise ValueError(f"shape {sizes}")
    if kind == _CELL:
        return [_matrix(next(parts), order) for _ in range(math.prod(sizes))]
    if kind == _STRUCT:
        return _structs(math.prod(sizes), parts, order)
    if kind == _CHAR:
        return _text(next(parts), order)
    if not _FIRST_NUMERIC <= kind <= _LAST_NUMERIC:
        raise ResultError("holds objects or sparse matrices; is this a result of OTB's toolkit?")
    numbers = _numbers(next(parts), order)
    if bits & _COMPLEX:
        numbers = np.where(_numbers(next(parts), order) == 0, numbers, np.nan)
    return numbers.reshape(sizes, order="F")


def _structs(count: int, parts: Iterator[_Element], order: str) -> list[dict[str, Value]]:
    (width,) = struct.unpack_from(f"{order}i", next(parts).data)
    names = next(parts).data
    if width < 1 or not names:
        raise ValueError("a struct without fields")
    fields = [
        names[begin : begin + width].split(b"\0")[0].decode()
        for begin in range(0, len(names), width)
    ]
    return [{field: _matrix(next(parts), order) for field in fields} for _ in range(count)]


def _numbers(element: _Element, order: str) -> NDArray[np.float64]:
    if element.kind not in _NUMBERS:
        raise ValueError(f"element of kind {element.kind} in place of numbers")
    return np.frombuffer(element.data, order + _NUMBERS[element.kind]).astype(np.float64)


def _text(element: _Element, order: str) -> str:
    if element.kind not in _TEXTS:
        raise ValueError(f"element of kind {element.kind} in place of text")
    encoding = _TEXTS[element.kind]
    if encoding in ("utf-16", "utf-32"):
        encoding += "-le" if order == "<" else "-be"
    return element.data.decode(encoding)
