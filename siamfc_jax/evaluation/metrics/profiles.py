"""What the toolkits do differently with the same boxes, one profile each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.metrics.rectangles import (
    SUCCESS_THRESHOLDS,
    Floats,
    FrameErrors,
    got10k_errors,
    lasot_errors,
    matlab_errors,
    pysot_errors,
)


@dataclass(frozen=True, eq=False)
class RectangleProfile:
    """One toolkit's definition of success and precision.

    Attributes:
      name, summary: for --help and reports; the summary is one line that says how it differs.
      success_thresholds: [K].
      carried: boxes [n, 4] -> [n] whether a box is replaced by the one before, where there is a
        truth; None: none is.
      gives_first: the first box of a run is replaced by the truth.
      omits: frames ahead of the first evaluated one do not count (`Sequence.omitted_truth`);
        otherwise they do where a run has them.
      errors: (boxes, truth) -> overlap and centre errors of every frame.
    """

    name: str
    summary: str
    success_thresholds: Floats
    carried: Callable[[Floats], NDArray[np.bool_]] | None
    gives_first: bool
    errors: Callable[[Floats, Floats], FrameErrors]
    omits: bool = True


def unusable_boxes(boxes: Floats) -> NDArray[np.bool_]:
    """[n] whether a box has a number that is not finite, or no area."""
    return ~np.isfinite(boxes).all(-1) | _without_area(boxes)


def _gaps(boxes: Floats) -> NDArray[np.bool_]:
    return np.isnan(boxes).any(-1) | _without_area(boxes)


def _blank_boxes(boxes: Floats) -> NDArray[np.bool_]:
    # MATLAB's `if isnan(box)` wants every element true: a box with one NaN stays, and misses.
    return np.isnan(boxes).all(-1) | _without_area(boxes)


def _without_area(boxes: Floats) -> NDArray[np.bool_]:
    return (boxes[:, 2] <= 0) | (boxes[:, 3] <= 0)


_PYSOT = RectangleProfile(
    name="pysot",
    summary="as pysot's toolkit: boxes as they are (first one included), thresholds k*.05 in "
    "floating point, annotations judged by size (success) or centre (precision)",
    success_thresholds=np.arange(0, 1.05, 0.05),
    carried=None,
    gives_first=False,
    errors=pysot_errors,
)

OTB_PROFILES: Mapping[str, RectangleProfile] = {
    "otb-matlab": RectangleProfile(
        name="otb-matlab",
        summary="as the authors' MATLAB toolkit 1.0: unusable boxes repeat the one before, an "
        "unusable annotation is a miss for success and a hit for precision",
        success_thresholds=SUCCESS_THRESHOLDS,
        carried=_blank_boxes,
        gives_first=True,
        errors=matlab_errors,
    ),
    "pysot": _PYSOT,
    "got10k": RectangleProfile(
        name="got10k",
        summary="as the GOT-10k toolkit's OTB experiment: no box is repeated, every annotation "
        "counts as it is, k/20 as thresholds, Tiger1 from frame 1 where the result has it",
        success_thresholds=np.linspace(0, 1, 21),
        carried=None,
        gives_first=True,
        errors=got10k_errors,
        omits=False,
    ),
}

LASOT_PROFILES: Mapping[str, RectangleProfile] = {
    "lasot": RectangleProfile(
        name="lasot",
        summary="as LaSOT's MATLAB toolkit: OTB's rules; frames without the target count for no "
        "curve but stay in the number of frames",
        success_thresholds=SUCCESS_THRESHOLDS,
        carried=_gaps,
        gives_first=True,
        errors=lasot_errors,
    ),
    "pysot": _PYSOT,
}


def profile_named(profiles: Mapping[str, RectangleProfile], name: str) -> RectangleProfile:
    """The profile of that name. Raises ValueError, naming those there are."""
    if name not in profiles:
        raise ValueError(f"no profile {name!r}; there are {', '.join(profiles)}")
    return profiles[name]
