"""The studio's page in a real browser: Chromium without a window, where there is one."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import pytest
from media_samples import video_frames, write_exact_video, write_video
from tracking_worlds import NETWORK, matching_params, scene

from siamfc_jax.boxes import iou
from siamfc_jax.loading import model_config
from siamfc_jax.media.box_writer import read_boxes_csv
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.confidence import Confidence
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.weights import save_weights

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
pytest.importorskip("nicegui", reason="needs the extra studio")
ActionChains, Keys = webdriver.ActionChains, webdriver.Keys

ROOT = Path(__file__).parents[1]
N_FRAMES = 30
EARLY: list[Path] = []


@pytest.fixture(scope="module")
def server(tmp_path_factory, browser):
    """(process, address, its folder for temporary files)"""
    folder = tmp_path_factory.mktemp("studio")
    weights, scratch = folder / "tiny.safetensors", folder / "tmp"
    # A match scores 0.99, the plain background 0.02.
    params = matching_params() | {"head": {"bias": jnp.full((), -4.0)}}
    network = SiamFCNetwork(NETWORK.backbone, gain=100.0)
    tracking = replace(SIAMFC_3S_PAPER, confidence=Confidence(lost_below=0.5))
    save_weights(weights, params, model_config(network, tracking))
    scratch.mkdir()
    command = [sys.executable, "-m", "experiments.studio", f"--model={weights}", "--noopen"]
    with subprocess.Popen(
        [*command, "--max_upload_mb=2"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        address = next(re.search(r"http://\S+", line) for line in process.stdout if "http" in line)
        yield process, address[0], scratch
        process.kill()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(a clip whose target is gone in its second half, its frames, the target's boxes)"""
    frames, boxes = scene(N_FRAMES, size=(240, 320), start=(60, 80), side=48)
    frames[N_FRAMES // 2 :] = frames[0, 0, 0]
    path = write_exact_video(tmp_path_factory.mktemp("clips") / "square.mkv", frames)
    return path, frames, boxes


@pytest.fixture
def page(browser, server):
    resize(browser, 1280, 800)
    browser.get(server[1])
    yield browser
    assert browser.get_log("browser") == []
    fetched = "return performance.getEntriesByType('resource').map((one) => one.name)"
    assert all(one.startswith((server[1], "blob:")) for one in browser.execute_script(fetched))


@pytest.fixture
def opened(page, world):
    """The page with the clip on it."""
    send(page, world[0])
    until(lambda: frame(page) == 0)
    return page


def resize(browser, width, height):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, condition
        time.sleep(0.03)
    return value


def send(page, path):
    until(lambda: page.find_elements("css selector", "input[type=file]"))[0].send_keys(str(path))


def frame(page):
    value = page.execute_script("return document.querySelector('.stage')?.dataset.frame")
    return None if value is None else int(value)


def corners(page, box):
    """The box's upper-left and lower-right corner as offsets (x, y) from the screen's middle."""
    screen = page.find_element("css selector", ".screen")
    scale = screen.rect["width"] / 320
    x, y, w, h = (float(value) for value in box)
    return screen, [
        (round((px - 160) * scale), round((py - 120) * scale))
        for px, py in ((x, y), (x + w, y + h))
    ]


def drag(page, box):
    screen, (begin, end) = corners(page, box)
    mouse = ActionChains(page, duration=20)
    mouse.move_to_element_with_offset(screen, *begin).click_and_hold()
    mouse.move_to_element_with_offset(screen, *end).release().perform()


def button(page, text):
    return next(one for one in page.find_elements("tag name", "button") if text in one.text)


def said(page):
    return texts(page, ".q-notification__message")


def scores(page):
    return texts(page, ".targets .score")


def texts(page, selector):
    script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
    return page.execute_script(script, selector)


def press(page, *keys):
    ActionChains(page, duration=0).send_keys(*keys).perform()


def test_a_box_drawn_with_the_mouse_is_followed_and_downloaded(opened, world, server, tmp_path):
    behaviour = {"behavior": "allow", "downloadPath": str(tmp_path)}
    opened.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    drag(opened, world[2][0])
    until(lambda: frame(opened) == N_FRAMES - 1)
    for text, kind in (("Boxes (CSV)", "csv"), ("Video (MP4)", "mp4")):
        until(lambda: button(opened, "Download").is_enabled())
        button(opened, "Download").click()
        until(lambda text=text: item(opened, text)).click()
        path = tmp_path / f"square_tracked.{kind}"
        until(path.exists)
    followed = read_boxes_csv(tmp_path / "square_tracked.csv").boxes[:, 0]
    assert followed.shape == (N_FRAMES, 4)
    there = slice(0, N_FRAMES // 2)
    assert iou(followed[there], world[2][there]).min() > 0.5
    assert len(video_frames(tmp_path / "square_tracked.mp4")) == N_FRAMES
    EARLY.extend(path for path in server[2].rglob("*") if path.is_file())


def item(page, text):
    items = page.find_elements("css selector", ".q-menu .q-item")
    return next((one for one in items if text in one.text and one.is_displayed()), None)


def test_a_target_that_is_gone_is_lost_and_says_so(opened, world):
    drag(opened, world[2][0])
    until(lambda: frame(opened) == N_FRAMES - 1)
    assert opened.find_element("css selector", ".targets .badge").text == "lost"
    press(opened, Keys.TAB, Keys.HOME)
    until(lambda: frame(opened) == 0)
    assert opened.find_elements("css selector", ".targets .badge") == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"words\n" * 99, "holiday.mp4: is not a video|holiday.mp4: cannot be opened as a video"),
        (b"", "holiday.mp4: the file is empty"),
        (b"x" * 2_000_001, "holiday.mp4: is larger than 2 MB"),
    ],
)
def test_a_wrong_file_is_told_in_one_line_and_the_page_goes_on(
    page, world, tmp_path, content, complaint
):
    (tmp_path / "holiday.mp4").write_bytes(content)
    send(page, tmp_path / "holiday.mp4")
    (line,) = until(lambda: said(page))
    assert re.match(complaint, line) and "\n" not in line
    send(page, world[0])
    until(lambda: frame(page) == 0)


def test_a_click_without_a_drag_is_told_and_nothing_is_followed(opened):
    drag(opened, (50, 50, 0, 0))
    assert "no area" in until(lambda: said(opened))[0]
    assert scores(opened) == []


def test_two_tabs_do_not_see_each_other(opened, world, server, tmp_path):
    drag(opened, world[2][0])
    until(lambda: scores(opened))
    opened.switch_to.new_window("tab")
    resize(opened, 1280, 800)
    try:
        opened.get(server[1])
        until(lambda: button(opened, "Try the demo clip"))
        assert frame(opened) is None
        other = write_exact_video(tmp_path / "other.mkv", world[1][:3])
        send(opened, other)
        until(lambda: frame(opened) == 0)
        assert scores(opened) == []
        assert opened.find_element("css selector", ".file").text == "other"
    finally:
        opened.close()
        opened.switch_to.window(opened.window_handles[0])
    assert opened.find_element("css selector", ".file").text == "square"
    until(lambda: frame(opened) == N_FRAMES - 1)
    assert len(scores(opened)) == 1


def test_everything_can_be_done_from_the_keyboard(page, world, tmp_path):
    # Six seconds long, so that there is time to pause it.
    clip = tmp_path / "slow.mkv"
    send(page, write_video(clip, world[1], codec="ffv1", pix_fmt="bgr0", fps=5))
    until(lambda: frame(page) == 0)
    focused = "return document.activeElement.className || document.activeElement.ariaLabel"
    page.execute_script("document.activeElement.blur()")
    names = []
    for _ in range(4):
        press(page, Keys.TAB)
        names.append(page.execute_script(focused))
        if names[-1] == "stage":
            break
    assert names[-1] == "stage", names
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.execute_script(outline) == "solid"
    # A box of 53 x 40 appears in the middle, (134, 100); the target is 48 wide at (60, 80).
    press(page, Keys.ARROW_LEFT, *[Keys.ARROW_LEFT] * 18, *[Keys.ARROW_UP] * 5)
    with_shift = ActionChains(page, duration=0).key_down(Keys.SHIFT)
    with_shift.send_keys(Keys.ARROW_LEFT, Keys.ARROW_DOWN, Keys.ARROW_DOWN).key_up(Keys.SHIFT)
    with_shift.perform()
    spoken = page.find_element("css selector", "[aria-live]").get_attribute("textContent")
    assert spoken == "Box 49 by 48 pixels, 62 from the left, 80 from the top"
    press(page, Keys.ENTER)
    until(lambda: scores(page))
    until(lambda: frame(page) >= 1)
    press(page, Keys.SPACE)
    until(lambda: page.find_elements("css selector", "[aria-label=Play]"))
    stopped = frame(page)
    press(page, Keys.TAB, Keys.ARROW_LEFT)
    until(lambda: frame(page) == stopped - 1)
    back = ActionChains(page, duration=0).key_down(Keys.SHIFT).send_keys(Keys.TAB)
    back.key_up(Keys.SHIFT).send_keys(Keys.DELETE).perform()
    until(lambda: not scores(page))


def test_the_help_tells_the_keys_and_closes(page):
    until(lambda: page.find_elements("css selector", "[aria-label=Help]"))[0].click()
    text = until(lambda: "".join(texts(page, ".help")))
    for key in ("Arrow keys", "Shift + arrows", "Enter", "Space", "Delete"):
        assert key in text
    press(page, Keys.ESCAPE)
    until(lambda: not page.find_elements("css selector", ".help"))


def test_on_a_phone_nothing_sticks_out_and_fingers_draw(opened, world):
    resize(opened, 390, 844)
    until(lambda: opened.find_element("css selector", ".screen").rect["width"] <= 370)
    screen, ((x0, y0), (x1, y1)) = corners(opened, world[2][0])
    area = screen.rect
    middle = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    for kind, points in (
        ("touchStart", [(x0, y0)]),
        ("touchMove", [(x1, y1)]),
        ("touchEnd", []),
    ):
        touches = [{"x": middle[0] + x, "y": middle[1] + y} for x, y in points]
        touch = {"type": kind, "touchPoints": touches}
        opened.execute_cdp_cmd("Input.dispatchTouchEvent", touch)
    until(lambda: scores(opened))
    assert opened.execute_script("return document.documentElement.scrollWidth") <= 390
    sizes = opened.execute_script("""
        const all = [...document.querySelectorAll("button, input[type=range], .q-toggle")];
        return all.filter((one) => one.offsetParent).map((one) => [one.outerHTML.slice(0, 80),
          Math.min(one.offsetWidth, one.offsetHeight)])""")
    assert len(sizes) >= 7
    assert [one for one in sizes if one[1] < 40] == []


def test_strangers_get_nothing(server):
    host, port = server[1].removeprefix("http://").rstrip("/").split(":")

    def status(method, path, **headers):
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request(method, path, b"x" if method == "POST" else None, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    assert status("GET", "/", Host="evil.com") == 403
    assert status("POST", "/studio/key/upload", Origin="http://evil.com") == 403
    socket = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    socket["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    for path in ("/studio/key/live", "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"):
        assert status("GET", path, Origin="http://evil.com", **socket) == 403
    for path in ("key/tracked/csv", "key/tracked/..%2f..%2fupload", "../../etc/passwd", "%2e%2e/"):
        assert status("GET", f"/studio/{path}") == 404
    assert status("POST", "/studio/key/upload") == 404


def test_a_page_that_is_gone_leaves_no_file_and_a_signal_no_folder(server):
    process, _, scratch = server
    (folder,) = scratch.iterdir()
    # That of the first test, long ago.
    until(lambda: not EARLY[0].exists())
    assert folder.stat().st_mode & 0o777 == 0o700
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGTERM
    assert list(scratch.iterdir()) == []
