import mmap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.data.tfrecord import (
    OVERHEAD,
    CorruptRecordError,
    frame_record,
    masked_crc32c,
    read_record,
    unframe_record,
)

FILE = Path("shard.tfrecord")

# What tf.io.TFRecordWriter of TensorFlow 2 wrote for these records.
RECORDS = [b"", b"siamese", bytes(range(40))]
WRITTEN_BY_TENSORFLOW = bytes.fromhex(
    "000000000000000029039807d8ea82a2"
    "0700000000000000bbd79f117369616d65736543375577"
    "2800000000000000ff70164a"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262775118983"
)


def read_all(content):
    offset, records = 0, []
    while offset < len(content):
        records.append(read_record(content, offset, file=FILE, number=len(records)))
        offset += OVERHEAD + len(records[-1])
    return records


def test_the_bytes_are_those_that_tensorflow_writes():
    assert b"".join(map(frame_record, RECORDS)) == WRITTEN_BY_TENSORFLOW


def test_what_tensorflow_wrote_is_read():
    assert read_all(WRITTEN_BY_TENSORFLOW) == RECORDS


@pytest.mark.parametrize(
    ("data", "crc"),
    # RFC 3720, B.4
    [(bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E)],
)
def test_the_checksum_is_masked_crc32c(data, crc):
    rotated = (crc >> 15) + (crc % 2**15) * 2**17
    assert masked_crc32c(data) == (rotated + 0xA282EAD8) % 2**32


@given(st.lists(st.binary(max_size=100)))
def test_records_come_back(records):
    assert read_all(b"".join(map(frame_record, records))) == records


@given(st.binary(max_size=100), st.binary(max_size=20))
def test_a_record_is_read_from_its_own_bytes(data, before):
    framed = frame_record(data)
    assert unframe_record(framed, offset=0, file=FILE, number=0) == data
    assert read_record(before + framed, len(before), file=FILE, number=0) == data


def test_a_record_is_read_from_a_memory_map(tmp_path):
    file = tmp_path / "shard"
    file.write_bytes(WRITTEN_BY_TENSORFLOW)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as content:
        assert read_all(content) == RECORDS


def test_every_flipped_bit_is_found_in_its_record():
    offsets = [0, OVERHEAD, 2 * OVERHEAD + len(RECORDS[1])]
    for position in range(len(WRITTEN_BY_TENSORFLOW)):
        number = sum(position >= offset for offset in offsets) - 1
        place = f"shard.tfrecord: record {number} at byte {offsets[number]} is corrupt"
        for bit in range(8):
            flipped = bytearray(WRITTEN_BY_TENSORFLOW)
            flipped[position] ^= 1 << bit
            with pytest.raises(CorruptRecordError, match=place):
                read_all(bytes(flipped))


def test_every_cut_within_a_record_is_found():
    framed = frame_record(b"siamese")
    for length in range(len(framed)):
        with pytest.raises(CorruptRecordError, match="the file ends"):
            read_record(framed[:length], 0, file=FILE, number=0)
        with pytest.raises(CorruptRecordError, match="the file ends"):
            unframe_record(framed[:length], offset=0, file=FILE, number=0)


def test_a_record_with_bytes_left_over_is_refused():
    with pytest.raises(CorruptRecordError, match="record 4 at byte 7 .* shorter than its place"):
        unframe_record(frame_record(b"siamese") + b"x", offset=7, file=FILE, number=4)
