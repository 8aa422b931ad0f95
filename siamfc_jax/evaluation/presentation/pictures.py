"""Frames with the boxes of truth and tracker: which ones to show, and how they are drawn."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from siamfc_jax.boxes import iou
from siamfc_jax.evaluation.metrics.vot_overlap import overlaps
from siamfc_jax.evaluation.presentation.measures import curve_measures
from siamfc_jax.evaluation.regions import Region, corners, is_known
from siamfc_jax.evaluation.runs import FAILED, Run, VotRun
from siamfc_jax.evaluation.scores import CurveScores, VotScores
from siamfc_jax.evaluation.sequences import Sequence as RectangleSequence
from siamfc_jax.evaluation.sequences import VotSequence, box_of, read_frame

_TRUTH = (0, 230, 64)
_TRACKER = (255, 45, 45)
_SHADOW = (0, 0, 0)
# Boxes of a tracker that ran away: nobody sees so far.
_FARTHEST = 1e4


class Picture(NamedTuple):
    """A frame and what was where.

    Attributes:
      tracker, sequence: their names.
      image: uint8 [H, W, 3] RGB.
      truth, box: corners [k, 2] (x, y) in pixels, origin at the image's upper-left corner; None
        where the benchmark, or the tracker, says nothing.
      frame: its number as the benchmark counts.
      overlap: of the two; NaN where one is unknown.
    """

    tracker: str
    sequence: str
    image: NDArray[np.uint8]
    truth: NDArray[np.float64] | None
    box: NDArray[np.float64] | None
    frame: int
    overlap: float


def jpeg(picture: Picture, width: int = 400) -> bytes:
    """The picture at most `width` pixels wide as JPEG: truth green and dashed, tracker red.

    Two kinds of lines, so that nobody needs to tell red from green. Of a frame with a small target,
    the part around the outlines is shown.
    """
    left, top, right, bottom = _view(picture)
    image = Image.fromarray(picture.image).crop((left, top, right, bottom))
    enlarged = image.width < picture.image.shape[1]
    scale = width / (image.width if enlarged else max(width, image.width))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    for outline, colour, dashed in (
        (picture.box, _TRACKER, False),
        (picture.truth, _TRUTH, True),
    ):
        if outline is not None:
            _outline(draw, (outline - [left, top]) * scale, colour, dashed)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80, optimize=True)
    return stream.getvalue()


def _view(picture: Picture) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is shown: all, or a part of at least a third's width."""
    height, width = picture.image.shape[:2]
    outlines = [
        np.clip(o, 0, [width, height]) for o in (picture.truth, picture.box) if o is not None
    ]
    if not outlines or max(np.ptp(outline, 0).max() for outline in outlines) > width / 12:
        return 0, 0, width, height
    points = np.concatenate(outlines)
    low, high = points.min(0), points.max(0)
    share = max(1 / 3, 1.5 * ((high - low) / [width, height]).max())
    if share >= 1:
        return 0, 0, width, height
    size = np.asarray([share * width, share * height])
    corner = np.clip((low + high - size) / 2, 0, [width, height] - size)
    left, top = (int(value) for value in corner)
    return left, top, left + max(1, int(size[0])), top + max(1, int(size[1]))


def worst_frames(
    sequences: Sequence[RectangleSequence],
    runs: Mapping[str, tuple[Run, ...]],
    scores: CurveScores,
    count: int = 6,
    per_sequence: int = 4,
) -> Iterator[Picture]:
    """Frames of the sequences with the lowest scores (the ranking measure), worst first.

    Of each sequence's first run: the last frame before the target was first lost, that where it
    was, and frames from there to the end. Sequences without images are left out. Frames are read as
    they are asked for.

    Raises:
      SequenceError: an image is missing or cannot be read.
    """
    by_name = {sequence.name: sequence for sequence in sequences}
    values = curve_measures([scores])[0].per_sequence(scores)
    for name in _worst(scores.names, values, by_name, count):
        sequence, run = by_name[name], runs[name][0]
        boxes = box_of(run.boxes, sequence.first_pixel)
        truth = sequence.boxes[run.start : run.start + len(boxes)]
        boxes = boxes[: len(truth)]
        known = np.isfinite(truth.sum(1)) & (truth[:, 2:].min(1) > 0)
        said = np.isfinite(boxes.sum(1))
        overlap = np.where(said, iou(boxes, truth), 0.0)
        for row in _telling(np.where(known, overlap, np.nan), per_sequence):
            yield Picture(
                scores.tracker,
                name,
                read_frame(sequence.frames[run.start + row]),
                corners(truth[row].astype(np.float64)) if known[row] else None,
                corners(boxes[row].astype(np.float64)) if said[row] else None,
                sequence.first_frame + run.start + row,
                float(overlap[row]) if known[row] and said[row] else float("nan"),
            )


def worst_vot_frames(
    sequences: Sequence[VotSequence],
    runs: Mapping[str, tuple[VotRun, ...]],
    scores: VotScores,
    count: int = 6,
    per_sequence: int = 4,
) -> Iterator[Picture]:
    """As `worst_frames`, for VOT: most failures first, then least accuracy.

    Where the run says that the tracker failed, there is no region of it to show.
    """
    by_name = {sequence.name: sequence for sequence in sequences}
    # A failure weighs more than any accuracy.
    values = np.nan_to_num(scores.sequence_accuracy) - scores.sequence_failures
    for name in _worst(scores.names, values, by_name, count):
        sequence = by_name[name]
        regions = runs[name][0].regions[: len(sequence.truth)]
        truth = sequence.truth[: len(regions)]
        overlap = overlaps(regions, truth, [sequence.size])[0]
        failed = [len(region) == 1 and region[0] == FAILED for region in regions]
        for row in _telling(np.where(failed, 0.0, overlap), per_sequence):
            yield Picture(
                scores.tracker,
                name,
                read_frame(sequence.frames[row]),
                _corners_or_none(truth[row]),
                _corners_or_none(regions[row]),
                row + 1,
                float(overlap[row]),
            )


def _worst(
    names: Sequence[str],
    values: NDArray[np.float64],
    by_name: Mapping[str, RectangleSequence] | Mapping[str, VotSequence],
    count: int,
) -> list[str]:
    ranked = [names[row] for row in np.argsort(values, kind="stable")]
    return [name for name in ranked if name in by_name and by_name[name].frames][:count]


def _telling(overlap: NDArray[np.float64], count: int) -> list[int]:
    """At most `count` rows of overlaps [n] (NaN: unknown): before and at the first loss, then on.

    Where the target was never lost, the row of the least overlap stands for the loss. The first row
    tells nothing: there the tracker was given the truth.
    """
    usable = 1 + np.flatnonzero(np.isfinite(overlap[1:]))
    if not len(usable):
        return []
    lost = usable[overlap[usable] <= 0]
    turn = int(lost[0]) if len(lost) else int(usable[np.argmin(overlap[usable])])
    before = usable[(usable < turn) & (overlap[usable] >= 0.5)]
    first = [int(before[-1])] if len(before) else []
    after = usable[usable >= turn]
    places = np.linspace(0, len(after) - 1, max(count - len(first), 1)).round().astype(int)
    return sorted({*first, *(int(row) for row in after[places])})[:count]


def _corners_or_none(region: Region) -> NDArray[np.float64] | None:
    return corners(region) if is_known(region) and np.isfinite(region).all() else None


def _outline(
    draw: ImageDraw.ImageDraw,
    points: NDArray[np.float64],
    colour: tuple[int, int, int],
    dashed: bool,
) -> None:
    points = np.clip(points, -_FARTHEST, _FARTHEST)
    ends = np.roll(points, -1, 0)
    for shade, width in ((_SHADOW, 4), (colour, 2)):
        for start, end in zip(points, ends, strict=True):
            for a, b in _dashes(start, end) if dashed else [(start, end)]:
                draw.line([*a.tolist(), *b.tolist()], fill=shade, width=width)


def _dashes(
    start: NDArray[np.float64], end: NDArray[np.float64], length: float = 7
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    # An odd number of pieces: dashes at both ends, so that corners are drawn.
    pieces = min(2 * int(np.linalg.norm(end - start) / length / 2) + 1, 1001)
    stops = np.linspace(start, end, pieces + 1)
    yield from zip(stops[:-1:2], stops[1::2], strict=True)
