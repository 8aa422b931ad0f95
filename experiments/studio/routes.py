"""What passes between a page and its desk beside the page's own events: pictures and files."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, NoReturn, TypeVar

from fastapi import FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.requests import ClientDisconnect

from experiments.studio import uploads
from experiments.studio.desk import Desk, Studio
from experiments.studio.export import KINDS
from experiments.studio.picture import message

_NO_DESK = 4404
T = TypeVar("T")


def add_routes(app: FastAPI, studio: Studio) -> None:
    """Adds /studio/KEY/..., where KEY is a desk's: a secret that only its page knows."""

    @app.websocket("/studio/{key}/live")
    async def live(socket: WebSocket, key: str) -> None:
        await socket.accept()
        desk = studio.desks.get(key)
        if desk is None:
            await socket.close(_NO_DESK)
            return
        try:
            await _show(socket, desk, studio)
        except (WebSocketDisconnect, RuntimeError):
            # RuntimeError: sent after the page has gone.
            return

    @app.post("/studio/{key}/upload")
    async def upload(request: Request, key: str, name: str = "") -> PlainTextResponse:
        desk = _desk(studio, key)
        try:
            _check_length(request, studio.most_upload_bytes)
            path = await uploads.save(request.stream(), desk.folder, studio.most_upload_bytes)
            footage = await asyncio.to_thread(uploads.open_upload, path, name)
        except ClientDisconnect:
            return PlainTextResponse("", 400)
        except (ValueError, OSError) as error:
            # What is no video is no error of the page's: browsers write those on their console.
            status = 413 if isinstance(error, uploads.TooLarge) else 200
            return PlainTextResponse(" ".join(str(error).split()), status)
        desk.open(footage, path)
        return PlainTextResponse("")

    @app.get("/studio/{key}/tracked/{kind}")
    def download(key: str, kind: str) -> FileResponse:
        path, name = _desk(studio, key).downloads.get(kind, (None, ""))
        if kind not in KINDS or path is None or not path.is_file():
            raise HTTPException(404)
        return FileResponse(path, filename=f"{name}_tracked.{kind}")


async def _show(socket: WebSocket, desk: Desk, studio: Studio) -> None:
    """Sends the newest view, waits until it was drawn, and so on: no picture ever queues up."""
    loop, drawn, seen = asyncio.get_running_loop(), asyncio.Event(), 0

    async def listen() -> NoReturn:
        while True:
            await socket.receive_text()
            drawn.set()

    listener = asyncio.create_task(listen())
    try:
        while not desk.player.closed:
            seen, view = await _unless(listener, desk.player.newest(seen))
            if view is None:
                continue
            drawn.clear()
            picture = partial(message, view, desk.with_responses)
            await socket.send_bytes(await loop.run_in_executor(studio.pictures, picture))
            await _unless(listener, drawn.wait())
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def _unless(listener: asyncio.Task[NoReturn], coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result; raises what ended the listener if that comes first."""
    task = asyncio.create_task(coroutine)
    await asyncio.wait({task, listener}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return task.result()
    task.cancel()
    return listener.result()


def _desk(studio: Studio, key: str) -> Desk:
    desk = studio.desks.get(key)
    if desk is None:
        raise HTTPException(404)
    return desk


def _check_length(request: Request, most_bytes: int) -> None:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most_bytes:
        raise uploads.too_large(most_bytes)
