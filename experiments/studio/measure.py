"""How fast the page is: the real server, a real browser, a rendered video.

Everything runs on this machine, the browser too, which takes its share of the processors.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.video_writer import VideoWriter

_WIDTH, _HEIGHT = 640, 480
_SIDE = 64
# The video's rate is the most that a page shows.
_FPS = 60.0
_WARM_FRAMES = 100
_LONGEST_STILL_SECONDS = 120.0


@dataclass(frozen=True)
class PageSpeed:
    """Rates in frames/s, `cpu_ms` a frame of the server in all its threads, memory in MB."""

    tracked_fps: float
    shown_fps: float
    cpu_ms: float
    rss_start: float
    rss_end: float

    def text(self) -> str:
        return (
            f"tracked {self.tracked_fps:.1f} frames/s, shown {self.shown_fps:.1f} frames/s; "
            f"server's processor time {self.cpu_ms:.1f} ms a frame; "
            f"its memory {self.rss_start:.0f} MB at the start, {self.rss_end:.0f} MB at the end"
        )


def measure(n_frames: int, model: str, fast: bool) -> int:
    """Prints the speed of the page alone, whose tracker answers at once, and with the model."""
    flags = [f"--model={model}", "--fast" if fast else "--nofast"]
    with tempfile.TemporaryDirectory() as folder, _browser(Path(folder)) as browser:
        clip = Path(folder) / "moving_square.mp4"
        render(clip, n_frames + _WARM_FRAMES)
        for name, program in (
            ("page alone", ["experiments.studio.still"]),
            (f"with {' '.join(flags)}", ["experiments.studio", *flags, "--noopen"]),
        ):
            with _server([sys.executable, "-m", *program, str(clip)]) as (pid, address):
                speed = _watched(browser, pid, address, n_frames)
            print(
                f"{name}, {n_frames} frames of {_WIDTH}x{_HEIGHT} at {_FPS:g}/s: {speed.text()}",
                flush=True,
            )
    return 0


def render(path: Path, n_frames: int) -> None:
    """A textured square wanders over a still background."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(60, 196, (_HEIGHT // 16, _WIDTH // 16, 3), np.uint8)
    background = blocks.repeat(16, 0).repeat(16, 1)
    square = rng.integers(0, 256, (4, 4, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    with VideoWriter(path, _FPS) as writer:
        for frame in range(n_frames):
            x, y = place(frame)
            image = background.copy()
            image[y : y + _SIDE, x : x + _SIDE] = square
            writer.write(image)


def place(frame: int) -> tuple[int, int]:
    """The square's upper-left corner (x, y) in a frame."""
    angle = 0.01 * frame
    return round(288 + 200 * np.sin(angle)), round(208 + 140 * np.sin(1.3 * angle))


def _watched(browser: Any, pid: int, address: str, n_frames: int) -> PageSpeed:
    browser.get(address)
    _until(browser, 0)
    _draw(browser, *place(0))
    _until(browser, _WARM_FRAMES)
    begin, first, cpu, rss = time.perf_counter(), _state(browser), _cpu_seconds(pid), _rss(pid)
    _until(browser, n_frames)
    seconds, last = time.perf_counter() - begin, _state(browser)
    frames, shown = (after - before for before, after in zip(first, last, strict=True))
    cpu_ms = 1e3 * (_cpu_seconds(pid) - cpu) / frames
    return PageSpeed(frames / seconds, shown / seconds, cpu_ms, rss, _rss(pid))


def _state(browser: Any) -> tuple[int, int]:
    """The frame that the page shows, and how many it has drawn; -1 before the first one."""
    data = browser.execute_script("""
        const data = document.querySelector(".stage")?.dataset;
        return data?.shown ? [Number(data.frame), Number(data.shown)] : [-1, 0];
    """)
    return data[0], data[1]


def _until(browser: Any, frame: int) -> None:
    """Waits for a frame; MediaError: none came for long."""
    last, moved = _state(browser), time.monotonic()
    while last[0] < frame:
        time.sleep(0.2)
        state = _state(browser)
        if state != last:
            last, moved = state, time.monotonic()
        if time.monotonic() - moved > _LONGEST_STILL_SECONDS:
            raise MediaError(f"the page stands still at frame {last[0]}")


def _draw(browser: Any, x: int, y: int) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    screen = browser.find_element("css selector", ".screen")
    scale = screen.rect["width"] / _WIDTH
    left, top = ((one - extent / 2) * scale for one, extent in ((x, _WIDTH), (y, _HEIGHT)))
    drag = ActionChains(browser)
    drag.move_to_element_with_offset(screen, round(left), round(top)).click_and_hold()
    drag.move_by_offset(round(_SIDE * scale), round(_SIDE * scale)).release().perform()


@contextmanager
def _browser(folder: Path) -> Iterator[Any]:
    from selenium import webdriver

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        raise MediaError("--measure needs the programs chromium and chromedriver on the PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,800"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


@contextmanager
def _server(command: list[str]) -> Iterator[tuple[int, str]]:
    """A studio in a process of its own: its id and address."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.pid, _address(process)
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        name, _, address = line.strip().partition(": ")
        if name == "studio":
            return address
    raise MediaError("the studio did not start; what it printed tells why")


def _cpu_seconds(pid: int) -> float:
    """Processor time of all threads of a process so far; Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss(pid: int) -> float:
    """MB of memory that a process holds; Linux."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
