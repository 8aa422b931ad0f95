"""Trackers to call frame by frame, with state inside: `init(image, box)`, `update(image)`."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc_jax.boxes import Boxes, check_boxes
from siamfc_jax.crops import Frames
from siamfc_jax.models.backbone import Compute
from siamfc_jax.models.network import Network
from siamfc_jax.tracking.canvas import Image, check_image, on_canvas
from siamfc_jax.tracking.compiling import jit_for_tracking
from siamfc_jax.tracking.tracker import Params, Prediction, Tracker, TrackState
from siamfc_jax.tracking.trackers import Tracking, make_tracker


class Model(NamedTuple):
    """A network with its parameters (folded), the settings it tracks with, and the type in which
    the embedding computes; correlation, response and boxes are float32."""

    params: Params
    network: Network
    tracking: Tracking
    compute: Compute = "float32"

    def prepared(self) -> Params:
        """The parameters on the device, made ready for tracking."""
        return self.network.prepare(jax.device_put(self.params), self.compute)


class FrameSizeError(ValueError):
    """A frame whose size differs from the first one's."""


@lru_cache
def compiled_tracker(network: Network, tracking: Tracking) -> Tracker:
    """The jitted Tracker; the same object for the same settings, so it compiles once a process."""
    tracker = make_tracker(network, tracking)
    return Tracker(jit_for_tracking(tracker.init), jit_for_tracking(tracker.step))


class MultiTracker:
    """Several targets of one video, tracked as one batch on the device.

    Not thread-safe; one object per video.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._tracker = compiled_tracker(model.network, model.tracking)
        self._params = model.prepared()
        self._state: TrackState | None = None
        self._frame_size = (0, 0)
        self.initial_prediction: Prediction | None = None

    def init(self, image: Image, boxes: ArrayLike) -> None:
        """Start on the first frame.

        Args:
          image: uint8 [H, W, 3] RGB.
          boxes: [N, 4] (x, y, w, h) in pixels; see `siamfc_jax.boxes` for the convention.

        Raises:
          BoxError: a box cannot start a tracker.
          ValueError: the image is not a uint8 RGB array.
        """
        check_image(image)
        height, width = image.shape[:2]
        checked = check_boxes(boxes, width, height)
        frames = jax.device_put(on_canvas([image]))
        stream = jax.device_put(np.zeros(len(checked), np.int32))
        self._state, self.initial_prediction = self._tracker.init(
            self._params, frames, jax.device_put(checked), stream
        )
        self._frame_size = (width, height)

    def dispatch(self, image: Image) -> Prediction:
        """Start tracking into the next frame; the prediction's arrays arrive when first read.

        `image` must not be written to until they have arrived.

        Raises:
          FrameSizeError: the frame's size differs from the first frame's.
          ValueError: the image is not a uint8 RGB array, or `init` was not called.
        """
        if self._state is None:
            raise ValueError("init(image, boxes) must be called before the first update")
        check_image(image)
        if image.shape[1::-1] != self._frame_size:
            raise FrameSizeError(
                f"the frame is {image.shape[1]}x{image.shape[0]}, but tracking began on "
                f"{'x'.join(map(str, self._frame_size))}; resize the frames or start anew with init"
            )
        return self._step(jax.device_put(on_canvas([image])))

    def _step(self, frames: Frames) -> Prediction:
        assert self._state is not None
        self._state, prediction = self._tracker.step(self._params, self._state, frames)
        return prediction

    def update(self, image: Image) -> tuple[Boxes, NDArray[np.float32]]:
        """Boxes float32 [N, 4] and scores float32 [N] in the next frame; raises as `dispatch`."""
        prediction = self.dispatch(image)
        return np.asarray(prediction.box), np.asarray(prediction.score)


class OnlineTracker:
    """One target, in the convention of OpenCV and the GOT-10k toolkit.

    Attributes:
      score: how much the last box looks like the exemplar, in 0..1; see `Prediction.score`.
      confidence: the probability that the last box is on the target; see `Prediction.confidence`.
      lost: whether the target is lost; see `Prediction.lost`.
    """

    def __init__(self, model: Model, make: Callable[[Model], MultiTracker] = MultiTracker) -> None:
        """`make`: what tracks, as `siamfc_jax.tracking.redetection.RedetectingTracker`."""
        self._tracker = make(model)
        self.score = self.confidence = 1.0
        self.lost = False

    def init(self, image: Image, box: ArrayLike) -> None:
        """Start on an image, uint8 [H, W, 3] RGB, with a box (x, y, w, h).

        Raises as `MultiTracker.init`.
        """
        self._tracker.init(image, np.asarray(box, np.float32)[None])
        assert self._tracker.initial_prediction is not None
        self._tell(self._tracker.initial_prediction)

    def update(self, image: Image) -> Boxes:
        """The target's box, float32 [4] (x, y, w, h), in the next frame."""
        return self._tell(self._tracker.dispatch(image))

    def _tell(self, prediction: Prediction) -> Boxes:
        said = jax.device_get((prediction.score, prediction.confidence, prediction.lost))
        self.score, self.confidence, self.lost = (value[0].item() for value in said)
        box: Boxes = np.asarray(prediction.box)[0]
        return box
