import threading
import time

import pytest

from siamfc_jax.media.threads import Background, Prefetch


def running(name):
    return [thread for thread in threading.enumerate() if thread.name == name]


def wait_until(condition):
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()


def test_prefetch_keeps_the_order_and_ends_its_thread():
    with Prefetch(range(50), depth=3) as numbers:
        assert list(numbers) == list(range(50))
        assert list(numbers) == []
    assert not running("prefetch")


def test_prefetch_raises_an_error_after_the_items_before_it():
    def numbers():
        yield from range(7)
        raise OSError("broken")

    read = []
    with pytest.raises(OSError, match="broken"), Prefetch(numbers()) as ahead:
        for number in ahead:
            read.append(number)
    assert read == list(range(7))
    assert not running("prefetch")


def test_prefetch_runs_ahead_by_no_more_than_its_depth():
    made = []

    def numbers():
        for number in range(100):
            made.append(number)
            yield number

    with Prefetch(numbers(), depth=3) as ahead:
        next(ahead)
        wait_until(lambda: len(made) >= 5)
        time.sleep(0.02)
        # One was taken, three wait in the queue, one waits to enter it.
        assert len(made) == 5


def test_a_consumer_that_stops_early_leaves_no_thread():
    with Prefetch(iter(int, 1), depth=2) as endless:
        next(endless)
        wait_until(lambda: endless.ready)
    assert not running("prefetch")


def test_background_consumes_everything_in_order_before_close_returns():
    consumed = []

    def consume(item):
        time.sleep(0.001)
        consumed.append(item)

    background = Background(consume, depth=2)
    for number in range(30):
        background.put(number)
    background.close()
    assert consumed == list(range(30))
    assert not running("write-behind")


def test_a_failing_consumer_stops_the_producer_and_drops_what_follows():
    consumed = []

    def consume(item):
        if item == 3:
            raise OSError("disk full")
        consumed.append(item)

    background = Background(consume, depth=2)
    with pytest.raises(OSError, match="disk full"):
        for number in range(1000):
            background.put(number)
    background.close()
    assert consumed == [0, 1, 2]
    assert not running("write-behind")
