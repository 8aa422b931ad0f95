"""Everything that tracking one video leaves on disk."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from siamfc_jax.media.box_writer import BoxWriter, TrackedBoxes, TrackingRecord
from siamfc_jax.media.contact_sheet import FrameSampler, contact_sheet, write_image
from siamfc_jax.media.heatmap import draw_response
from siamfc_jax.media.overlay import draw_boxes
from siamfc_jax.media.partial_file import reserve
from siamfc_jax.media.video_writer import VideoWriter

_SHEET_COLUMNS, _SHEET_TILES, _SHEET_WIDTH = 4, 16, 1600


@dataclass(frozen=True)
class ResultPaths:
    video: Path
    csv: Path
    json: Path
    sheet: Path


class TrackedFrame(NamedTuple):
    """image uint8 [H, W, 3]; boxes float32 [N, 4]; scores and confidences float32 [N]; lost bool
    [N]; responses empty or float32 [N, h, w], over the frame's parts response_boxes float32
    [N, 4]."""

    image: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    confidences: np.ndarray
    lost: np.ndarray
    responses: np.ndarray
    response_boxes: np.ndarray


class TrackingResults:
    """The tracked video, its boxes as CSV and JSON, and a contact sheet, in one folder.

    Creating it proves that the folder can be written, or raises MediaError. `close` finishes
    whatever was added; without a frame it leaves nothing behind.
    """

    def __init__(self, out_dir: Path, name: str, record: TrackingRecord):
        stem = f"{name}_tracked"
        self.paths = ResultPaths(
            *(out_dir / f"{stem}{end}" for end in (".mp4", ".csv", ".json", "_sheet.png"))
        )
        self._sampler = FrameSampler(_SHEET_TILES, _SHEET_WIDTH // _SHEET_COLUMNS)
        with contextlib.ExitStack() as opened:
            self._boxes = BoxWriter(self.paths.csv, self.paths.json, record)
            opened.callback(self._boxes.close)
            self._video = VideoWriter(self.paths.video, record.fps)
            opened.callback(self._video.close)
            for path in (self.paths.json, self.paths.sheet):
                reserve(path).unlink()
            opened.callback(self._write_sheet)
            self._closing = opened.pop_all()

    @property
    def tracked(self) -> TrackedBoxes:
        """The frames so far."""
        return self._boxes.tracked()

    def add(self, tracked: TrackedFrame) -> None:
        """Takes the next frame: its boxes first, which outlive trouble with the video."""
        self._boxes.write(tracked.boxes, tracked.scores, tracked.confidences, tracked.lost)
        image = tracked.image
        for response, place in zip(tracked.responses, tracked.response_boxes, strict=False):
            image = draw_response(image, response, place)
        image = draw_boxes(image, tracked.boxes, tracked.scores, tracked.lost)
        self._video.write(image)
        self._sampler.add(image)

    def close(self) -> None:
        """Finishes every file that can be finished, then raises what went wrong on the way."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_sheet(self) -> None:
        tiles = self._sampler.tiles()
        if tiles:
            captions = [f"frame {index}" for index, _ in tiles]
            pictures = [picture for _, picture in tiles]
            sheet = contact_sheet(pictures, _SHEET_COLUMNS, _SHEET_WIDTH, captions)
            write_image(self.paths.sheet, sheet)
