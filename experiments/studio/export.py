"""What was tracked, as files: the annotated video, CSV, JSON."""

from collections.abc import Callable
from pathlib import Path

from experiments.studio.session import Tracked
from siamfc_jax.media.box_writer import BoxWriter, TrackingRecord
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.overlay import draw_boxes
from siamfc_jax.media.video_writer import VideoWriter

KINDS = ("mp4", "csv", "json")


def export(
    tracked: Tracked,
    kind: str,
    folder: Path,
    model: str,
    progress: Callable[[float], object],
    should_stop: Callable[[], bool],
) -> Path:
    """Writes one of KINDS into the folder and returns its path; closes the footage.

    `progress` gets the share that is done. Raises MediaError: cannot be written, or stopped.
    """
    path = folder / f"tracked.{kind}"
    with tracked.footage:
        if kind == "mp4":
            _write_video(tracked, path, progress, should_stop)
        else:
            _write_boxes(tracked, folder, model)
    return path


def _write_boxes(tracked: Tracked, folder: Path, model: str) -> None:
    footage = tracked.footage
    record = TrackingRecord(footage.name, model, footage.fps, footage.width, footage.height)
    with BoxWriter(folder / "tracked.csv", folder / "tracked.json", record) as writer:
        for row in tracked.table:
            writer.write(row[:, :4], row[:, 4], row[:, 5], row[:, 6] == 1)


def _write_video(
    tracked: Tracked,
    path: Path,
    progress: Callable[[float], object],
    should_stop: Callable[[], bool],
) -> None:
    footage = tracked.footage
    first, stop = getattr(footage, "first", 0), len(tracked.table)
    with VideoWriter(path, footage.fps) as writer:
        for frame in range(first, stop):
            if should_stop():
                raise MediaError("the page is gone")
            rows = tracked.table[frame]
            writer.write(draw_boxes(footage.frame(frame), rows[:, :4], rows[:, 4], rows[:, 6] == 1))
            progress((frame + 1 - first) / (stop - first))
