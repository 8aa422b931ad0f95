"""Others' trackers inside our evaluation: every `init`/`update` object looks like one of ours.

Ours: `init(image, box)` and `box = update(image)` with an image uint8 [H, W, 3] RGB and a box
float32 (x, y, w, h) as `siamfc_jax.boxes` defines it; NaN says that the target is lost.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from siamfc_jax.boxes import Boxes
from siamfc_jax.evaluation.running.drive import TRACKERS_FAULTS, FrameTracker
from siamfc_jax.evaluation.sequences import as_annotated, box_of

Frame = NDArray[np.uint8]

LOST = np.full(4, np.nan, np.float32)
LOST.flags.writeable = False


class ForeignTrackerError(ValueError):
    """A tracker cannot be loaded or answers with something else than a box; one line says what."""


def load_tracker(spec: str) -> Callable[[], FrameTracker]:
    """A function that makes fresh trackers from what `spec` names.

    Args:
      spec: "package.module:Factory", something that can be called without arguments: a class or a
        function, e.g. "cv2:TrackerMIL_create". One tracker is made at once, to check it.

    Raises:
      ForeignTrackerError: no such module or attribute, the factory raises, or what it makes has
        not the methods of any convention that `adapted` knows.
    """
    factory = _attribute(spec)

    def make() -> FrameTracker:
        try:
            tracker = factory()
        except TRACKERS_FAULTS as error:
            raise ForeignTrackerError(f"{spec}: cannot be made ({_said(error)})") from error
        return adapted(tracker, factory, spec)

    spare = [make()]
    return lambda: spare.pop() if spare else make()


def adapted(tracker: Any, factory: Callable[[], Any], name: str) -> FrameTracker:
    """`tracker`, made by `factory`, in our convention.

    Known are OpenCV's trackers, objects of the GOT-10k toolkit, objects with pysot's `init` and
    `track`, and everything else with `init` and `update` that takes our images and boxes.

    Raises:
      ForeignTrackerError: it has not these methods.
    """
    modules = {kind.__module__ for kind in type(tracker).__mro__}
    if modules & {"cv2", "cv2.legacy"}:
        return OpenCVTracker(factory, name)
    if "got10k.trackers" in modules:
        return GOT10kObject(tracker, name)
    if _can(tracker, "init", "update"):
        return InitUpdateObject(tracker, name)
    if _can(tracker, "init", "track"):
        return PysotObject(tracker, name)
    raise ForeignTrackerError(
        f"{name}: a {type(tracker).__name__} has no methods init and update (or track); "
        "wrap it in a class with init(image, box) and update(image) -> box"
    )


class InitUpdateObject:
    """Our own convention; checks the answers, which may also be pairs (found, box)."""

    def __init__(self, tracker: Any, name: str) -> None:
        self._tracker, self._name = tracker, name

    def init(self, image: Frame, box: ArrayLike) -> None:
        self._tracker.init(image, np.asarray(box, np.float32))

    def update(self, image: Frame) -> Boxes:
        return _box(self._tracker.update(image), self._name)


class OpenCVTracker:
    """cv2.Tracker and cv2.legacy.Tracker: BGR images, boxes of whole pixels inside the frame.

    A new object is made for every `init`, because the legacy ones can be started only once.
    """

    def __init__(self, factory: Callable[[], Any], name: str) -> None:
        self._factory, self._name = factory, name
        self._tracker: Any = None

    def init(self, image: Frame, box: ArrayLike) -> None:
        self._tracker = self._factory()
        if self._tracker.init(_bgr(image), whole_pixels(box, *image.shape[1::-1])) is False:
            raise ForeignTrackerError(
                f"{self._name}: refused to start on {np.asarray(box).tolist()}"
            )

    def update(self, image: Frame) -> Boxes:
        if self._tracker is None:
            raise ForeignTrackerError(
                f"{self._name}: init(image, box) must come before update(image)"
            )
        return _box(self._tracker.update(_bgr(image)), self._name)


class GOT10kObject:
    """got10k.trackers.Tracker: PIL images, boxes counted from 1."""

    def __init__(self, tracker: Any, name: str) -> None:
        self._tracker, self._name = tracker, name

    def init(self, image: Frame, box: ArrayLike) -> None:
        self._tracker.init(Image.fromarray(image), as_annotated(box, 1))

    def update(self, image: Frame) -> Boxes:
        return box_of(_box(self._tracker.update(Image.fromarray(image)), self._name), 1)


class PysotObject:
    """pysot's trackers: BGR images, boxes counted from 0, `track` answers {"bbox": ...}."""

    def __init__(self, tracker: Any, name: str) -> None:
        self._tracker, self._name = tracker, name

    def init(self, image: Frame, box: ArrayLike) -> None:
        self._tracker.init(_bgr(image), [float(value) for value in np.asarray(box, np.float32)])

    def update(self, image: Frame) -> Boxes:
        reply = self._tracker.track(_bgr(image))
        if not isinstance(reply, dict) or "bbox" not in reply:
            raise ForeignTrackerError(
                f"{self._name}: track(image) must return a dict with a 'bbox'"
            )
        return _box(reply["bbox"], self._name)


def whole_pixels(box: ArrayLike, width: int, height: int) -> tuple[int, int, int, int]:
    """The box (x, y, w, h) of whole pixels next to `box`, cut at the frame, at least one pixel."""
    x, y, w, h = (float(value) for value in np.asarray(box, np.float64))
    left, top = (min(max(round(low), 0), size - 1) for low, size in ((x, width), (y, height)))
    right, bottom = min(round(x + w), width), min(round(y + h), height)
    return left, top, max(right - left, 1), max(bottom - top, 1)


def _box(reply: Any, name: str) -> Boxes:
    if isinstance(reply, tuple) and len(reply) == 2:
        found, reply = reply
        if not found:
            return LOST
    try:
        box: Boxes = np.asarray(reply, np.float32)
        if box.shape == (4,):
            return box
    except (TypeError, ValueError):
        pass
    raise ForeignTrackerError(
        f"{name}: answered {str(reply)[:60]!r}; must be four numbers x, y, w, h"
    )


def _attribute(spec: str) -> Callable[[], Any]:
    module_name, _, attribute = spec.partition(":")
    if not module_name or not attribute:
        raise ForeignTrackerError(f"{spec}: name a tracker as package.module:Factory")
    try:
        target: Any = importlib.import_module(module_name)
    except TRACKERS_FAULTS as error:
        raise ForeignTrackerError(
            f"{spec}: cannot import {module_name} ({_said(error)})"
        ) from error
    for part in attribute.split("."):
        if not hasattr(target, part):
            raise ForeignTrackerError(f"{spec}: {module_name} has no {attribute}")
        target = getattr(target, part)
    if not callable(target):
        raise ForeignTrackerError(f"{spec}: cannot be called; name a class or a function")
    factory: Callable[[], Any] = target
    return factory


def _can(tracker: Any, *methods: str) -> bool:
    return all(callable(getattr(tracker, method, None)) for method in methods)


def _bgr(image: Frame) -> Frame:
    return np.ascontiguousarray(image[..., ::-1])


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
