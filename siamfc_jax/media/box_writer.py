"""Tracked boxes on disk: CSV while tracking goes on, JSON at its end."""

import csv
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.partial_file import cannot_write, publish, reserve, write_whole

COLUMNS = ("frame", "target", "x", "y", "w", "h", "score", "confidence", "lost")
_OLD_COLUMNS = COLUMNS[:-2]
CONVENTION = (
    "A box is x, y, w, h in pixels: its upper-left corner, measured from the upper-left corner of "
    "the upper-left pixel (pixel i spans i to i+1), then its width and height. "
    "Frames and targets count from 0; a target's first box is the given one, and frames without a "
    "box of it hold nan in CSV, null here. "
    "The confidence is the probability that the box overlaps the target with an IoU of .5 or more, "
    "as far as the model was calibrated; else it is the score."
)


class TrackedBoxes(NamedTuple):
    """`boxes` float32 [F, N, 4], `scores` and `confidences` float32 [F, N] and `lost` bool [F, N],
    of frames 0..F-1 and targets 0..N-1."""

    boxes: np.ndarray
    scores: np.ndarray
    confidences: np.ndarray
    lost: np.ndarray


@dataclass(frozen=True)
class TrackingRecord:
    """What the boxes belong to; `fps` is None where the source has no rate."""

    source: str
    model: str
    fps: float | None
    width: int
    height: int


class BoxWriter:
    """Writes the boxes of frame after frame to a CSV and, when closed, to a JSON file.

    Each frame's rows are handed to the system at once, so they outlive a killed process; until
    `close` the file is called `*.partial.csv`. Raises MediaError when it cannot be written.
    """

    def __init__(self, csv_path: Path, json_path: Path, record: TrackingRecord):
        self.n_frames = 0
        self._csv_path, self._json_path, self._record = csv_path, json_path, record
        self._written: list[TrackedBoxes] = []
        self._partial = reserve(csv_path)
        self._file = self._partial.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\n")

    def write(
        self,
        boxes: np.ndarray,
        scores: np.ndarray,
        confidences: np.ndarray | None = None,
        lost: np.ndarray | None = None,
    ) -> None:
        """Adds the next frame: boxes float32 [N, 4], scores float32 [N], confidences float32 [N]
        (None: the scores), lost bool [N] (None: nowhere)."""
        frame = _frame(boxes, scores, confidences, lost)
        # str() of a float32 is the shortest text that reads back as the same float32.
        rows = [
            [str(number) for number in (self.n_frames, target, *box, *others, int(is_lost))]
            for target, (box, *others, is_lost) in enumerate(zip(*frame, strict=True))
        ]
        try:
            if self.n_frames == 0:
                self._rows.writerow(COLUMNS)
            self._rows.writerows(rows)
            self._file.flush()
        except OSError as error:
            raise cannot_write(self._partial, error) from error
        self._written.append(frame)
        self.n_frames += 1

    def close(self) -> None:
        """Finishes both files; without a frame there are none."""
        if self._file.closed:
            return
        try:
            self._file.close()
            if not self.n_frames:
                self._partial.unlink(missing_ok=True)
                return
            publish(self._csv_path)
        except OSError as error:
            raise cannot_write(self._partial, error) from error
        write_whole(self._json_path, _as_json(self._record, self.tracked()).encode())

    def tracked(self) -> TrackedBoxes:
        """All frames so far."""
        if not self.n_frames:
            return _tracked(np.empty((0, 0, 4), np.float32), np.empty((0, 0), np.float32))
        return TrackedBoxes(*map(np.stack, zip(*self._written, strict=True)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _frame(
    boxes: np.ndarray,
    scores: np.ndarray,
    confidences: np.ndarray | None,
    lost: np.ndarray | None,
) -> TrackedBoxes:
    """Copies of a frame's arrays."""
    frame = _tracked(np.array(boxes, np.float32), np.array(scores, np.float32))
    if confidences is not None:
        frame = frame._replace(confidences=np.array(confidences, np.float32))
    return frame if lost is None else frame._replace(lost=np.array(lost, bool))


def _tracked(boxes: np.ndarray, scores: np.ndarray) -> TrackedBoxes:
    """Of a tracker that is not calibrated: its confidence is the score, and it is never lost."""
    return TrackedBoxes(boxes, scores, scores, np.zeros(scores.shape, bool))


def _as_json(record: TrackingRecord, tracked: TrackedBoxes) -> str:
    targets = [
        {
            "target": target,
            "boxes": _json_numbers(tracked.boxes[:, target]),
            "scores": _json_numbers(tracked.scores[:, target]),
            "confidences": _json_numbers(tracked.confidences[:, target]),
            "lost": tracked.lost[:, target].tolist(),
        }
        for target in range(tracked.boxes.shape[1])
    ]
    content = {
        **asdict(record),
        "n_frames": len(tracked.boxes),
        "convention": CONVENTION,
        "targets": targets,
    }
    return json.dumps(content, allow_nan=False) + "\n"


def _json_numbers(values: np.ndarray) -> Any:
    """Nested lists of the shortest equal decimals; null for what JSON has no number for."""
    if values.ndim:
        return [_json_numbers(value) for value in values]
    return float(str(values)) if math.isfinite(values) else None


def read_boxes_csv(path: Path) -> TrackedBoxes:
    """Reads what BoxWriter wrote, bit for bit, also before it told confidences; MediaError names
    the file and the line."""
    rows: dict[tuple[int, int], list[float]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            columns = tuple(next(lines, ()))
            if columns not in (COLUMNS, _OLD_COLUMNS):
                raise MediaError(f"{path}, line 1: expected the header {','.join(COLUMNS)}")
            for fields in lines:
                where = f"{path}, line {lines.line_num}"
                frame, target, values = _parse_row(fields, columns, where)
                rows[frame, target] = values
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be read ({error}); check the path") from error
    n_frames, n_targets = (1 + max((key[i] for key in rows), default=-1) for i in (0, 1))
    if len(rows) != n_frames * n_targets:
        raise MediaError(f"{path}: rows are missing; every frame must have {n_targets} targets")
    table = np.array([rows[key] for key in sorted(rows)], np.float32)
    table = table.reshape(n_frames, n_targets, len(columns) - 2)
    if columns == _OLD_COLUMNS:
        return _tracked(table[..., :4], table[..., 4])
    return TrackedBoxes(table[..., :4], table[..., 4], table[..., 5], table[..., 6] != 0)


def _parse_row(
    fields: list[str], columns: tuple[str, ...], where: str
) -> tuple[int, int, list[float]]:
    try:
        frame, target, *texts = fields
        values = [float(text) for text in texts]
        if len(fields) != len(columns):
            raise ValueError
        return int(frame), int(target), values
    except ValueError:
        raise MediaError(f"{where}: expected {','.join(columns)}, got {','.join(fields)}") from None


def read_boxes_json(path: Path) -> tuple[TrackingRecord, TrackedBoxes]:
    """Reads what BoxWriter wrote, also before it told confidences; MediaError names the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        record = TrackingRecord(
            **{name: content[name] for name in ("source", "model", "fps", "width", "height")}
        )
        targets = content["targets"]
        tracked = _tracked(
            np.array([target["boxes"] for target in targets], np.float32).swapaxes(0, 1),
            np.array([target["scores"] for target in targets], np.float32).swapaxes(0, 1),
        )
        if all("confidences" in target for target in targets):
            confidences = np.array([target["confidences"] for target in targets], np.float32)
            lost = np.array([target["lost"] for target in targets], bool)
            tracked = tracked._replace(
                confidences=confidences.swapaxes(0, 1), lost=lost.swapaxes(0, 1)
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MediaError(f"{path}: is no file of tracked boxes ({error}); track again") from error
    return record, tracked
