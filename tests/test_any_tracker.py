import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.harness.any_tracker import (
    ForeignTrackerError,
    adapted,
    load_tracker,
    whole_pixels,
)

IMAGE = np.zeros((40, 60, 3), np.uint8)
IMAGE[..., 0] = 200  # red
BOX = np.asarray([3.4, 5.6, 10, 12], np.float32)


class Recorder:
    """Notes what it is given, and answers what it was told to."""

    def __init__(self, answer=(1, 2, 3, 4)):
        self.answer, self.started = answer, []

    def init(self, image, box):
        self.started.append((image, box))

    def update(self, image):
        self.seen = image
        return self.answer


class FromOtherPackage(Recorder):
    """Seen from outside, a class of cv2 or got10k."""


def of_module(module):
    return type("Foreign", (FromOtherPackage,), {"__module__": module})


@pytest.fixture
def module(monkeypatch):
    """An importable module `others` to put trackers in."""
    others = types.ModuleType("others")
    monkeypatch.setitem(sys.modules, "others", others)
    return others


def test_an_object_of_our_convention_is_given_images_and_boxes_as_they_are():
    tracker = adapted(inner := Recorder(), Recorder, "mine")
    tracker.init(IMAGE, BOX)
    assert inner.started[0][0] is IMAGE
    np.testing.assert_array_equal(inner.started[0][1], BOX)
    answer = tracker.update(IMAGE)
    assert answer.dtype == np.float32
    np.testing.assert_array_equal(answer, [1, 2, 3, 4])


def test_a_pair_says_whether_the_target_was_found():
    found = adapted(Recorder((True, (1, 2, 3, 4))), Recorder, "mine")
    np.testing.assert_array_equal(found.update(IMAGE), [1, 2, 3, 4])
    lost = adapted(Recorder((False, (1, 2, 3, 4))), Recorder, "mine")
    assert np.isnan(lost.update(IMAGE)).all()


@pytest.mark.parametrize("module", ["cv2", "cv2.legacy"])
def test_opencv_is_given_bgr_and_whole_pixels_and_a_new_object_for_every_start(module):
    made = []

    def factory():
        made.append(of_module(module)((True, (7, 8, 9, 10))))
        return made[-1]

    tracker = adapted(factory(), factory, "cv")
    tracker.init(IMAGE, BOX)
    tracker.init(IMAGE, BOX)
    assert [len(each.started) for each in made] == [0, 1, 1]
    image, box = made[1].started[0]
    assert image[0, 0].tolist() == [0, 0, 200]
    assert image.flags.c_contiguous
    assert box == (3, 6, 10, 12)
    assert all(type(value) is int for value in box)
    np.testing.assert_array_equal(tracker.update(IMAGE), [7, 8, 9, 10])
    made[-1].answer = (False, (0, 0, 0, 0))
    assert np.isnan(tracker.update(IMAGE)).all()


def test_an_opencv_tracker_that_refuses_to_start_is_named():
    class Refusing(of_module("cv2.legacy")):
        def init(self, image, box):
            return False

    with pytest.raises(ForeignTrackerError, match="cv: refused to start"):
        adapted(Refusing(), Refusing, "cv").init(IMAGE, BOX)


def test_an_opencv_tracker_must_be_started_first():
    kind = of_module("cv2")
    with pytest.raises(ForeignTrackerError, match="must come before"):
        adapted(kind(), kind, "cv").update(IMAGE)


def test_a_tracker_of_the_got10k_toolkit_counts_from_one_and_sees_pil_images():
    inner = of_module("got10k.trackers")([11, 12, 13, 14])
    tracker = adapted(inner, None, "g")
    tracker.init(IMAGE, BOX)
    image, box = inner.started[0]
    assert image.mode == "RGB"
    assert image.size == (60, 40)
    np.testing.assert_allclose(box, [4.4, 6.6, 10, 12], atol=1e-6)
    np.testing.assert_array_equal(tracker.update(IMAGE), [10, 11, 13, 14])


def test_a_tracker_of_pysot_answers_with_a_dictionary():
    class Pysot:
        def init(self, image, box):
            self.started = image, box

        def track(self, image):
            return {"bbox": [1, 2, 3, 4], "best_score": 0.9}

    tracker = adapted(inner := Pysot(), Pysot, "p")
    tracker.init(IMAGE, BOX)
    assert inner.started[0][0, 0].tolist() == [0, 0, 200]
    assert inner.started[1] == BOX.tolist()
    np.testing.assert_array_equal(tracker.update(IMAGE), [1, 2, 3, 4])


@pytest.mark.parametrize("answer", [None, 3, (1, 2, 3), "1,2,3,4", [[1, 2, 3, 4]], (True, None)])
def test_an_answer_that_is_no_box_is_one_clear_line(answer):
    with pytest.raises(ForeignTrackerError, match=r"mine: answered .*four numbers x, y, w, h"):
        adapted(Recorder(answer), Recorder, "mine").update(IMAGE)


def test_a_factory_is_loaded_by_name_and_makes_a_fresh_tracker_every_time(module):
    module.Factory, module.made = Recorder, []

    def make():
        module.made.append(Recorder())
        return module.made[-1]

    module.make = make
    factory = load_tracker("others:make")
    assert len(module.made) == 1  # To see that it works.
    first, second = factory(), factory()
    assert len(module.made) == 2
    assert first is not second


def test_a_method_of_a_class_can_be_named(module):
    module.Kind = type("Kind", (), {"create": staticmethod(Recorder)})
    load_tracker("others:Kind.create")().init(IMAGE, BOX)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("others", "name a tracker as package.module:Factory"),
        (":Factory", "name a tracker as package.module:Factory"),
        ("no.such.module:Factory", "cannot import no.such.module"),
        ("others:Missing", "others has no Missing"),
        ("others:Kind.Missing", "others has no Kind.Missing"),
        ("others:number", "cannot be called"),
        ("others:Kind", "a Kind has no methods init and update"),
        ("others:broken", "cannot be made (RuntimeError: no weights here)"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(module, spec, complaint):
    def broken():
        raise RuntimeError("no weights\nhere")

    module.number, module.broken, module.Kind = 3, broken, type("Kind", (), {})
    with pytest.raises(ForeignTrackerError) as raised:
        load_tracker(spec)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


@given(
    st.lists(st.floats(-100, 200, width=32), min_size=2, max_size=2),
    st.lists(st.floats(0.125, 200, width=32), min_size=2, max_size=2),
)
def test_whole_pixels_lie_inside_the_frame_and_near_the_box(corner, size):
    x, y, w, h = whole_pixels([*corner, *size], 60, 40)
    assert 0 <= x < x + w <= 60
    assert 0 <= y < y + h <= 40
    for low, length, first, extent, side in zip(
        corner, size, (x, y), (w, h), (60, 40), strict=True
    ):
        if low >= 0 and length >= 1 and low + length <= side:
            assert abs(first - low) <= 0.5
            assert abs(first + extent - (low + length)) <= 0.5
