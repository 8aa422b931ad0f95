import gc
import io
import itertools
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_datasets import pair_features, pair_numbers, take, write_pairs
from PIL import Image

from experiments.input_speed import measure_input
from siamfc_jax.data import pair_batch
from siamfc_jax.data.dataset import DatasetError, open_pairs
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings, PipelineState
from siamfc_jax.data.record_order import RecordOrder

ROOT = Path(__file__).parents[1]
COUNTS = [10, 4, 0, 9]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Pairs 0..22 in four shards."""
    return open_pairs(write_pairs(tmp_path_factory.mktemp("data") / "pairs", COUNTS), "train")


@pytest.fixture
def slow_decoding(monkeypatch):
    """Decoding waits until the event is set."""
    go = threading.Event()
    decode = pair_batch.simplejpeg.decode_jpeg

    def waiting(*args, **kwargs):
        go.wait()
        return decode(*args, **kwargs)

    monkeypatch.setattr(pair_batch.simplejpeg, "decode_jpeg", waiting)
    yield go
    go.set()


def assert_equal(batches, others):
    assert len(batches) == len(others)
    for batch, other in zip(batches, others, strict=True):
        for name, values in batch._asdict().items():
            np.testing.assert_array_equal(values, getattr(other, name), err_msg=name)


def decoders():
    return [thread for thread in threading.enumerate() if thread.name == "decode"]


def wait_until(condition):
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()


# What is in a batch


def test_a_row_holds_the_decoded_pair(dataset):
    (batch,) = take(dataset, 1, batch=23)
    assert sorted(pair_numbers(batch)) == list(range(23))
    for row, number in enumerate(pair_numbers(batch)):
        written = pair_features(number)
        for name in ("exemplar", "search"):
            image = np.asarray(Image.open(io.BytesIO(written[name])))
            np.testing.assert_allclose(getattr(batch, name)[row], image, atol=1)
        for name in ("exemplar_box", "search_box", "negative"):
            np.testing.assert_array_equal(getattr(batch, name)[row], written[name])
        assert int(batch.video[row]) % 2**32 == google_crc32c.value(written["video"].encode())


def test_batches_have_fixed_shapes_and_types(dataset):
    (batch,) = take(dataset, 1)
    shapes = {name: (values.shape, values.dtype) for name, values in batch._asdict().items()}
    assert shapes == {
        "exemplar": ((5, 8, 8, 3), np.uint8),
        "search": ((5, 16, 16, 3), np.uint8),
        "exemplar_box": ((5, 4), np.float32),
        "search_box": ((5, 4), np.float32),
        "negative": ((5,), np.bool_),
        "video": ((5,), np.int32),
    }


# The order


def test_batches_follow_the_record_order(dataset):
    order = RecordOrder(dataset, batch=5, seed=7)
    expected = [order.records(step, np.arange(5)).tolist() for step in range(12)]
    assert [pair_numbers(batch) for batch in take(dataset, 12, seed=7)] == expected


@given(
    seed=st.integers(0, 2**40),
    batch=st.integers(1, 23),
    workers=st.integers(1, 4),
    depth=st.integers(1, 5),
    start=st.integers(0, 200),
)
def test_a_batch_is_the_same_whatever_start_workers_and_depth(
    dataset, seed, batch, workers, depth, start
):
    order = RecordOrder(dataset, batch=batch, seed=seed)
    (first, second) = take(
        dataset, 2, PipelineState(start), seed=seed, batch=batch, workers=workers, depth=depth
    )
    assert pair_numbers(first) == order.records(start, np.arange(batch)).tolist()
    assert pair_numbers(second) == order.records(start + 1, np.arange(batch)).tolist()


def test_a_pipeline_goes_on_exactly_from_its_state_at_any_stop(dataset):
    whole = take(dataset, 30)
    random = np.random.default_rng(0)
    state, batches = PipelineState(), []
    while len(batches) < len(whole):
        stop = min(int(random.integers(1, 6)), len(whole) - len(batches))
        settings = PipelineSettings(batch=5, workers=3, depth=int(random.integers(1, 6)))
        with Pipeline(dataset, settings, PipelineState(*map(int, state))) as pipeline:
            batches += itertools.islice(pipeline, stop)
            state = pipeline.state()
        assert state == PipelineState(len(batches), 0)
    assert_equal(batches, whole)


def test_the_state_counts_delivered_batches_not_those_decoded_ahead(dataset):
    with Pipeline(dataset, PipelineSettings(batch=5, depth=8)) as pipeline:
        assert pipeline.state() == PipelineState(0, 0)
        next(pipeline)
        time.sleep(0.05)
        assert pipeline.state() == PipelineState(1, 0)


def test_hosts_take_disjoint_records_and_as_many_batches(dataset):
    settings = [PipelineSettings(batch=2, host=host, hosts=2) for host in range(2)]
    seen = []
    for mine in settings:
        with Pipeline(dataset, mine) as pipeline:
            assert pipeline.batches_per_pass == min(10 + 0, 4 + 9) // 2
            one_pass = itertools.islice(pipeline, pipeline.batches_per_pass)
            seen.append({number for batch in one_pass for number in pair_numbers(batch)})
    assert [len(numbers) for numbers in seen] == [10, 10]
    assert not seen[0] & seen[1]


# Threads


def test_an_unforeseen_error_of_a_worker_reaches_the_consumer(dataset, monkeypatch):
    def broken(*_args, **_kwargs):
        raise MemoryError("no room for an image")

    monkeypatch.setattr(pair_batch.simplejpeg, "decode_jpeg", broken)
    with pytest.raises(MemoryError, match="no room"):
        take(dataset, 1)


def test_an_early_end_leaves_no_thread_and_no_open_file(dataset):
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc").is_dir() else 0
    pipeline = Pipeline(dataset, PipelineSettings(batch=5, workers=3))
    next(pipeline)
    assert len(decoders()) == 3
    pipeline.close()
    pipeline.close()
    assert not decoders()
    with pytest.raises(StopIteration):
        next(pipeline)
    assert before in (0, len(list(Path("/proc/self/fd").iterdir())))


def test_a_pipeline_that_nobody_holds_ends_its_threads(dataset):
    pipeline = Pipeline(dataset, PipelineSettings(batch=5))
    next(pipeline)
    del pipeline
    gc.collect()
    assert not decoders()


def test_closing_while_images_are_decoded_drops_what_is_not_begun(dataset, slow_decoding):
    pipeline = Pipeline(dataset, PipelineSettings(batch=20, workers=2, depth=4))
    threading.Timer(0.05, slow_decoding.set).start()
    began = time.perf_counter()
    pipeline.close()
    assert time.perf_counter() - began < 2
    assert not decoders()


def test_a_consumer_that_waits_is_told_when_another_thread_closes(dataset, slow_decoding):
    pipeline = Pipeline(dataset, PipelineSettings(batch=5))
    received = []
    consumer = threading.Thread(target=lambda: received.extend(pipeline))
    consumer.start()
    closer = threading.Thread(target=pipeline.close)
    closer.start()
    consumer.join(timeout=5)
    assert not consumer.is_alive() and received == []
    slow_decoding.set()
    closer.join(timeout=5)
    assert not decoders()


def test_no_half_filled_batch_is_delivered_while_closing(dataset):
    for _ in range(30):
        pipeline = Pipeline(dataset, PipelineSettings(batch=20, workers=3, depth=2))
        closer = threading.Thread(target=pipeline.close)
        closer.start()
        for batch in pipeline:
            assert len(set(pair_numbers(batch))) == 20
        closer.join()


def test_no_more_batches_are_decoded_ahead_than_told(dataset, monkeypatch):
    decoded = []
    decode = pair_batch.simplejpeg.decode_jpeg

    def counting(*args, **kwargs):
        decoded.append(None)
        return decode(*args, **kwargs)

    monkeypatch.setattr(pair_batch.simplejpeg, "decode_jpeg", counting)
    with Pipeline(dataset, PipelineSettings(batch=5, depth=3)) as pipeline:
        for _ in range(4):
            next(pipeline)
        wait_until(lambda: len(decoded) >= 2 * 5 * (4 + 3))
        time.sleep(0.05)
        assert len(decoded) == 2 * 5 * (4 + 3)


def test_a_batch_that_was_used_is_freed_while_the_pipeline_goes_on(dataset):
    with Pipeline(dataset, PipelineSettings(batch=5, workers=3)) as pipeline:
        for _ in range(10):
            used = weakref.ref(next(pipeline).search)
            wait_until(lambda used=used: used() is None)


def test_waiting_is_measured(dataset, slow_decoding):
    with Pipeline(dataset, PipelineSettings(batch=5)) as pipeline:
        threading.Timer(0.3, slow_decoding.set).start()
        next(pipeline)
        waited = pipeline.wait_seconds
        assert waited > 0.1
        time.sleep(0.2)
        next(pipeline)
        assert pipeline.wait_seconds - waited < waited / 2


class Alarm(Exception):
    pass


def raise_alarm(*_):
    raise Alarm


def test_an_interrupted_wait_loses_no_batch(dataset, slow_decoding):
    previous = signal.signal(signal.SIGALRM, raise_alarm)
    try:
        with Pipeline(dataset, PipelineSettings(batch=5)) as pipeline:
            for _ in range(3):
                signal.setitimer(signal.ITIMER_REAL, 0.02)
                with pytest.raises(Alarm):
                    next(pipeline)
            slow_decoding.set()
            assert pipeline.state() == PipelineState(0, 0)
            assert_equal(list(itertools.islice(pipeline, 6)), take(dataset, 6))
    finally:
        signal.signal(signal.SIGALRM, previous)


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "pipeline = None"])
def test_an_open_pipeline_does_not_hold_up_the_interpreters_exit(dataset, end):
    folder = dataset.shards[0].file.parent
    code = f"""
import sys
from pathlib import Path
from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.data.pipeline import Pipeline, PipelineSettings
pipeline = Pipeline(open_pairs(Path({str(folder)!r}), "train"), PipelineSettings(batch=5, depth=50))
next(pipeline)
assert "jax" not in sys.modules
{end}
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")


# Settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 0}, "batch is 0; it must be at least 1"),
        ({"workers": 0}, "workers is 0"),
        ({"depth": -1}, "depth is -1"),
        ({"seed": -1}, "seed is -1; it must not be negative"),
        ({"host": 2, "hosts": 2}, "host is 2; it must be one of 0..1"),
    ],
)
def test_settings_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        PipelineSettings(**{"batch": 5} | change)


def test_a_start_before_the_first_batch_is_refused(dataset):
    with pytest.raises(ValueError, match="start is batch -1; the first is batch 0"):
        Pipeline(dataset, PipelineSettings(batch=5), PipelineState(-1))


def test_a_batch_larger_than_the_dataset_is_refused_and_leaves_no_thread(dataset):
    with pytest.raises(DatasetError, match="23 records on a host are too few for a batch of 24"):
        Pipeline(dataset, PipelineSettings(batch=24))
    assert not decoders()


def test_the_speed_of_the_input_is_measured(dataset, capsys):
    result = measure_input(dataset.shards[0].file.parent, batch=5, workers=2, seconds=0.05)
    assert result["pairs_per_second"] > 0 and result["megabytes_per_second"] > 0
    assert f"{result['pairs_per_second']:.0f} pairs/s" in capsys.readouterr().out
