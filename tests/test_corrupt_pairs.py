import errno
import logging
import time

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_datasets import jpeg, pair_numbers, take, write_pairs

from siamfc_jax.data import pair_reader
from siamfc_jax.data.dataset import DatasetError, open_pairs
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings, PipelineState
from siamfc_jax.data.record_order import RecordOrder
from siamfc_jax.data.tfrecord import CorruptRecordError

COUNTS = [10, 4, 0, 9]


def flip_byte(dataset, record, within=40):
    """Change a byte of a record on disk; returns the record's place."""
    (place,) = dataset.places(np.asarray([record]))
    with dataset.shards[place.shard].file.open("r+b") as file:
        file.seek(place.offset + within)
        byte = file.read(1)[0]
        file.seek(place.offset + within)
        file.write(bytes([byte ^ 4]))
    return place


@pytest.fixture
def fresh(tmp_path):
    """A dataset of one's own to damage."""
    return open_pairs(write_pairs(tmp_path / "fresh", COUNTS), "train")


CORRUPT = {
    "no JPEG": {"search": b"no image"},
    "cut JPEG": {"exemplar": jpeg(8, 3)[:-20]},
    "empty JPEG": {"exemplar": b""},
    "too small": {"exemplar": jpeg(7, 3)},
    "too large": {"search": jpeg(17, 3)},
    "box of NaN": {"search_box": np.asarray([1, 2, np.nan, 4], np.float32)},
    "endless box": {"exemplar_box": np.asarray([1, 2, np.inf, 4], np.float32)},
    "other schema": {"video": 3},
}


@pytest.mark.parametrize("change", CORRUPT.values(), ids=CORRUPT)
def test_a_record_that_is_no_pair_is_named(tmp_path, change):
    dataset = open_pairs(write_pairs(tmp_path / "bad", COUNTS, {12: change}), "train")
    (place,) = dataset.places(np.asarray([12]))
    expected = f"00001-of-00004: record 2 at byte {place.offset} is corrupt "
    with pytest.raises(CorruptRecordError, match=expected) as caught:
        take(dataset, 5)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("within", [0, 9, 14, 60, -2])
def test_a_flipped_byte_is_found(fresh, within):
    (place,) = fresh.places(np.asarray([7]))
    flip_byte(fresh, 7, within % place.size)
    with pytest.raises(CorruptRecordError, match=f"record 7 at byte {place.offset} is corrupt"):
        take(fresh, 5)


def test_an_error_comes_at_its_batch_and_stays_there(fresh):
    order = RecordOrder(fresh, batch=5, seed=0)
    bad = int(order.records(2, np.arange(5))[3])
    flip_byte(fresh, bad)
    with Pipeline(fresh, PipelineSettings(batch=5, depth=4)) as pipeline:
        for step in range(2):
            assert pair_numbers(next(pipeline)) == order.records(step, np.arange(5)).tolist()
        for _ in range(3):
            with pytest.raises(CorruptRecordError):
                next(pipeline)
        assert pipeline.state() == PipelineState(2, 0)


def test_of_several_corrupt_records_in_a_batch_the_first_is_named(fresh):
    rows = RecordOrder(fresh, batch=20, seed=0).records(0, np.arange(20))
    for row in (17, 4, 11):
        place = flip_byte(fresh, int(rows[row]))
    (place,) = fresh.places(rows[4:5])
    for workers in (1, 3):
        with pytest.raises(CorruptRecordError, match=f"record {place.number} at byte"):
            take(fresh, 1, batch=20, workers=workers)


@given(seed=st.integers(0, 1000), bad=st.sets(st.integers(0, 22), min_size=1, max_size=2))
@hypothesis.settings(max_examples=40)
def test_skipping_replaces_corrupt_records_by_the_next_good_ones_and_leaves_the_others(
    tmp_path_factory, seed, bad
):
    folder = tmp_path_factory.mktemp("skipped") / "pairs"
    dataset = open_pairs(
        write_pairs(folder, COUNTS, {number: {"search": b""} for number in bad}), "train"
    )
    order = RecordOrder(dataset, batch=5, seed=seed)
    settings = PipelineSettings(batch=5, seed=seed, skip_corrupt=True)
    with Pipeline(dataset, settings) as pipeline:
        tries = 0
        for step in range(2 * pipeline.batches_per_pass):
            expected = []
            for row in range(5):
                followers = (
                    int(order.records(step, np.asarray([row]), ahead=ahead)[0])
                    for ahead in range(23)
                )
                skipped, good = next((n, r) for n, r in enumerate(followers) if r not in bad)
                tries += skipped
                expected.append(good)
            assert pair_numbers(next(pipeline)) == expected
            assert pipeline.skipped == tries
            assert pipeline.state() == PipelineState(step + 1, tries)


def test_the_count_of_skipped_records_goes_on_from_the_state(fresh):
    flip_byte(fresh, 7)
    settings = PipelineSettings(batch=23, skip_corrupt=True)
    with Pipeline(fresh, settings, PipelineState(5, 40)) as pipeline:
        next(pipeline)
        assert pipeline.state() == PipelineState(6, 41)


def test_a_skipped_record_is_named_in_the_log_when_its_batch_is_delivered(fresh, caplog):
    flip_byte(fresh, 7)
    with (
        caplog.at_level(logging.WARNING),
        Pipeline(fresh, PipelineSettings(batch=23, skip_corrupt=True)) as pipeline,
    ):
        time.sleep(0.05)
        assert not caplog.messages
        next(pipeline)
        (message,) = caplog.messages
    assert "record 7 at byte" in message and message.endswith("takes its place")


def test_too_many_corrupt_records_in_a_batch_are_an_error_even_when_skipping(tmp_path):
    bad = {number: {"search": b""} for number in range(0, 23, 2)}
    dataset = open_pairs(write_pairs(tmp_path / "bad", COUNTS, bad), "train")
    with pytest.raises(DatasetError, match="more than 4 of the records that a batch of 20 asked"):
        take(dataset, 1, batch=20, skip_corrupt=True)


def test_a_dataset_that_is_corrupt_throughout_ends_in_an_error(tmp_path):
    bad = {number: {"search": b""} for number in range(23)}
    dataset = open_pairs(write_pairs(tmp_path / "bad", COUNTS, bad), "train")
    with pytest.raises(DatasetError, match="too many to skip; the first: .* record"):
        take(dataset, 1, batch=1, skip_corrupt=True)


def test_a_shard_that_was_cut_after_it_was_opened_is_an_error_not_a_crash(fresh):
    file = fresh.shards[0].file
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(CorruptRecordError, match="00000-of-00004: record .*the file ends"):
        take(fresh, 5)


def test_a_shard_that_vanished_after_it_was_opened_is_named(fresh):
    fresh.shards[0].file.unlink()
    with pytest.raises(FileNotFoundError, match="00000-of-00004"):
        take(fresh, 5, skip_corrupt=True)


def test_a_disk_that_fails_is_an_error_that_names_the_shard(fresh, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(pair_reader.os, "pread", broken)
    with pytest.raises(OSError, match="Input/output error: '.*toy-train.tfrecord-0000"):
        take(fresh, 1, skip_corrupt=True)


def test_too_many_open_files_name_the_remedy(fresh, monkeypatch):
    def full(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(pair_reader.os, "open", full)
    with pytest.raises(OSError, match="too many open files; allow one for every shard"):
        take(fresh, 1)
