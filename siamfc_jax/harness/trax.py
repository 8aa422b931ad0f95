"""Our trackers behind TraX, the protocol of the VOT toolkit (package `vot-trax` 4, BSD).

The client (the toolkit) starts this process and talks to it over its standard input and output, or
over a socket where TRAX_SOCKET says so.
"""

import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, UnidentifiedImageError

from siamfc_jax.boxes import Boxes
from siamfc_jax.evaluation.regions import Region, RegionError, check_region
from siamfc_jax.evaluation.sequences import as_annotated, box_of, read_frame

try:
    import trax
    from trax.image import BufferImage, FileImage, MemoryImage
except ModuleNotFoundError as error:
    raise ImportError(f"{error.name} is missing; pip install vot-trax") from None

_FIRST_PIXEL = 0  # of VOT's coordinates

Rectangle = Callable[[Region], Region]


class ScoringTracker(Protocol):
    """What is served: siamfc_jax.tracking.online.OnlineTracker, say."""

    score: float

    def init(self, image: NDArray[np.uint8], box: ArrayLike) -> object: ...

    def update(self, image: NDArray[np.uint8]) -> Boxes: ...


class TraxError(OSError):
    """The talk with the client broke off; one line says how."""


def serve(tracker: ScoringTracker, name: str, rectangle: Rectangle) -> None:
    """Answer a TraX client until it says goodbye.

    Args:
      tracker: is started, and started again, on the regions that the client sends.
      name: told to the client.
      rectangle: region -> rectangle to start from: `regions.axis_aligned` or `same_area`.

    Each answer is a rectangle with the property `confidence`, the tracker's score.

    Raises:
      TraxError: the client went away, or speaks something else.
      ValueError: an image or a region that cannot be used; the client is told the same line.
    """
    # Standard output belongs to the protocol, whatever the tracker or its libraries print.
    with contextlib.redirect_stdout(sys.stderr):
        server = _said_hello(name)
        while True:
            try:
                request = server.wait()
            except trax.TraxException as error:
                raise TraxError(
                    f"the TraX client is gone, or says what is not TraX ({error})"
                ) from None
            if request.type == trax.TraxStatus.QUIT:
                return
            try:
                answer = _answer(tracker, request, rectangle)
            except (ValueError, OSError) as error:
                server.quit(reason=" ".join(str(error).split()))
                raise
            server.status([(trax.Rectangle.create(*answer), {"confidence": tracker.score})])


def _said_hello(name: str) -> Any:
    try:
        return trax.Server(
            [trax.Region.RECTANGLE, trax.Region.POLYGON],
            [trax.Image.PATH, trax.Image.MEMORY, trax.Image.BUFFER],
            tracker_name=name,
            tracker_description="fully-convolutional Siamese tracker in JAX",
            tracker_family="siamfc",
        )
    except trax.TraxException as error:
        raise TraxError(f"{error}; start this program from a TraX client: vot test NAME") from None


def _answer(tracker: ScoringTracker, request: Any, rectangle: Rectangle) -> list[float]:
    image = _pixels(request.image)
    if request.type == trax.TraxStatus.INITIALIZE:
        if len(request.objects) != 1:
            raise ValueError(f"one object at a time, not {len(request.objects)}")
        region, _ = request.objects[0]
        box = box_of(rectangle(_numbers(region)), _FIRST_PIXEL)
        tracker.init(image, box)
    else:
        box = tracker.update(image)
    return [float(value) for value in as_annotated(box, _FIRST_PIXEL)]


def _numbers(region: Any) -> Region:
    if region.type == trax.Region.RECTANGLE:
        return check_region(region.bounds())
    if region.type == trax.Region.POLYGON:
        return check_region(np.ravel(list(region)))
    raise RegionError(
        f"cannot start on a region of type {region.type}; send a rectangle or polygon"
    )


def _pixels(images: dict[str, Any]) -> NDArray[np.uint8]:
    if "color" not in images:
        raise ValueError(f"no colour image, only {', '.join(images) or 'none'}")
    image = images["color"]
    if isinstance(image, FileImage):
        return read_frame(Path(image.path()))
    if isinstance(image, MemoryImage):
        pixels = image.array()
        if pixels.dtype != np.uint8:
            raise ValueError("an image of 16 bits; send 8 bits per channel")
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    if isinstance(image, BufferImage):
        try:
            return np.asarray(Image.open(io.BytesIO(image.buffer())).convert("RGB"))
        except (UnidentifiedImageError, OSError, ValueError) as error:
            raise ValueError(f"an image that cannot be decoded ({error})") from None
    raise ValueError(f"an image of type {image.type()}; send a path, pixels, or a JPEG or PNG")
