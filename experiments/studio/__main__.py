r"""A page in the browser: open a video, draw boxes, watch them followed, download the result.

  python -m experiments.studio                    open or drop a video on the page
  python -m experiments.studio clip.mp4           or give it here; also a folder of images
  python -m experiments.studio camera:0
  python -m experiments.studio --host=0.0.0.0     for other machines, too: needs the printed token
  python -m experiments.studio --measure=1000     frames/s shown and memory, on a rendered video

Only programs on this machine can reach the page, unless --host says otherwise: then whoever opens
it must know the token in the address that is printed. Files that are sent to the page are kept in a
private folder while it is open. Ctrl-C ends it. Needs: pip install '.[studio]'

Exit codes: 2 wrong input; 130 Ctrl-C, 143 SIGTERM.
"""

import copy
import os
import secrets
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from absl import flags

from experiments import cli
from experiments.compilation_cache import use_compilation_cache
from experiments.tracked_as import tracked_as
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.footage_reading import open_footage
from siamfc_jax.media.tracking_loop import VideoTracker

if TYPE_CHECKING:
    from experiments.studio.desk import Studio

_MODEL = flags.DEFINE_string("model", "siamfc-3s", "Name of a model, or a weights file.")
_FAST = flags.DEFINE_bool(
    "fast", True, "SiamFC: one search image a frame instead of one of each scale; other boxes."
)
_HOST = flags.DEFINE_string("host", "127.0.0.1", "Address to listen on.")
_PORT = flags.DEFINE_integer("port", 0, "Port to listen on; 0: any that is free.", 0, 65535)
_OPEN = flags.DEFINE_bool("open", True, "Open the page in the browser.")
_MOST_MB = flags.DEFINE_integer("max_upload_mb", 500, "Largest file that may be sent.", 1)
_MEASURE = flags.DEFINE_integer(
    "measure", None, "Measure so many frames in a headless Chromium, and end.", lower_bound=10
)

_EVERYWHERE = ("0.0.0.0", "::")


def main(args: Sequence[str]) -> int:
    if len(args) > 1:
        raise MediaError(f"one video at a time, not {' '.join(args)}; see --help")
    if _MEASURE.value is not None:
        from experiments.studio.measure import measure

        return measure(_MEASURE.value, _MODEL.value, _FAST.value)
    if args:
        # What is wrong with it is told here rather than on the page.
        open_footage(args[0]).close()
    # Importing it takes a second; what is missing is told before the model is loaded.
    from experiments.studio.guard import LOOPBACK
    from experiments.studio.server import listen, serve

    token = None if _HOST.value in LOOPBACK else secrets.token_urlsafe(24)
    # Whatever is written here is for this user alone.
    os.umask(0o077)
    _end_with_the_terminal()
    with listen(_HOST.value, _PORT.value) as listener, _studio(args) as studio:
        address = _address(listener.getsockname()[1], token)
        print(f"studio: {address}", flush=True)
        if _HOST.value in _EVERYWHERE:
            print("on other machines, put this one's name or address in place of 127.0.0.1")
        print("Ctrl-C ends it", flush=True)
        if _OPEN.value:
            _open_browser(address)
        serve(studio, listener, token)
    return 0


def _studio(args: Sequence[str]) -> "Studio":
    from experiments.studio.desk import Studio

    name, new_tracker = _tracker_maker()
    return Studio(new_tracker, name, args[0] if args else None, _MOST_MB.value * 10**6)


def _tracker_maker() -> tuple[str, Callable[[], VideoTracker]]:
    """The name of what tracks, as in records, and what makes it."""
    # Importing JAX takes seconds: only now is it sure to be worth it.
    print(f"loading {_MODEL.value} ...", flush=True)
    import jax

    import siamfc_jax
    from siamfc_jax.tracking.online import MultiTracker
    from siamfc_jax.tracking.trackers import fast_tracking, searches_one_image

    use_compilation_cache()
    model = siamfc_jax.load_model(_MODEL.value)
    fast = _FAST.value and not searches_one_image(model.tracking)
    if fast:
        model = model._replace(tracking=fast_tracking(model.tracking))
    name = tracked_as(_MODEL.value, fast=fast)
    tracker = MultiTracker(model)
    device = jax.devices()[0]
    print(f"model: {name}, on {device.platform} ({device.device_kind})", flush=True)
    # Copies share what is on the device; each has a state of its own as soon as it is begun.
    return name, lambda: copy.copy(tracker)


def _end_with_the_terminal() -> None:
    """As by SIGTERM, so that what was sent is removed; unless it runs under nohup."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        signal.signal(hangup, lambda *_: signal.raise_signal(signal.SIGTERM))


def _address(port: int, token: str | None) -> str:
    from experiments.studio.guard import in_address

    host = "127.0.0.1" if _HOST.value in _EVERYWHERE else _HOST.value
    return f"http://{in_address(host)}:{port}/" + (f"?token={token}" if token else "")


def _open_browser(address: str) -> None:
    # Without a display, Python would start a browser for terminals in this one.
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


if __name__ == "__main__":
    cli.run(main)
