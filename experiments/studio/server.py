"""The web server: NiceGUI's page and our routes, behind the guard, on one socket."""

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from nicegui import app, ui

from experiments.studio.desk import Studio
from experiments.studio.guard import Guard
from experiments.studio.page import Page
from experiments.studio.routes import add_routes
from siamfc_jax.media.errors import MediaError

# A page that is gone for so long, a sleeping phone perhaps, loses its desk.
_AWAY_SECONDS = 10.0
_LEAVE_SECONDS = 3
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="6" fill="#14171c"/>'
    '<rect x="7" y="9" width="18" height="14" fill="none" stroke="#ffd60a" stroke-width="3"/></svg>'
)


def listen(host: str, port: int) -> socket.socket:
    """A socket that waits for connections; port 0: any that is free. OSError, in one line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise OSError(f"--host={host} --port={port}: {reason}; choose another") from error
    return listener


def serve(studio: Studio, listener: socket.socket, token: str | None) -> None:
    """Serves until a signal comes; then raises what stops the program."""
    port = listener.getsockname()[1]

    @ui.page("/", title="studio", favicon=_ICON, dark=True)
    def page() -> None:
        try:
            Page(studio)
        except MediaError as error:
            ui.label(str(error))

    add_routes(app, studio)
    outer = FastAPI(openapi_url=None)
    ui.run_with(
        outer,
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=_AWAY_SECONDS,
        message_history_length=100,
    )
    config = uvicorn.Config(
        Guard(outer, port, token),
        log_level="warning",
        access_log=False,
        server_header=False,
        # Pictures do not get smaller.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_LEAVE_SECONDS,
    )
    _Server(config, on_exit=studio.close).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Lets go of the pages first: the server waits for their connections to end."""

    def __init__(self, config: uvicorn.Config, on_exit: Callable[[], None]):
        super().__init__(config)
        self._on_exit = on_exit

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_exit()
        await super().shutdown(sockets)
