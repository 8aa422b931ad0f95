r"""Track objects through a video and write the video with their boxes.

  python -m experiments.track                                  the demo clip of the package
  python -m experiments.track clip.mp4 --init=140,60,32,48     one object
  python -m experiments.track clip.mp4 --init=140,60,32,48 --init=20,30,50,50
  python -m experiments.track 'frames/*.jpg' --boxes_file=first_boxes.txt --out=results
  python -m experiments.track camera:0 --init=200,150,80,80    until Ctrl-C

The source is a video file, a folder or a quoted glob of images, or a camera (camera:0). Boxes are
x,y,w,h in pixels of the first frame: upper-left corner, width, height. For a source NAME, --out
gets NAME_tracked.mp4, NAME_tracked.csv, NAME_tracked.json and NAME_tracked_sheet.png; while
tracking goes on, the first two are called *.partial.*.

Exit codes: 0 done; 2 wrong input, nothing tracked; 3 the video broke off or the disk is full, and
the results up to there are written; 130 Ctrl-C, 143 SIGTERM, and again the results are written.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import flags

from experiments import cli
from experiments.compilation_cache import use_compilation_cache
from experiments.tracked_as import tracked_as
from siamfc_jax.media.box_text import parse_box, read_boxes_file
from siamfc_jax.media.demo import demo_clip
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.session import TrackingSession
from siamfc_jax.media.tracking_loop import VideoTracker

_INIT = flags.DEFINE_multi_string("init", [], "An object's box x,y,w,h; may be given repeatedly.")
_BOXES_FILE = flags.DEFINE_string("boxes_file", None, "Text file with a box x,y,w,h per line.")
_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Name of a model, or a weights file.")
_OUT = flags.DEFINE_string("out", "tracked", "Folder for the results.")
_RESPONSE = flags.DEFINE_bool("response_overlay", False, "Draw the response maps, too.")
_REDETECT = flags.DEFINE_bool(
    "redetect", False, "Look for a lost object over the whole frame; slower while it is lost."
)
_FAST = flags.DEFINE_bool(
    "fast", False, "SiamFC: one search image a frame instead of one of each scale; other boxes."
)
_MAX_FRAMES = flags.DEFINE_integer("max_frames", None, "Stop after so many.", lower_bound=1)


def main(args: Sequence[str]) -> int:
    source, boxes = _source_and_boxes(args)
    with TrackingSession(source, boxes, _OUT.value, _name(), _MAX_FRAMES.value) as session:
        _announce(session)
        tracker = _load_tracker()
        with cli.StopSignals() as signals:
            problem = _run(session, tracker, signals)
    print(session.summary().text(), flush=True)
    if problem is not None:
        cli.print_error(problem)
        return cli.EXIT_BROKE_OFF
    if signals.received is not None:
        print("stopped early; the results so far are written", file=sys.stderr)
        return 128 + signals.received
    return 0


def _source_and_boxes(args: Sequence[str]) -> tuple[str | Path, np.ndarray]:
    if len(args) > 1:
        raise MediaError(f"one video at a time, not {' '.join(args)}; quote a glob; see --help")
    boxes = [parse_box(text) for text in _INIT.value]
    if _BOXES_FILE.value is not None:
        boxes.extend(read_boxes_file(Path(_BOXES_FILE.value)))
    if not args:
        clip, box = demo_clip()
        return clip, np.stack(boxes or [box])
    if not boxes:
        raise MediaError(f"{args[0]}: give the object's box in its first frame, --init=x,y,w,h")
    return args[0], np.stack(boxes)


def _announce(session: TrackingSession) -> None:
    source = session.source
    length = f"about {source.n_frames} frames" if source.n_frames else "unknown length"
    rate = f"{source.fps:.4g} frames/s" if source.fps else "no frame rate"
    print(f"source: {source.location}, {source.width}x{source.height}, {rate}, {length}")
    for target, box in enumerate(session.boxes):
        print(f"target {target}: x,y,w,h = {','.join(f'{value:g}' for value in box)}", flush=True)


def _load_tracker() -> VideoTracker:
    # Importing JAX takes seconds: only now is it sure to be worth it.
    import jax

    import siamfc_jax

    use_compilation_cache()
    tracker = siamfc_jax.load_multi(_MODEL.value, redetect=_REDETECT.value, fast=_FAST.value)
    device = jax.devices()[0]
    print(f"model: {_name()}, on {device.platform} ({device.device_kind})", flush=True)
    return tracker


def _name() -> str:
    return tracked_as(_MODEL.value, fast=_FAST.value, redetect=_REDETECT.value)


def _run(
    session: TrackingSession, tracker: VideoTracker, signals: cli.StopSignals
) -> Exception | None:
    """Tracks with a progress bar; returns what broke it off, if anything did."""
    total = min(filter(None, (session.source.n_frames, _MAX_FRAMES.value)), default=None)
    with cli.progress_bar(total, "frame") as bar:
        try:
            session.run(
                tracker,
                response_overlay=_RESPONSE.value,
                progress=bar.update,
                should_stop=lambda: signals.received is not None,
            )
        except (MediaError, OSError) as error:
            return error
    return None


if __name__ == "__main__":
    cli.run(main)
