"""Who may reach the studio, and what is let in."""

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from media_samples import cut_short, noise_frames, write_exact_video, write_video

from experiments.studio import uploads
from siamfc_jax.media.errors import MediaError

pytest.importorskip("starlette", reason="needs the extra studio")
from experiments.studio.guard import Guard

ROOT = Path(__file__).parents[1]
OWN = {"host": "127.0.0.1:8765"}
TOKEN = "x" * 32


def ask(token=None, *, kind="http", path="/", query="", port=8765, **headers):
    """Status (or "closed", or "passed") and headers of the answer to a request."""
    answers = []

    async def app(scope, receive, send):
        await send({"type": f"{kind}.response.start", "status": 200, "headers": []})

    async def send(sent):
        answers.append(sent)

    async def receive():
        return {"type": "websocket.connect"}

    fields = {name.replace("_", "-"): value for name, value in (OWN | headers).items()}
    scope = {
        "type": kind,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }
    asyncio.run(Guard(app, port, token)(scope, receive, send))
    got = dict(answers[0].get("headers", []))
    return answers[0].get("status", "closed"), {
        name.decode(): v.decode() for name, v in got.items()
    }


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765"])
def test_on_loopback_our_own_address_passes(kind, host):
    assert ask(kind=kind, host=host)[0] == 200
    assert ask(kind=kind, host=host, origin=f"http://{host}")[0] == 200


@pytest.mark.parametrize("host", ["evil.com:8765", "127.0.0.1:80", "127.0.0.1", ""])
def test_a_name_that_leads_here_is_not_ours(host):
    assert ask(host=host)[0] == 403
    assert ask(kind="websocket", host=host)[0] == "closed"


@pytest.mark.parametrize("origin", ["http://evil.com", "null", "http://127.0.0.1:1"])
def test_other_pages_cannot_ask_in_our_name(origin):
    assert ask(origin=origin)[0] == 403
    assert ask(kind="websocket", origin=origin)[0] == "closed"
    assert ask(TOKEN, query=f"token={TOKEN}", origin=origin)[0] == 403


@pytest.mark.parametrize("dest", ["image", "iframe", "script", ""])
def test_nothing_of_ours_stands_in_pages_of_others(dest):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-dest": dest}
    assert ask(**headers)[0] == 403
    assert ask(**headers | {"sec-fetch-site": "same-origin"})[0] == 200
    assert ask(**headers | {"sec-fetch-dest": "document"})[0] == 200


def test_on_the_port_of_http_browsers_leave_it_out():
    assert ask(port=80, host="127.0.0.1")[0] == ask(port=80, host="127.0.0.1:80")[0] == 200


@pytest.mark.parametrize("path", ["/", "/studio/key/upload", "/studio/key/tracked/csv"])
@pytest.mark.parametrize("query", ["", "token=", "token=y", f"token={TOKEN}y", "token=%ff%00"])
def test_with_a_token_nothing_passes_without_it(path, query):
    assert ask(TOKEN, path=path, query=query)[0] == 403
    assert ask(TOKEN, path=path, query=query, kind="websocket")[0] == "closed"


def test_a_token_moves_from_the_address_into_a_cookie():
    status, headers = ask(TOKEN, query=f"a=1&token={TOKEN}", host="example.org")
    assert (status, headers["location"]) == (303, "/?a=1")
    assert "HttpOnly" in headers["set-cookie"] and "SameSite=Strict" in headers["set-cookie"]
    cookie = headers["set-cookie"].partition(";")[0]
    assert ask(TOKEN, cookie=cookie, host="example.org")[0] == 200
    assert ask(TOKEN, cookie=cookie, host="example.org", kind="websocket")[0] == 200


def test_a_redirect_stays_here():
    headers = ask(TOKEN, path="//evil.com", query=f"token={TOKEN}")[1]
    assert headers["location"] == "/evil.com"


@pytest.mark.parametrize("cookie", ["siamfc_studio_8765=no", "other=x", "=;=", "a b=c\x01"])
def test_other_cookies_do_not_help(cookie):
    assert ask(TOKEN, cookie=cookie)[0] == 403


def test_a_page_may_load_nothing_from_elsewhere():
    headers = ask()[1]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"


def save(folder, *chunks, most=100):
    async def sent():
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    return asyncio.run(uploads.save(sent(), folder, most))


def test_what_is_sent_is_kept_for_us_alone_under_a_name_of_ours(tmp_path):
    path = save(tmp_path, b"ab", b"cd")
    assert path.read_bytes() == b"abcd"
    assert path.parent == tmp_path and len(path.name) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_more_than_is_allowed_is_refused_while_it_comes(tmp_path):
    with pytest.raises(uploads.TooLarge, match="larger than"):
        save(tmp_path, b"x" * 60, b"x" * 60)
    assert os.listdir(tmp_path) == []


def test_nothing_is_left_of_what_breaks_off(tmp_path):
    with pytest.raises(ConnectionError):
        save(tmp_path, b"x", ConnectionError())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"words\n" * 99,
        b"",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:8,\nclip.ts\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile clip.ts\n",
    ],
)
def test_what_is_no_video_or_leads_elsewhere_is_refused_and_removed(tmp_path, content):
    write_video(tmp_path / "clip.ts", noise_frames(30))
    path = tmp_path / "upload.m3u8"
    path.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        uploads.open_upload(path, "holiday.mp4")
    assert str(caught.value).startswith("holiday.mp4: ")
    assert str(tmp_path) not in str(caught.value) and "\n" not in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("holiday.mp4", "holiday"),
        ("../../etc/passwd", "passwd"),
        ("C:\\a\\b.avi", "b"),
        ("", "the file"),
    ],
)
def test_a_sent_video_is_called_by_the_last_part_of_its_name(tmp_path, name, stem):
    path = write_exact_video(tmp_path / "clip.mkv", noise_frames(3))
    with uploads.open_upload(path, name) as footage:
        assert footage.name == stem


def test_a_sent_video_that_is_cut_short_opens_and_says_so(tmp_path):
    path = cut_short(write_exact_video(tmp_path / "clip.mkv", noise_frames(50)))
    with uploads.open_upload(path, "holiday.mkv") as footage:
        assert footage.problem.startswith("holiday.mkv: breaks off after")


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["none.mp4"], "none.mp4: no such file"),
        (["README.md"], "README.md: "),
        (["a", "b"], "one video at a time"),
        (["--max_upload_mb=0"], "max_upload_mb"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_before_anything_is_served(args, complaint):
    command = [sys.executable, "-m", "experiments.studio", "--noopen", *args]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr and done.stderr.count("\n") == 1
