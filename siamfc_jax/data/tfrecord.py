"""TFRecord framing without TensorFlow.

A record is `<u64 length> <u32 masked crc32c of length> <data> <u32 masked crc32c of data>`, little
endian. Imports no jax.
"""

import struct
from pathlib import Path
from typing import Protocol

import google_crc32c

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
OVERHEAD = _HEADER.size + _FOOTER.size
"""Bytes that the framing adds to a record's data."""


class CorruptRecordError(ValueError):
    """A record's bytes are not as they were written; one line names file, record and offset."""


class Buffer(Protocol):
    """Bytes of a whole file: bytes, mmap."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: slice, /) -> bytes: ...


def masked_crc32c(data: bytes) -> int:
    """CRC-32C as TFRecord stores it: rotated right by 15 bits, plus a constant."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame_record(data: bytes) -> bytes:
    """The bytes that hold one record in a TFRecord file."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        (length, _FOOTER.pack(masked_crc32c(length)), data, _FOOTER.pack(masked_crc32c(data)))
    )


def corrupt_record(file: Path, number: int, offset: int, what: str) -> CorruptRecordError:
    """The error for record `number` of a file, which starts at byte `offset`."""
    return CorruptRecordError(
        f"{file}: record {number} at byte {offset} is corrupt ({what}); write the shard anew"
    )


def read_record(content: Buffer, offset: int, *, file: Path, number: int) -> bytes:
    """The data of the record that starts at byte `offset` of a file's content.

    Args:
      file, number: name of the file and number of the record in it, for the error.

    Raises:
      CorruptRecordError: the record is cut short, or a checksum does not fit.
    """
    header = content[offset : offset + _HEADER.size]
    length = _length(header, offset, file, number)
    start = offset + _HEADER.size
    return _checked(content[start : start + length + _FOOTER.size], length, offset, file, number)


def unframe_record(framed: bytes, *, offset: int, file: Path, number: int) -> bytes:
    """The data of a record whose framed bytes, and nothing beside them, were read from a file.

    Args:
      offset, file, number: where it starts, in which file, the how manieth there; for the error.

    Raises:
      CorruptRecordError: the bytes are no whole record, or a checksum does not fit.
    """
    length = _length(framed[: _HEADER.size], offset, file, number)
    if length + OVERHEAD < len(framed):
        raise corrupt_record(file, number, offset, "it is shorter than its place")
    return _checked(framed[_HEADER.size :], length, offset, file, number)


def _length(header: bytes, offset: int, file: Path, number: int) -> int:
    if len(header) < _HEADER.size:
        raise corrupt_record(file, number, offset, "the file ends before it")
    length, length_crc = _HEADER.unpack(header)
    if masked_crc32c(header[:8]) != length_crc:
        raise corrupt_record(file, number, offset, "wrong checksum of its length")
    return int(length)


def _checked(rest: bytes, length: int, offset: int, file: Path, number: int) -> bytes:
    data, footer = rest[:length], rest[length:]
    if len(footer) < _FOOTER.size:
        raise corrupt_record(file, number, offset, "the file ends within it")
    if masked_crc32c(data) != _FOOTER.unpack(footer)[0]:
        raise corrupt_record(file, number, offset, "wrong checksum of its data")
    return data
